"""Frames are found in the repository by the code mapping or the longest path that agrees, and never by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from autofix.explorer.agents.offline.evidence import gather, longest_suffix, mapped
from autofix.explorer.agents.offline.verdicts import judge
from autofix.hosts import Event, Issue
from autofix.hosts.types import ExceptionInfo, Frame
from tests.repositories import Snapshot
from tests.unit.offline.world import ISSUE, checkouts_of, crash, investigated

CODE = "def total(prices):\n    return prices['tea']\n"
SNAPSHOT = Snapshot(
    {"src/shop/cart.py": CODE, "src/shop/client.py": "x = 1\n", "lib/cart.py": "y = 2\n"}, "Begin"
)


def event(*frames: Frame, kind: str = "KeyError", value: str = "'tea'") -> Event:
    """An event with one exception."""
    return Event(id="e", exceptions=(ExceptionInfo(type=kind, value=value, frames=frames),))


def frame(
    path: str, line: int = 2, text: str | None = "    return prices['tea']", *, in_app: bool = True
) -> Frame:
    """A frame of ``total``."""
    return Frame(
        abs_path=path, filename=path, function="total", lineno=line, context_line=text, in_app=in_app
    )


@pytest.mark.parametrize(
    ("shown", "stack_root", "source_root", "path"),
    [
        ("/srv/app/shop/cart.py", "/srv/app/", "src/", "src/shop/cart.py"),
        ("/srv/app/shop/cart.py", "/srv/app/", "", "shop/cart.py"),
        ("/srv/app/shop/cart.py", "/srv/other/", "src/", ""),
        ("/srv/app/shop/cart.py", "", "src/", ""),
    ],
)
def test_the_code_mapping_replaces_the_root(shown: str, stack_root: str, source_root: str, path: str) -> None:
    """The stack's root becomes the source's root; elsewhere the mapping says nothing."""
    assert mapped(shown, stack_root, source_root) == path


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("/srv/app/shop/cart.py", ("a", "src/shop/cart.py", 2)),
        ("/srv/app/till/cart.py", None),  # only the name agrees, in two files
        ("/srv/app/shop/menu.py", None),
    ],
)
def test_the_longest_agreeing_path_wins_when_it_is_one(
    shown: str, found: tuple[str, str, int] | None
) -> None:
    """Two files that agree equally long are no answer."""
    paths = [path for path in ("src/shop/cart.py", "lib/cart.py") if path.endswith(shown.rsplit("/", 1)[-1])]
    assert longest_suffix(shown, {"a": paths}) == found


@pytest.mark.parametrize(
    ("path", "in_app", "is_placed"),
    [
        ("/srv/app/src/shop/cart.py", True, True),
        ("C:\\app\\src\\shop\\cart.py", True, True),
        ("/usr/lib/python3/site-packages/shop/cart.py", True, False),
        ("/srv/app/other/client.py", True, False),
    ],
)
def test_frames_are_placed(tmp_path: Path, path: str, in_app: bool, is_placed: bool) -> None:
    """A library's file of the same name, or one whose lines differ, is not the repository's."""
    with checkouts_of(tmp_path, [SNAPSHOT]) as checkouts:
        found = gather(event(frame(path, in_app=in_app)), ISSUE, checkouts)
    assert bool(found.places) is is_placed


def test_the_stack_root_of_the_repository_is_used(tmp_path: Path) -> None:
    """A mapped path wins over one that only looks alike."""
    with checkouts_of(tmp_path, [SNAPSHOT]) as checkouts:
        found = gather(event(frame("/srv/lib/cart.py", 1, "y = 2")), ISSUE, checkouts)
        assert [place.file.path for place in found.places] == ["lib/cart.py"]


@pytest.mark.parametrize(
    ("kind", "value", "assessment", "code"),
    [
        ("ConnectionRefusedError", "[Errno 111] Connection refused", "not_actionable", "connection_refused"),
        ("requests.exceptions.ConnectionError", "Max retries: Name or service not known", "not_actionable", "connection_refused"),
        ("ReadTimeout", "", "not_actionable", "timed_out"),
        ("TimeoutError", "timed out", "not_actionable", "timed_out"),
        ("OSError", "[Errno 28] No space left on device: '/var/x'", "not_actionable", "disk_full"),
        ("OperationalError", "database or disk is full", "not_actionable", "disk_full"),
        ("PermissionError", "[Errno 13] Permission denied: '/etc/x'", "not_actionable", "permission"),
        ("HTTPError", "HTTP Error 503: Service Unavailable", "not_actionable", "third_party_failure"),
        ("BrokenPipeError", "[Errno 32] Broken pipe", "not_actionable", "connection_refused"),
        ("OperationalError", "FATAL: the database system is starting up", "not_actionable", "connection_refused"),
        ("SSLError", "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "not_actionable", "certificate"),
        ("ImproperlyConfigured", "Set the SHOP_KEY environment variable", "not_actionable", "missing_environment"),
        ("ConfigError", "environment variable SHOP_KEY is not set", "not_actionable", "missing_environment"),
        ("ConfigError", "the environment variable SHOP_KEY holds no number", "needs_more_context", "no_repository"),
        ("HTTPError", "404 Client Error: Not Found for url: /items/500x", "needs_more_context", "no_repository"),
        ("KeyError", "'timeout'", "needs_more_context", "no_repository"),
        ("ValueError", "Connection refused", "needs_more_context", "no_repository"),
        ("FileNotFoundError", "[Errno 2] No such file: 'a'", "needs_more_context", "no_repository"),
    ],
)  # fmt: skip
def test_the_verdict_follows_the_exception(kind: str, value: str, assessment: str, code: str) -> None:
    """What fails around the program cannot be fixed in it; a mistake in code is not excused by its message."""
    verdict = judge(gather(event(frame("/srv/app/a.py"), kind=kind, value=value), ISSUE, {}))
    assert (verdict.assessment, verdict.code) == (assessment, code)


def test_the_cause_decides_only_where_the_raised_one_is_no_mistake() -> None:
    """An error that wraps a refused connection is one; a KeyError in its handler is not."""
    refused = ExceptionInfo(type="ConnectionRefusedError", value="[Errno 111]")
    wrapped = Event(id="e", exceptions=(refused, ExceptionInfo(type="ProviderError", value="no rates")))
    handler = Event(id="e", exceptions=(refused, ExceptionInfo(type="KeyError", value="'x'")))
    assert judge(gather(wrapped, ISSUE, {})).assessment == "not_actionable"
    assert judge(gather(handler, ISSUE, {})).code == "no_repository"


def test_a_missing_environment_variable_is_named(tmp_path: Path) -> None:
    """``os.environ[...]`` raises inside of os: the deployment lacks it."""
    code = "import os\n\n\ndef key():\n    return os.environ['SHOP_NO_SUCH_KEY']\n\n\nkey()\n"
    found = investigated(tmp_path, code)
    assert (found.verdict.assessment, found.verdict.code) == ("not_actionable", "missing_environment")
    assert "SHOP_NO_SUCH_KEY" in found.verdict.reason
    assert (found.suspect, found.assignee, found.edited) == (None, None, None)


def test_code_that_differs_needs_context(tmp_path: Path) -> None:
    """An event of another version: the line at the pin is not the one that failed, so nothing is concluded from it."""
    with checkouts_of(tmp_path, [SNAPSHOT]) as checkouts:
        moved = frame("/srv/app/src/shop/cart.py", 1)
        assert judge(gather(event(moved), ISSUE, checkouts)).code == "code_differs"


def test_an_issue_without_event_needs_context() -> None:
    """There is nothing to read."""
    empty = Issue(id="1", short_id="S-1", title="x", organization_id="1", project_id="1")
    assert judge(gather(None, empty, {})).code == "no_event"
    assert judge(gather(Event(id="e", message="hello"), empty, {})).code == "no_exception"


def test_a_deep_stack_is_read_from_its_end(tmp_path: Path) -> None:
    """A thousand frames of a recursion: the failing one is found."""
    code = "def down(n):\n    return down(n - 1) if n else {}['x']\n\n\ndown(300)\n"
    with crash(tmp_path, code) as (sent, checkouts):
        frames = sent.exceptions[0].frames
        long = Event(
            id="e",
            exceptions=(
                ExceptionInfo(type="KeyError", value="'x'", frames=frames[:1] * 900 + frames[-100:]),
            ),
        )
        found = gather(long, ISSUE, checkouts)
    assert found.failing is not None
    assert (found.failing.line, found.failing.depth) == (2, 999)
