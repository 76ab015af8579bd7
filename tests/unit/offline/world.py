"""A small program in a real repository, the event of its real crash as the SDK writes it, and what the agent makes of both."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.serializer import serialize
from sentry_sdk.utils import event_from_exception

from autofix.explorer.agents.offline import Investigation, investigate
from autofix.explorer.workspace import Checkout, open_workspace, pin_repositories
from autofix.hosts import Event, Issue
from autofix.hosts.normalise import normalise_event
from tests.repositories import Snapshot, bare_repository, local_roots

ISSUE = Issue(
    id="1", short_id="SHOP-1", title="It crashed", organization_id="1", project_id="1", times_seen=3
)


@contextmanager
def checkouts_of(folder: Path, snapshots: Sequence[Snapshot]) -> Iterator[dict[str, Checkout]]:
    """The newest snapshot, checked out from a real repository below ``folder``."""
    with local_roots(folder):
        repository = bare_repository(folder / "repository", snapshots)
        pins = pin_repositories([repository], "")
        with open_workspace(str(folder), [repository], pins, []) as checkouts:
            yield checkouts


def sent_by(program: Path) -> dict[str, Any]:
    """What the SDK would send for the exception that ends this program."""
    try:
        runpy.run_path(str(program), run_name="shop")
    except Exception as exc:  # noqa: BLE001 - whatever ends the program is the point
        trace = exc.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != str(program):
            trace = trace.tb_next
        event, _ = event_from_exception((type(exc), exc, trace), client_options=dict(DEFAULT_OPTIONS))
        return dict(serialize({**event, "event_id": "e" * 32, "platform": "python"}))
    raise AssertionError(f"{program.name} did not crash on {sys.version}")


@contextmanager
def crash(
    folder: Path, code: str, *, before: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> Iterator[tuple[Event, dict[str, Checkout]]]:
    """The event of ``shop/app.py`` with this code, and the checkouts. ``before``: its texts in earlier commits."""
    versions = [*(dedent(text).lstrip() for text in before), dedent(code).lstrip()]
    first = Snapshot({"README.md": "A shop.\n", **(more or {})}, "Begin", day=1)
    later = [
        Snapshot({"shop/app.py": text}, f"Version {number}", ("Ben", "ben@example.com"), day=number + 1)
        for number, text in enumerate(versions, start=1)
    ]
    program = folder / "run" / "shop" / "app.py"
    program.parent.mkdir(parents=True)
    program.write_text(versions[-1], encoding="utf-8")
    event = normalise_event(sent_by(program))
    with checkouts_of(folder, [first, *later]) as checkouts:
        yield event, checkouts


def investigated(folder: Path, code: str, **how: Any) -> Investigation:
    """What the agent finds when this program crashes."""
    with crash(folder, code, **how) as (event, checkouts):
        return investigate(event, ISSUE, checkouts)


def edited(folder: Path, code: str, **how: Any) -> str | None:
    """The program as the agent would change it; None where it abstains."""
    return investigated(folder, code, **how).edited
