"""The tools of an agent: what they answer, that answers are bounded, and that refusals are answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autofix.exceptions import PathRefused
from autofix.explorer.tools import code, editing, history, telemetry
from autofix.explorer.tools.answers import MAX_ANSWER, bounded, tool
from autofix.explorer.tools.catalogue import tools_for
from autofix.explorer.tools.toolbox import Toolbox
from autofix.explorer.workspace import open_workspace, pin_repositories
from autofix.hosts.memory import MemoryHost
from tests.repositories import bare_repository, local_roots

EVENT = {
    "message": "no tea",
    "release": "1.0",
    "tags": {"shop": "north"},
    "breadcrumbs": {"values": [{"category": "cart", "message": "add tea"}]},
    "exception": {
        "values": [
            {
                "type": "KeyError",
                "value": "'tea'" + "!" * 1_000,
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "shop/cart.py", "lineno": 2, "function": "total", "in_app": True,
                            "context_line": "    return sum(",
                        }
                    ]
                },
            }
        ]
    },
}  # fmt: skip

STRANGE: dict[str, list[Any]] = {
    "string": [
"", "shop/cart.py", ".", "-x", "--help", "/", "../..", "(", "[a", "*", "\0", "\n", "\ud800", "ü" * 5_000,
        "/exception/values/x",
    ],
    "integer": [-(10**30), -1, 0, 1, 2**31, 10**30],
    "boolean": [True],
}  # fmt: skip
"""Values that a model may come up with, by JSON Schema's types."""


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    """A host with one issue, and the small shop in an editable worktree."""
    host = MemoryHost()
    project = host.add_project(host.add_organization("acme"), "shop")
    issue = host.add_issue(project, EVENT, title="KeyError: 'tea'")
    with local_roots(tmp_path):
        repository = bare_repository(tmp_path)
        pins = pin_repositories([repository], "")
        with open_workspace("tools", [repository], pins, []) as checkouts:
            yield Toolbox(issue=issue, host=host, checkouts=checkouts, can_edit=True)


def test_code_is_found_and_read(toolbox: Toolbox) -> None:
    """Listing, reading with numbers, searching; the only repository needs no name."""
    assert code.list_files(toolbox, "*.py") == "shop/cart.py"
    assert (
        code.read_file(toolbox, "shop/cart.py", 1, 1)
        == "1\tdef total(prices, names):\n[1 more; ask from line 2]"
    )
    assert code.search_code(toolbox, "sum(", repo_name="acme/shop").startswith("shop/cart.py:2: ")
    assert code.search_code(toolbox, "nowhere") == "Nothing found."


def test_history_is_told(toolbox: Toolbox) -> None:
    """Blame, log and one commit name sha, date and author."""
    assert "2026-03-02 Ben" in history.blame(toolbox, "shop/cart.py", 2, 2)
    log = history.log(toolbox, "shop/cart.py")
    assert [line.split(" ", 2)[1] for line in log.splitlines()] == ["2026-03-02", "2026-03-01"]
    assert "+    return sum" in history.show_commit(toolbox, log[:7])


def test_telemetry_is_told(toolbox: Toolbox) -> None:
    """Exceptions with frames, breadcrumbs, tags and single values; long values are cut."""
    overview = telemetry.event_overview(toolbox)
    assert "in-app shop/cart.py:2 in total: return sum(" in overview
    assert "breadcrumb cart: add tea" in overview
    assert "!" * 300 not in overview
    assert telemetry.event_value(toolbox, "/exception/values/0/type") == "KeyError"
    assert (
        telemetry.event_value(toolbox, "/exception/values/7")
        == "The event has nothing at '/exception/values/7'."
    )
    assert "shop: north (1)" in telemetry.tag_distribution(toolbox)
    assert "1.0" in telemetry.recent_events(toolbox)
    assert telemetry.similar_issues(toolbox) == "No similar issue is known."


