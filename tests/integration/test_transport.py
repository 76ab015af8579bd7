"""One attempt, against consumers that misbehave and name servers that lie."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from autofix.delivery import transport
from autofix.delivery.schedule import Answer
from tests.integration.receiver import Handler, Receiver, answering, listening, webhooks_allowed


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A consumer that says 200 until the test makes it behave otherwise."""
    with listening() as running:
        yield running


def send(url: str) -> Answer:
    """One attempt with a small body."""
    return transport.send(url, {"content-type": "application/json"}, b"{}")


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    """A redirect is an answer like any other failure; its target is never asked."""
    receiver.behaviour = answering(307, location=receiver.url + "/elsewhere")
    answer = send(receiver.url)
    assert (answer.status, answer.succeeded) == (307, False)
    assert [r.path for r in receiver.requests] == ["/hook"]


def test_a_dripping_answer_is_cut_off(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is wall clock: bytes that keep coming do not extend it."""
    monkeypatch.setattr(transport, "WHOLE_S", 0.5)
    receiver.behaviour = _drip
    answer = send(receiver.url)
    assert (answer.status, answer.timed_out) == (None, True)
    assert 500 <= answer.latency_ms < 5_000


def test_a_dripping_body_is_cut_off(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a good status line: the attempt is the whole answer."""
    monkeypatch.setattr(transport, "WHOLE_S", 0.5)

    def behave(request: Handler) -> None:
        request.send_response(200)
        request.send_header("content-length", "100000")
        request.end_headers()
        _drip(request)

    receiver.behaviour = behave
    answer = send(receiver.url)
    assert (answer.succeeded, answer.timed_out) == (False, True)


def test_a_big_answer_is_read_in_part(receiver: Receiver) -> None:
    """64 KiB are read, 4 KiB kept; the rest stays where it is."""
    sent: list[int] = []

    def behave(request: Handler) -> None:
        request.send_response(200)
        request.send_header("content-length", str(300 * 1024 * 1024))
        request.end_headers()
        while True:
            sent.append(request.wfile.write(b"x" * 65536))

    receiver.behaviour = behave
    answer = send(receiver.url)
    assert answer.succeeded
    assert len(answer.excerpt) == 4096
    assert sum(sent) < 100 * 1024 * 1024


def test_environment_and_netrc_play_no_part(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Proxies and passwords of the machine are not the webhooks'."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert send(receiver.url).succeeded
    assert "authorization" not in receiver.requests[0].headers


def test_the_checked_address_is_the_one_that_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is resolved once per attempt: a name server that changes its mind in between changes nothing."""
    asked: list[str] = []

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert send(f"http://hooks.example:{receiver.port}/hook").succeeded
    assert asked == ["hooks.example"]
    assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_one_bad_address_is_enough(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address is refused, whichever comes first."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    answer = send(f"http://hooks.example:{receiver.port}/")
    assert (answer.status, answer.error) == (
        None,
        "The URL's host has an address that webhooks must not go to.",
    )


def test_a_refused_connection_says_no_address() -> None:
    """Errors are shown to tenants and must not describe the network that we are in."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with webhooks_allowed(port):
            answer = send(f"http://127.0.0.1:{port}/")
    assert (answer.status, answer.error) == (None, "The connection failed (ConnectionError).")


def _drip(request: Handler) -> None:
    while True:  # until the other side hangs up, which is an OSError
        request.wfile.write(b"x")
        time.sleep(0.02)
