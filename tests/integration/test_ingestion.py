"""What SDKs send ends as issues and events, or in an answer that says why not."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import brotli
import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.asgi import get_asgi_application
from django.db import connection, connections
from django.test import override_settings

from tests.integration.tenants import Tenant, crash, item, make_tenant
from tracker.models import Event, EventTag, Issue, Project, ProjectKey
from tracker.signals import new_issue

pytestmark = pytest.mark.django_db(transaction=True)
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """New issues start nothing here."""
    monkeypatch.setattr(new_issue, "receivers", [])
    new_issue.sender_receivers_cache.clear()


@pytest.fixture
def tenant() -> Tenant:
    """A tenant."""
    return make_tenant()


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)],
)
def test_an_envelope_becomes_an_issue_and_an_event(
    tenant: Tenant, encoding: str, encode: Any, length: bool
) -> None:
    """In every encoding, with and without item lengths, other items before and after the event."""
    body = json.dumps({"event_id": ID}).encode() + b"\n"
    body += item({"sid": "1"}, kind="session", length=length) + item(crash(), length=length)
    body += item(b"\x00\xff", kind="attachment") + item({"items": []}, kind="log", length=length)
    headers = {"Content-Encoding": encoding} if encoding else {}
    answer = tenant.envelope(encode(body), **headers)
    assert (answer.status_code, answer.json()) == (200, {"id": ID})
    event = Event.objects.get()
    assert (event.event_id, event.payload["exception"]) == (ID, crash()["exception"])
    assert (event.issue.short_id, event.issue.title, event.issue.culprit) == (
        "SHOP-1", "KeyError: 'sum'", "shop.cart in total",
    )  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["session", "sessions", "transaction", "log", "attachment", "client_report", "check_in"]
)
def test_other_items_are_accepted_and_dropped(tenant: Tenant, kind: str) -> None:
    """Sessions and logs have no event id and no trace here: 200, and no row."""
    answer = tenant.envelope(b"{}\n" + item({"any": "thing"}, kind=kind))
    assert (answer.status_code, answer.json()) == (200, {"id": None})
    assert not Event.objects.exists()


def test_the_key_is_taken_from_every_place(tenant: Tenant) -> None:
    """From the header, the query and the envelope's own dsn."""
    key, path = tenant.key.public_key, f"/api/{tenant.project.pk}/envelope/"
    with_dsn = json.dumps({"dsn": tenant.key.dsn("http://testserver")}).encode()
    for target, head, headers in (
        (path, b"{}", {"X-Sentry-Auth": f"Sentry sentry_key={key}, sentry_version=7"}),
        (f"{path}?sentry_version=7&sentry_key={key}", b"{}", {}),
        (path, with_dsn, {}),
    ):
        answer = tenant.client.generic("POST", target, head + b"\n" + item(crash()), headers=headers)
        assert answer.status_code == 200, answer.content
    assert Issue.objects.get().times_seen == 3


def test_a_wrong_key_is_refused(tenant: Tenant) -> None:
    """No key, no such key, another project's key and a switched-off one: 403 and no row."""
    other = make_tenant("other")
    off = ProjectKey.objects.create(project=tenant.project, is_active=False)
    for key in ("", "x", "\x00", "0" * 32, other.key.public_key, off.public_key):
        tenant.key = ProjectKey(public_key=key)
        answer = tenant.store(crash())
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert answer["Access-Control-Allow-Origin"] == "*"
    assert not Event.objects.exists()