def test_what_is_left_out_can_be_asked_for(toolbox: Toolbox) -> None:
    """Many values of a tag, and many issues that look alike: the first ones, how many more there are, and the rest on demand."""
    host = toolbox.host
    assert isinstance(host, MemoryHost)
    for number in range(12):
        host.add_event(toolbox.issue, {"tags": {"till": f"t{number:02}"}})
    shown = telemetry.tag_distribution(toolbox)
    assert "till: t00 (1), " in shown
    assert "t09 (1) [2 more; ask for the tag 'till']" in shown
    assert telemetry.tag_distribution(toolbox, "till").endswith("t10 (1), t11 (1)")
    assert telemetry.tag_distribution(toolbox, "x").startswith("Refused: There is no tag 'x'. Tags: ")
    project = host.resolve_project(toolbox.issue.organization_id, toolbox.issue.project_id)
    for _ in range(11):
        host.add_issue(project, {}, title="KeyError: 'tea'")
    assert telemetry.similar_issues(toolbox).splitlines()[10:] == ["[more; ask with a higher limit]"]
    assert len(telemetry.similar_issues(toolbox, 11).splitlines()) == 11


def test_edits_answer_with_the_change(toolbox: Toolbox) -> None:
    """After each edit the agent sees the whole change of the file."""
    assert "+    return max(" in editing.replace_text(toolbox, "shop/cart.py", "sum(", "max(")
    assert "new file mode" in editing.write_file(toolbox, "notes.txt", "hello\n")
    assert editing.delete_file(toolbox, "notes.txt") == "notes.txt is deleted."


def test_refusals_are_answers(toolbox: Toolbox) -> None:
    """What the agent can mend is told, not raised: wrong names, paths, texts, and a step that must not edit."""
    assert code.read_file(toolbox, "none.py") == "Refused: there is no file none.py."
    assert code.read_file(toolbox, "shop/cart.py", 9, 10).startswith("Refused: shop/cart.py has 2 lines")
    assert code.read_file(toolbox, "../x").startswith("Refused: ")
    assert "Repositories: acme/shop." in code.list_files(toolbox, repo_name="acme/other")
    assert editing.write_file(toolbox, ".env", "x") == "Refused: .env is protected."
    assert "exactly once" in editing.replace_text(toolbox, "shop/cart.py", "absent", "x")
    assert history.show_commit(toolbox, "--output=x").startswith("Refused: ")
    toolbox.can_edit = False
    for answer in (
        editing.write_file(toolbox, "a.py", "x"),
        editing.replace_text(toolbox, "shop/cart.py", "sum(", "max("),
        editing.delete_file(toolbox, "shop/cart.py"),
    ):
        assert answer == "Refused: This step does not change code."


def test_other_errors_are_raised(toolbox: Toolbox) -> None:
    """Only refusals become answers: a broken database or a lost lease ends the turn."""

    @tool
    def breaks(toolbox: Toolbox, error: type[Exception]) -> str:
        raise error

    assert breaks(toolbox, PathRefused).startswith("Refused: ")
    with pytest.raises(RuntimeError):
        breaks(toolbox, RuntimeError)


def test_answers_are_bounded(toolbox: Toolbox) -> None:
    """A long answer is cut, and says so."""
    editing.write_file(toolbox, "long.txt", ("x" * 900 + "\n") * 900)
    answer = code.read_file(toolbox, "long.txt")
    assert len(answer) < MAX_ANSWER + 100
    assert "[cut here: " in answer
    assert bounded("short") == "short"


def test_strange_arguments_have_an_answer(toolbox: Toolbox) -> None:
    """Whatever a model sends to whichever tool, it gets words back: nothing that it may write ends a turn."""
    usual = {"path": "shop/cart.py", "pattern": "sum", "sha": "HEAD", "pointer": "/message", "old": "sum", "new": "max",
             "text": "x", "start_line": 1, "end_line": 2, "regex": True}  # fmt: skip
    for spec in tools_for(toolbox, "root_cause").values():
        properties = spec.schema.get("properties", {})
        known = {name: value for name, value in usual.items() if name in properties}
        for name, described in properties.items():
            kinds = [described.get("type"), *(each.get("type") for each in described.get("anyOf", ()))]
            for value in (value for kind in kinds for value in STRANGE.get(str(kind), [])):
                answer = spec.call(toolbox, json.dumps(known | {name: value}))
                assert answer.text, (spec.name, name, value)
                assert len(answer.text) <= MAX_ANSWER + 100
