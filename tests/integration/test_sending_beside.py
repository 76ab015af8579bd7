"""Whatever an attempt waits for, the next one is sent meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

import pytest

from autofix.delivery import transport
from autofix.delivery.bodies import MAX_BODY
from autofix.delivery.senders import senders
from tests.integration.receiver import Handler, listening, webhooks_allowed

PATIENCE_S = 20.0


@pytest.fixture
def let_go() -> Iterator[Event]:
    """Set when the other side may go on."""
    event = Event()
    yield event
    event.set()


def is_overtaken(url: str, let_go: Event, body: bytes = b"{}") -> bool:
    """Whether what is begun after an attempt at this URL ends before it; both have ended on return."""
    ended: SimpleQueue[str] = SimpleQueue()

    def attempt() -> None:
        transport.send(url, {}, body)
        ended.put("attempt")

    senders.do(attempt)
    senders.do(lambda: ended.put("other"))
    try:
        first = ended.get(timeout=PATIENCE_S)
    finally:
        let_go.set()
    return (first, ended.get(timeout=PATIENCE_S)) == ("other", "attempt")


def test_an_answer(let_go: Event) -> None:
    """A consumer that takes its time."""

    def answer_later(request: Handler) -> None:
        let_go.wait(2 * PATIENCE_S)
        request.answer(200)

    with listening() as receiver:
        receiver.behaviour = answer_later
        assert is_overtaken(receiver.url, let_go)


def test_a_name(let_go: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that does not answer."""

    def look_up_later(*_: Any, **__: Any) -> list[Any]:
        let_go.wait(2 * PATIENCE_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up_later)
    with webhooks_allowed(80):
        assert is_overtaken("http://hooks.example/", let_go)


def test_a_connection(let_go: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address behind which nobody is."""

    def connect_later(*_: Any) -> None:
        let_go.wait(2 * PATIENCE_S)
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", connect_later)
    with webhooks_allowed(80):
        assert is_overtaken("http://127.0.0.1/", let_go)


def test_a_handshake(let_go: Event) -> None:
    """A consumer that connects and does not begin to speak TLS."""
    with socket.create_server(("127.0.0.1", 0)) as mute, webhooks_allowed(mute.getsockname()[1]):

        def hang_up_later() -> None:
            let_go.wait(2 * PATIENCE_S)
            mute.accept()[0].close()

        thread = Thread(target=hang_up_later)
        thread.start()
        assert is_overtaken(f"https://127.0.0.1:{mute.getsockname()[1]}/", let_go)
        thread.join()


def test_an_answer_over_a_connection_that_was_open(let_go: Event) -> None:
    """A consumer that has answered once, and on the same connection does not any more."""
    with answering_once(let_go) as url:
        assert is_overtaken(url, let_go)


def test_a_body_that_is_not_read(let_go: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it read, and the buffers between it and us are full."""
    connect = socket.socket.connect

    def connect_with_a_small_buffer(sock: socket.socket, address: Any) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect_with_a_small_buffer)
    for limit in ("CONNECT_S", "WHOLE_S"):
        monkeypatch.setattr(transport, limit, 3 * PATIENCE_S)
    with answering_once(let_go) as url:
        assert is_overtaken(url, let_go, b"x" * MAX_BODY)


@contextmanager
def answering_once(let_go: Event) -> Iterator[str]:
    """A consumer's URL, and an open connection to it over which nothing more is read or said."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

        def answer_once() -> None:
            connection, _ = server.accept()
            with closing(connection):
                received = b""
                while not received.endswith(b"{}"):
                    received += connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                let_go.wait(2 * PATIENCE_S)
                server.close()  # nor is there another one

        thread = Thread(target=answer_once)
        thread.start()
        with webhooks_allowed(server.getsockname()[1]):
            assert transport.send(url, {}, b"{}").succeeded
            yield url
        thread.join()
