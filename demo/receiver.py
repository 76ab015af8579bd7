"""A consumer of webhooks as its author would write it: an HTTP server that checks signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE_S = 300
MAX_BODY = 512 * 1024


@dataclass(frozen=True)
class Received:
    """One delivery. ``verified``: its signature is right and its timestamp recent."""

    id: str
    verified: bool
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body.get("type", ""))

    @property
    def sequence(self) -> int | None:
        return self.body.get("sequence")


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the secret (``whsec_…``) made one of the signatures, and lately (Standard Webhooks 1.0.0)."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([headers.get("webhook-id", "").encode(), timestamp.encode(), body])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given)


@dataclass
class Receiver:
    """What arrived so far, in order of arrival. ``secret`` is set once the endpoint is registered.

    ``complaint``: what it says to a delivery whose signature is wrong.
    """

    url: str = ""
    secret: str = ""
    complaint: bytes = b""
    deliveries: list[Received] = field(default_factory=list)

    def take(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Keep a delivery; whether its signature was right."""
        verified = bool(self.secret) and is_signed(self.secret, headers, body)
        content = json.loads(body) if verified else {}
        self.deliveries.append(Received(headers.get("webhook-id", ""), verified, content))
        return verified

    def events(self, run_id: int | None = None) -> list[Received]:
        """Each verified event once, of one run or of all, in the order of their sequence."""
        once = {received.id: received for received in list(self.deliveries) if received.verified}
        mine = [
            received for received in once.values() if run_id is None or received.body.get("run_id") == run_id
        ]
        return sorted(mine, key=lambda received: received.sequence or 0)

    def refused(self) -> int:
        """Deliveries whose signature was wrong."""
        return sum(not received.verified for received in list(self.deliveries))


@contextmanager
def receiver(host: str = "127.0.0.1") -> Iterator[Receiver]:
    """A receiver on a free port."""
    heard = Receiver()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if length > MAX_BODY:
                self.send_error(413)
                return
            accepted = heard.take({k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length))
            self.send_response(204 if accepted else 401)
            self.end_headers()
            if not accepted:
                self.wfile.write(heard.complaint)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Say nothing: the demo prints what arrived."""

    with ThreadingHTTPServer((host, 0), Endpoint) as server:
        heard.url = f"http://{host}:{server.server_port}/autofix"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield heard
        finally:
            server.shutdown()
