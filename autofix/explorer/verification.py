"""Does the changed code pass the repository's own linter and tests? They run in a sandbox, or not at all."""

from __future__ import annotations

import shutil
import sys
import time
import tomllib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from django.utils import timezone

from autofix import conf
from autofix.explorer import sandbox
from autofix.explorer.agents.base import Blocks
from autofix.explorer.state import BlockContent, FilePatch, Message, latest_patches
from autofix.explorer.workspace import Checkout
from autofix.redaction import redact

VERIFICATION = "verification"
PYTEST_FAILED = 1
KEPT_S = 10.0
"""What is left of a turn's time for its end, however long the checks take."""


@dataclass(frozen=True)
class Check:
    """A command that the repository's files name. Statuses in ``failing`` are the program's fault; others but 0 say nothing."""

    name: str
    command: Sequence[str]
    failing: tuple[int, ...] = (1,)


def verified(
    contents: Blocks,
    history: Sequence[BlockContent],
    checkouts: Mapping[str, Checkout],
    deadline: datetime | None,
) -> Blocks:
    """The agent's blocks and, behind them, one that says whether the change was verified; None while it waits.

    ``history`` grows by what is yielded, as that is stored. ``deadline``: the turn's. What the checks take of it must not
    cost the change.
    """
    if history and VERIFICATION in history[-1].message.metadata:
        return None  # a worker that died has got this far
    last = yield from contents
    written = [*history, last] if last is not None else history
    patches = latest_patches(written)
    if not patches:
        return last
    if last is not None:
        yield last  # the checks take a while
    said = yield from _words(patches, checkouts, _time_for_checks_s(deadline))
    message = Message(role="tool_use", content=said, metadata={"tool": "verify", VERIFICATION: said})
    return BlockContent(message=message, file_patches=patches)


def _time_for_checks_s(deadline: datetime | None) -> float:
    limit_s = conf.settings().verify.timeout_s
    if deadline is None:
        return limit_s
    return min(limit_s, (deadline - timezone.now()).total_seconds() - KEPT_S)


def _words(
    patches: Sequence[FilePatch], checkouts: Mapping[str, Checkout], time_s: float
) -> Generator[None, None, str]:
    if time_s <= 0:
        return "Not verified: the turn had no time left for it."
    if not sandbox.available():
        return "Not verified: bubblewrap (bwrap) is not there or does not work; nothing was run."
    told = []
    end = time.monotonic() + time_s
    for name in dict.fromkeys(patch.repo_name for patch in patches):
        checks = checks_of(
            checkouts[name].root,
            [p.patch.path for p in patches if p.repo_name == name and p.patch.type != "D"],
        )
        for check in checks:
            ended = yield from sandbox.run(
                check.command,
                checkouts[name].root,
                timeout_s=max(1.0, end - time.monotonic()),
                memory_mb=conf.settings().verify.memory_mb,
            )
            told.append(_told(check, ended))
        if not checks:
            told.append(f"Not verified: {name} names no linter or tests that can run here.")
    return redact(" ".join(told))


def checks_of(root: Path, changed: Sequence[str]) -> list[Check]:
    """What the repository's files name, as far as the programs are here."""
    project = _toml(root / "pyproject.toml").get("tool", {})
    python = [path for path in changed if path.endswith(".py")]
    checks = []
    if python and ("ruff" in project or (root / "ruff.toml").is_file()) and find_spec("ruff"):
        checks.append(Check("ruff", [sys.executable, "-m", "ruff", "check", "--no-cache", "--", *python]))
    tests = "pytest" in project or (root / "pytest.ini").is_file() or any(root.glob("tests/**/test_*.py"))
    if tests and find_spec("pytest"):
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        checks.append(Check("pytest", command, (PYTEST_FAILED,)))
    elif tests:
        checks.append(Check("unittest", [sys.executable, "-m", "unittest", "discover", "-q"]))
    if (root / "go.mod").is_file() and shutil.which("go"):
        checks += [Check("go vet", ["go", "vet", "./..."]), Check("go test", ["go", "test", "./..."])]
    return checks


def _told(check: Check, ended: sandbox.Ended) -> str:
    last = ended.output.splitlines()[-1] if ended.output else "no output"
    if ended.status == 0:
        return f"{check.name} passed ({last})."
    if ended.status is None:
        return f"Not verified by {check.name}: it did not end in time."
    if ended.status == sandbox.COULD_NOT_COPY:
        return f"Not verified by {check.name}: the code does not fit into its box ({last})."
    if ended.status in check.failing:
        return f"{check.name} failed ({last})."
    return f"Not verified by {check.name}: it ended with status {ended.status} ({last})."


def _toml(path: Path) -> dict[str, dict[str, object]]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
