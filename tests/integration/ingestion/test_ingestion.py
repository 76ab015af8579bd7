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
from django.db import connections
from django.test import override_settings

from tests.integration.tenants import EVENT_ID, Tenant, crash, in_thread, item, make_tenant
from tracker.models import Event, Issue, Project, ProjectKey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)],
)
def test_an_envelope_becomes_an_issue_and_an_event(
    tenant: Tenant, encoding: str, encode: Any, length: bool
) -> None:
    """In every encoding, with and without item lengths, other items before and after the event."""
    body = json.dumps({"event_id": EVENT_ID}).encode() + b"\n"
    body += item({"sid": "1"}, kind="session", length=length) + item(crash(), length=length)
    body += item(b"\x00\xff", kind="attachment") + item({"items": []}, kind="log", length=length)
    headers = {"Content-Encoding": encoding} if encoding else {}
    answer = tenant.envelope(encode(body), **headers)
    assert (answer.status_code, answer.json()) == (200, {"id": EVENT_ID})
    event = Event.objects.get()
    assert (event.event_id, event.payload["exception"]) == (EVENT_ID, crash()["exception"])
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


def test_a_chunked_body_arrives_over_asgi(tenant: Tenant) -> None:
    """A body in pieces without Content-Length, key in the query, no content type: as @sentry/node sends it."""
    body = b"{}\n" + item(crash(event_id=EVENT_ID), length=False)
    pieces = [body[i : i + 50] for i in range(0, len(body), 50)]
    status, answer = asyncio.run(
        send(f"/api/{tenant.project.pk}/envelope/", f"sentry_key={tenant.key.public_key}", pieces)
    )
    assert (status, json.loads(answer)) == (200, {"id": EVENT_ID})
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
