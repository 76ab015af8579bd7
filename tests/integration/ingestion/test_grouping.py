"""Which reports become one issue, and that each is stored once and whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.tenants import EVENT_ID, Tenant, crash, in_thread
from tracker.models import Event, EventTag, Issue
from tracker.signals import new_issue

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_same_event_twice_is_stored_once(tenant: Tenant) -> None:
    """At once and later, in the dashed spelling too: one event, counted once, and the same answer."""
    dashed = "01234567-89ab-cdef-0123-456789ABCDEF"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: in_thread(tenant, event_id=EVENT_ID), range(8)))
    answers.append(tenant.store(crash(event_id=dashed)))
    assert {(answer.status_code, answer.json()["id"]) for answer in answers} == {(200, EVENT_ID)}
    assert Issue.objects.get().times_seen == Event.objects.count() == 1


def test_the_same_error_at_once_is_one_issue(tenant: Tenant) -> None:
    """Eight first events at the same time: one issue, eight events, one announcement; the next issue's number follows."""
    announced: list[str] = []

    def receiver(*, issue_id: str, **_: Any) -> None:
        announced.append(issue_id)

    new_issue.connect(receiver, weak=False)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: in_thread(tenant, user={"id": n % 3}), range(8)))
    issue = Issue.objects.get()
    assert (issue.number, issue.times_seen, issue.users_seen) == (1, 8, 3)
    assert announced == [str(issue.pk)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: in_thread(tenant, kind=f"Error{n}"), range(8)))
    assert sorted(Issue.objects.values_list("number", flat=True)) == list(range(1, 10))


def test_a_failure_in_between_leaves_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue, event and tags are written together or not at all, and nothing is announced."""
    announced: list[str] = []
    new_issue.connect(lambda issue_id, **_: announced.append(issue_id), weak=False)
    tenant.client.raise_request_exception = False
    monkeypatch.setattr(EventTag.objects, "bulk_create", lambda *_: 1 / 0)
    assert tenant.store(crash()).status_code == 500
    assert (Issue.objects.count(), Event.objects.count(), announced) == (0, 0, [])
    monkeypatch.undo()
    assert tenant.store(crash()).status_code == 200
    assert Issue.objects.get().short_id == "SHOP-1"


def test_a_failing_listener_does_not_fail_the_report(tenant: Tenant) -> None:
    """Whoever listens for new issues cannot make SDKs fail."""
    new_issue.connect(lambda **_: 1 / 0, weak=False)
    assert tenant.store(crash()).status_code == 200


def test_what_databases_refuse_survives(tenant: Tenant) -> None:
    """NUL, lone surrogates, NaN, infinities, huge integers and deep nesting are stored in a form that can be."""
    body = (
        rb'{"message": "a\u0000b\ud800c", "extra": {"nan": NaN, "inf": 1e999, "neg": -Infinity, "big": '
        + b"9" * 5_000
        + rb', "long": 12345678901234567890, "\u0000": 1, "deep": '
        + b"[" * 500 + b"]" * 500
        + rb'}, "tags": {"\ud800": "\u0000"}, "user": {"id": 1e999}, "raw": "'
        + b'\xff"}'
    )  # fmt: skip
    assert tenant.store(body).status_code == 200
    payload = Event.objects.get().payload
    assert payload["message"] == "a\ufffdb\ufffdc"
    extra = payload["extra"]
    assert (extra["nan"], extra["inf"], extra["neg"]) == ("NaN", "1e999", "-Infinity")
    assert (extra["big"], extra["long"]) == ("9" * 5_000, "12345678901234567890")
    assert Issue.objects.get().users_seen == 1


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (crash(), crash(release="2"), True),
        (crash(), crash(function="other"), False),
        (crash(), crash(kind="ValueError"), False),
        (crash(fingerprint=["one"]), crash(kind="ValueError", fingerprint=["one"]), True),
        (crash(fingerprint=["{{ default }}"]), crash(), True),
        (crash(fingerprint=["{{ default }}", "7"]), crash(), False),
        (crash(fingerprint=["{{default}}", 7]), crash(fingerprint=["{{ default }}", "7"]), True),
        ({"logentry": {"message": "no %s", "params": [1]}}, {"logentry": {"message": "no %s", "params": [2]}}, True),
        ({"message": "no 1"}, {"message": "no 2"}, False),
        ({"exception": [{"type": "E", "value": "a"}]}, {"exception": [{"type": "E", "value": "b"}]}, False),
    ],
)  # fmt: skip
def test_grouping(tenant: Tenant, first: Any, second: Any, same: bool) -> None:
    """The SDK's fingerprint decides; else the kind of error and the in-app places; else the message's template."""
    assert tenant.store(first).status_code == tenant.store(second).status_code == 200
    assert Issue.objects.count() == (1 if same else 2)


def test_lines_libraries_and_depth_do_not_split_an_issue(tenant: Tenant) -> None:
    """Another line, another library frame, a deeper recursion: still the same error."""

    def event(depth: int, line: int, library: str) -> dict[str, Any]:
        own = [{"module": "shop", "function": "walk", "in_app": True, "lineno": line}] * depth
        frames = [*own, {"module": library, "function": "get", "in_app": False}]
        return {"exception": [{"type": "E", "value": str(depth), "stacktrace": {"frames": frames}}]}

    tenant.store(event(1, 1, "a"))
    tenant.store(event(900, 2, "b"))
    assert Issue.objects.get().times_seen == 2


def test_a_resolved_issue_comes_back(tenant: Tenant) -> None:
    """A new event of a resolved issue opens it again."""
    tenant.store(crash())
    Issue.objects.update(status="resolved")
    tenant.store(crash())
    assert Issue.objects.get().status == "unresolved"


def test_a_clock_that_runs_fast_does_not_make_the_future(tenant: Tenant) -> None:
    """An event is never seen later than it was received."""
    tenant.store(crash(timestamp="2999-01-01T00:00:00Z"))
    event = Event.objects.get()
    assert event.timestamp == event.received == Issue.objects.get().last_seen
