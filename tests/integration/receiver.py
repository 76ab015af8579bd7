"""A consumer of webhooks: a real HTTP server in threads of its own, which answers as the test tells it to."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from django.conf import settings
from django.test import override_settings


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Keeps the request and lets the receiver's behaviour answer it."""

    server: Server

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # whoever sent it died in the middle: no consumer takes half a request
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.receiver.lock:
            self.server.receiver.requests.append(Received(self.path, headers, body))
        self.server.receiver.behaviour(self)

    def do_GET(self) -> None:
        """Nobody sends one, unless a redirect was followed."""
        with self.server.receiver.lock:
            self.server.receiver.requests.append(Received(self.path, {}, b""))
        self.answer(200)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A complete answer; ``retry_after`` becomes Retry-After."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """The other side hanging up is what some tests are about."""


def accept(request: Handler) -> None:
    """200, at once."""
    request.answer(200, b"ok")


def answering(*statuses: int, body: bytes = b"", **headers: str) -> Callable[[Handler], None]:
    """Answer with these statuses in turn; the last one repeats."""
    left = list(statuses)

    def behave(request: Handler) -> None:
        request.answer(left.pop(0) if len(left) > 1 else left[0], body, **headers)

    return behave


@dataclass
class Receiver:
    """What came, and how it is answered."""

    port: int
    behaviour: Callable[[Handler], None] = accept
    requests: list[Received] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def listening(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port, which autofix may send to while the block lasts."""
    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver = server.receiver = Receiver(server.server_address[1])
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            with webhooks_allowed(receiver.port):
                yield receiver
        finally:
            server.shutdown()
            thread.join()


def webhooks_allowed(*ports: int, **more: object) -> override_settings:
    """Settings under which webhooks may go to these ports of this machine, over plain HTTP."""
    rules = {"ALLOW_HTTP": True, "ALLOWED_NETWORKS": ["127.0.0.0/8"], "ALLOWED_PORTS": list(ports), **more}
    return override_settings(AUTOFIX={**settings.AUTOFIX, "WEBHOOKS": rules})
