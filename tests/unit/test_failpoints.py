"""Failpoints: nothing without the variable, what it says with it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from autofix import failpoints
from autofix.failpoints import FailpointReached, failpoint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time that a block is stored, an error."""
    monkeypatch.setattr(failpoints, "_planned", failpoints._plan("block.after_commit#2=error"))
    failpoints._reached.clear()


def test_nothing_is_planned_here() -> None:
    """Without the variable no place does anything."""
    assert not failpoints._planned
    for point in failpoints.POINTS:
        failpoint(point)


@pytest.mark.usefixtures("plan")
def test_the_named_time_once() -> None:
    """Only the place and the time that were named, and only once."""
    failpoint("block.before_commit")
    failpoint("block.after_commit")
    with pytest.raises(FailpointReached):
        failpoint("block.after_commit")
    failpoint("block.after_commit")


@pytest.mark.parametrize("text", ["nowhere=kill", "hook.judged=explode", "hook.judged"])
def test_what_there_is_not_is_refused(text: str) -> None:
    """A misspelt plan ends the process at its start instead of proving nothing."""
    with pytest.raises(ValueError, match="AUTOFIX_FAILPOINTS"):
        failpoints._plan(text)


def test_kill_is_a_kill() -> None:
    """The process ends as by a power cut: no handler, no exit code of its own."""
    program = "from autofix.failpoints import failpoint; failpoint('hook.judged'); print('still here')"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"AUTOFIX_FAILPOINTS": "hook.judged=kill"}, cwd=ROOT,
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (-9, b"")


def test_every_place_is_in_the_code_and_in_the_documentation() -> None:
    """The list names exactly the places that the code passes, and the page repeats it."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "autofix").rglob("*.py"))
    assert set(re.findall(r'failpoint\("([\w.]+)"\)', code)) == set(failpoints.POINTS)
    page = (ROOT / "docs" / "reference" / "failpoints.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `([\w.]+)` \| (.*) \|$", page, re.MULTILINE)) == failpoints.POINTS
