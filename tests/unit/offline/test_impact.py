"""The impact follows from what was counted."""

from __future__ import annotations

import pytest

from autofix.explorer.agents.offline.impact import impact, severity
from autofix.explorer.agents.offline.wording import HIDDEN, redacted
from autofix.hosts import Event, Issue, TagValue
from autofix.hosts.types import ExceptionInfo


def issue(times: int = 3, users: int | None = None) -> Issue:
    """An issue with these counts."""
    return Issue(
        id="1",
        short_id="S-1",
        title="x",
        organization_id="1",
        project_id="1",
        times_seen=times,
        users_seen=users,
    )


def event(*, handled: bool | None = False, level: str = "error", environment: str = "production") -> Event:
    """An event of this kind."""
    raised = ExceptionInfo(type="KeyError", handled=handled)
    return Event(id="e", level=level, environment=environment, exceptions=(raised,))


@pytest.mark.parametrize(
    ("one", "sent", "tags", "rating"),
    [
        (issue(), event(), {}, "medium"),
        (issue(times=100), event(), {}, "high"),
        (issue(users=10), event(), {}, "high"),
        (issue(times=100), event(handled=True), {}, "low"),
        (issue(times=100), event(level="warning"), {}, "low"),
        (issue(times=100), event(environment="staging"), {}, "low"),
        (issue(times=100), event(environment="staging"), {"environment": [TagValue(value="live", count=1)]}, "high"),
        (issue(), event(level="fatal", handled=True), {}, "high"),
        (issue(), None, {}, "medium"),
    ],
)  # fmt: skip
def test_severity(one: Issue, sent: Event | None, tags: dict[str, list[TagValue]], rating: str) -> None:
    """Uncaught, live and frequent is bad; caught, quiet or not live is not."""
    assert severity(one, sent, tags) == rating


def test_every_number_has_its_source() -> None:
    """Counts, people, environments and flow, worst first, each with the figure that it rests on."""
    found = impact(issue(120, 4), event(), {"environment": [TagValue(value="production", count=119)]})
    assert found.one_line_description == "High: 120 events, 4 users, not caught by the program"
    assert [one.label for one in found.impacts] == [
        "Operations that fail",
        "Users",
        "Environments",
        "Program flow",
    ]
    assert "times_seen 120" in found.impacts[0].evidence
    assert "production (119 events)" in found.impacts[2].evidence


def test_what_is_not_known_is_not_claimed() -> None:
    """Without users, environments and an event there is only the count."""
    found = impact(issue(1), None, {})
    assert [one.label for one in found.impacts] == ["Operations that fail"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("coupon", "'WINTER10'", "'WINTER10'"),
        ("password", "'x'", HIDDEN),
        ("options", "{'api_key': 'x'}", HIDDEN),
        ("header", "'Bearer abc.def'", HIDDEN),
        ("value", "a" * 64, HIDDEN),
        ("card", "4111111111111111", HIDDEN),
        ("to", "'ann@example.com'", "'[address]'"),
        ("count", 3, "3"),
    ],
)
def test_values_are_redacted(name: str, value: object, shown: str) -> None:
    """What looks like a secret, by name or by form, is not repeated."""
    assert redacted(name, value) == shown
