"""One HTTP attempt: to exactly the address that was checked, never redirected, never longer than 15 seconds."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from autofix.delivery import targets
from autofix.delivery.deadline import Deadline
from autofix.delivery.errors import TargetRefused, TargetUnknown
from autofix.delivery.schedule import Answer, is_success

CONNECT_S = 5.0
WHOLE_S = 15.0
MAX_READ = 64 * 1024
EXCERPT = 4 * 1024


def send(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """POST the body. Whatever goes wrong on the way becomes the answer's ``error``: nothing is raised for it."""
    started = time.monotonic()
    with Deadline(WHOLE_S) as deadline:
        try:
            status, content, retry_after = _post(url, headers, body, deadline)
        except (TargetRefused, TargetUnknown) as exc:
            return Answer(None, error=exc.detail, latency_ms=_since(started))
        except (requests.RequestException, HTTPError, OSError, ValueError) as exc:
            timed_out = deadline.passed or isinstance(exc, requests.Timeout | TimeoutError)
            return Answer(
                None,
                error=_sentence(exc, timed_out=timed_out),
                timed_out=timed_out,
                latency_ms=_since(started),
            )
    error = "" if is_success(status) else f"The endpoint answered {status}."
    excerpt = content[:EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")
    return Answer(status, latency_ms=_since(started), excerpt=excerpt, retry_after=retry_after, error=error)


def _post(
    url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
) -> tuple[int, bytes, str | None]:
    target = targets.parse(url)
    adapter = _PinnedAdapter(_Route(targets.resolve(target), deadline), target)
    # Without a session there is no environment: no proxies, no netrc, no cookies, no redirects.
    request = requests.Request(
        "POST", target.url, headers={**headers, "accept-encoding": "identity"}, data=body
    )
    response = adapter.send(request.prepare(), stream=True, timeout=(CONNECT_S, WHOLE_S))
    try:
        content = response.raw.read(MAX_READ, decode_content=False)
        if deadline.passed:
            raise requests.ReadTimeout
        return response.status_code, content, response.headers.get("retry-after")
    finally:
        # Not response.close(): that would put the connection back, and so read on.
        adapter.close()
        response.raw.close()


def _sentence(exc: Exception, *, timed_out: bool) -> str:
    # Own sentences: those of the libraries name addresses of the network that we are in.
    if timed_out:
        return "The endpoint did not answer in time."
    if isinstance(exc, requests.exceptions.SSLError):
        return "The endpoint's TLS certificate or handshake is not valid."
    return f"The connection failed ({type(exc).__name__})."


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


class _Route:
    """The checked addresses of one attempt, tried in turn within the connect limit."""

    def __init__(self, addresses: Sequence[targets.Address], deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline

    def connect(self) -> socket.socket:
        until = time.monotonic() + CONNECT_S
        failure: OSError = OSError("no address")
        for address in self._addresses:
            left = until - time.monotonic()
            if left <= 0:
                break
            sock = socket.socket(address.family, socket.SOCK_STREAM)
            try:
                sock.settimeout(left)
                sock.connect(address.sockaddr)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._deadline.cuts(sock)
            except OSError as exc:
                sock.close()
                failure = exc
                continue
            return sock
        raise failure


class _Pinned(HTTPConnection):
    """Goes where its route says; the host's name serves for the Host header and the certificate only."""

    def __init__(self, *args: Any, route: _Route, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._route = route

    def _new_conn(self) -> socket.socket:
        try:
            return self._route.connect()
        except TimeoutError as exc:
            raise ConnectTimeoutError(self, "connect timed out") from exc
        except OSError as exc:
            raise NewConnectionError(self, "connect failed") from exc


class _PinnedTLS(_Pinned, HTTPSConnection):
    pass


class _PinnedPool(HTTPConnectionPool):
    ConnectionCls = _Pinned


class _PinnedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedTLS


class _PinnedAdapter(HTTPAdapter):
    """An adapter for one attempt on one target."""

    def __init__(self, route: _Route, target: targets.Target) -> None:
        super().__init__()
        self._pool: HTTPConnectionPool
        if target.scheme == "https":
            self._pool = _PinnedTLSPool(target.host, target.port, route=route, ssl_context=_tls())
        else:
            self._pool = _PinnedPool(target.host, target.port, route=route)

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """The shared context verifies already; loading the bundle again for every attempt would be slow."""

    def close(self) -> None:
        self._pool.close()
        super().close()


@cache
def _tls() -> ssl.SSLContext:
    """What the system trusts and what certifi trusts; certificate and host name are always verified."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