@pytest.mark.parametrize("project_id", ["0", "99", "9" * 30])
def test_a_project_that_is_not_there_is_a_wrong_key(tenant: Tenant, project_id: str) -> None:
    """Nobody learns which projects exist, and no number is too long."""
    answer = tenant.client.post(
        f"/api/{project_id}/store/?sentry_key={tenant.key.public_key}", "{}", "text/plain"
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n", b"[]\n", b"nonsense", b"{}\n[]\n{}", b'{}\n{"type":"event"}\n[1]', b'{}\n{"type":"event","length":99}\n{}',
        b'{}\n{"type":"event","length":-1}\n{}', b'{}\n{"type":"event","length":"x"}\n{}', b"{}\n{}\n{}",
        b'{"event_id":"x"}\n{"type":"event"}\n{}',
        b'{}\n{"type":"event"}\n{"event_id":7}', b'{}\n{"type":"event"}\n' + b"[" * 9_999,
        b"{}\n" + item({}) + item({}), b"{}\n" + item({}, kind="session") * 1_001,
    ],
)  # fmt: skip
def test_a_malformed_envelope_says_what_is_wrong(tenant: Tenant, body: bytes) -> None:
    """400 with a sentence, and no row."""
    answer = tenant.envelope(body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert answer.json()["detail"].endswith(".")
    assert not Event.objects.exists()


def test_what_is_too_large_is_cut_off(tenant: Tenant) -> None:
    """An event over 1 MiB decompressed is 413 however small it was sent; an attachment of that size is read past."""
    large = {"message": "x" * (1024 * 1024)}
    for answer in (
        tenant.store(large),
        tenant.store(gzip.compress(json.dumps(large).encode()), **{"Content-Encoding": "gzip"}),
        tenant.envelope(b"{}\n" + item(large)),
        tenant.envelope(brotli.compress(b"{}\n" + item(large, length=False)), **{"Content-Encoding": "br"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not Event.objects.exists()
    attached = b"{}\n" + item(bytes(2 * 1024 * 1024), kind="attachment") + item({"message": "x" * 1_000_000})
    assert tenant.envelope(gzip.compress(attached), **{"Content-Encoding": "gzip"}).status_code == 200


def test_an_unknown_encoding_is_refused(tenant: Tenant) -> None:
    """415 names what can be read."""
    assert tenant.store(b"x", **{"Content-Encoding": "zstd"}).status_code == 415


def test_over_the_rate_is_refused_until_the_minute_is_over(tenant: Tenant) -> None:
    """The project's own limit, exact under concurrency; Retry-After says how long; 0 lets nothing in."""
    Project.objects.update(requests_per_minute=3)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: in_thread(tenant), range(8)))
    allowed = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    # A minute may end in between; then there are two windows of three.
    assert len(allowed) in (3, 6)
    assert len(allowed) + len(refused) == 8
    assert all(1 <= int(answer["Retry-After"]) <= 60 for answer in refused)
    Project.objects.update(requests_per_minute=0)
    assert tenant.store(crash()).status_code == 429


def in_thread(tenant: Tenant, **rest: Any) -> Any:
    """Store an event and close this thread's connection."""
    try:
        return tenant.store(crash(**rest))
    finally:
        connection.close()


@override_settings(TRACKER_REQUESTS_PER_MINUTE=0)
def test_the_operators_default_rate_applies(tenant: Tenant) -> None:
    """A project without a limit of its own has the setting's."""
    assert tenant.store(crash()).status_code == 429


def test_browsers_may_report_from_anywhere(tenant: Tenant) -> None:
    """The preflight request names the headers that SDKs send."""
    for path in ("envelope/", "store/", "envelope", "store"):
        answer = tenant.client.options(
            f"/api/{tenant.project.pk}/{path}", headers={"Origin": "https://shop.example"}
        )
        assert answer.status_code == 204
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "X-Sentry-Auth" in answer["Access-Control-Allow-Headers"]


def test_the_same_event_twice_is_stored_once(tenant: Tenant) -> None:
    """At once and later, in the dashed spelling too: one event, counted once, and the same answer."""
    dashed = "01234567-89ab-cdef-0123-456789ABCDEF"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: in_thread(tenant, event_id=ID), range(8)))
    answers.append(tenant.store(crash(event_id=dashed)))
    assert {(answer.status_code, answer.json()["id"]) for answer in answers} == {(200, ID)}
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


def test_a_chunked_body_arrives_over_asgi(tenant: Tenant) -> None:
    """A body in pieces without Content-Length, key in the query, no content type: as @sentry/node sends it."""
    body = b"{}\n" + item(crash(event_id=ID), length=False)
    pieces = [body[i : i + 50] for i in range(0, len(body), 50)]
    status, answer = asyncio.run(
        send(f"/api/{tenant.project.pk}/envelope/", f"sentry_key={tenant.key.public_key}", pieces)
    )
    assert (status, json.loads(answer)) == (200, {"id": ID})
    assert Event.objects.get().issue.project == tenant.project


async def send(path: str, query: str, pieces: list[bytes]) -> tuple[int, bytes]:
    """Speak to the project as an ASGI server does."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"testserver"), (b"transfer-encoding", b"chunked")],
        "client": ("127.0.0.1", 1), "server": ("testserver", 80),
    }  # fmt: skip
    incoming = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    incoming.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        await asyncio.Event().wait()  # the client stays
        raise AssertionError

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    application = get_asgi_application()
    async with ThreadSensitiveContext():  # the view's thread, in which its connection is closed
        await application(scope, receive, keep)  # type: ignore[arg-type]  # plain dicts, as servers send them
        await sync_to_async(connections.close_all)()
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)
