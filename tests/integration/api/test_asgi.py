"""What only an ASGI server can do: bodies without a length, and streams that hold no thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from asgiref import testing
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.db import connections

from autofix import streaming
from autofix.autofix_agent import cancel_run, trigger_autofix_agent
from autofix.hosts import Issue
from autofix.models import Run
from autofix.testing import WakeupQueue
from tests.integration.api.conftest import Caller
from tests.pipeline import Play

Client: Any = testing.ApplicationCommunicator  # it ships no types
pytestmark = pytest.mark.django_db(transaction=True)


def request_to(caller: Caller, method: str, path: str, **headers: str) -> Client:
    """A request without a Content-Length, not yet sent its body."""
    given = {"host": "localhost", "authorization": f"Bearer {caller.token}", **headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": f"/api/0/{caller.base}{path}",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
    }
    return Client(get_asgi_application(), scope)


async def answer_to(caller: Caller, chunks: Iterable[bytes]) -> tuple[int, Any]:
    """What the start URL answers to a chunked body."""
    sent = request_to(
        caller, "POST", "", **{"content-type": "application/json", "transfer-encoding": "chunked"}
    )
    for chunk in chunks:
        await sent.send_input({"type": "http.request", "body": chunk, "more_body": True})
    await sent.send_input({"type": "http.request", "body": b"", "more_body": False})
    started = await sent.receive_output(10)
    body = b""
    while True:
        part = await sent.receive_output(10)
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    await sent.wait()
    return started["status"], json.loads(body)


def test_chunked_bodies(api: Caller, queue: WakeupQueue, play: Play) -> None:
    """A body without a length is read like any other, and cut off at the same size."""
    status, body = asyncio.run(answer_to(api, [b'{"st', b'ep": "fix_it"}']))
    assert (status, list(body["errors"])) == (400, ["step"])
    status, body = asyncio.run(answer_to(api, [b" " * 1_024] * 65))
    assert (status, body["code"]) == (413, "too_large")
    status, body = asyncio.run(answer_to(api, [b'{"referrer": ', b'"api.cli"}']))
    assert status == 202
    assert Run.objects.get().referrer == "api.cli"


async def texts(sent: Client) -> AsyncIterator[str]:
    """The parts of a streamed answer as they come."""
    while True:
        part = await sent.receive_output(20)
        if part.get("body"):
            yield part["body"].decode()
        if not part.get("more_body"):
            return


def test_a_stream_follows_the_run_to_its_end(
    api: Caller, issue: Issue, queue: WakeupQueue, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens while somebody is listening is told, and the stream ends with the run."""
    monkeypatch.setattr(streaming, "POLL_S", 0.01)
    run = trigger_autofix_agent(issue).run

    async def listen() -> str:
        sent = request_to(api, "GET", "stream/", accept="text/event-stream")
        await sent.send_input({"type": "http.request", "body": b""})
        started = await sent.receive_output(10)
        assert started["status"] == 200
        heard = ""
        async for text in texts(sent):
            heard += text
            if '"status":"processing"' in heard and "cancelled" not in heard:
                await sync_to_async(cancel_run)(issue, run.pk)
        await sent.wait()
        await sync_to_async(connections.close_all)()  # in the thread that cancelled
        return heard

    heard = asyncio.run(listen())
    frames = [frame for frame in heard.split("\n\n") if "event: " in frame]
    assert "event: block" in frames[0]
    assert '"status":"cancelled"' in frames[-1]
    assert "event: run" in frames[-1]


def test_a_listener_who_leaves_is_forgotten(
    api: Caller, issue: Issue, queue: WakeupQueue, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the client disconnects, the stream ends though the run goes on."""
    monkeypatch.setattr(streaming, "POLL_S", 0.01)
    trigger_autofix_agent(issue)

    async def leave() -> None:
        sent = request_to(api, "GET", "stream/")
        await sent.send_input({"type": "http.request", "body": b""})
        assert (await sent.receive_output(10))["status"] == 200
        await sent.receive_output(10)
        await sent.send_input({"type": "http.disconnect"})
        await sent.wait(10)

    asyncio.run(leave())
    assert Run.objects.get().is_active
