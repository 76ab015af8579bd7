"""One HTTP attempt: to exactly the address that was checked, never redirected, never longer than 15 seconds."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from autofix.delivery import targets
from autofix.delivery.connections import CONNECT_S, PinnedPool, PinnedTLSPool, Route
from autofix.delivery.deadline import Deadline
from autofix.delivery.errors import TargetRefused, TargetUnknown
from autofix.delivery.schedule import Answer, is_success

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
    addresses = targets.resolve(target)
    request = _prepared(target, headers, body)
    route = Route(target.url, addresses, deadline)
    try:
        return _exchange(_PinnedAdapter(route, target), request, deadline)
    except (requests.ConnectionError, HTTPError):
        if not route.reused or deadline.passed:
            raise
        # The endpoint hung up while nothing was said, as servers do with idle connections.
        fresh = Route(target.url, addresses, deadline, reuse=False)
        return _exchange(_PinnedAdapter(fresh, target), request, deadline)


def _prepared(target: targets.Target, headers: Mapping[str, str], body: bytes) -> requests.PreparedRequest:
    # Without a session there is no environment: no proxies, no netrc, no cookies, no redirects. The URL is canonical
    # already; preparing it again would cost as much as sending.
    request = requests.PreparedRequest()
    request.prepare_method("POST")
    request.url = target.url
    request.prepare_headers({**headers, "accept-encoding": "identity", "content-length": str(len(body))})
    request.body = body
    return request


def _exchange(
    adapter: _PinnedAdapter, request: requests.PreparedRequest, deadline: Deadline
) -> tuple[int, bytes, str | None]:
    response = adapter.send(request, stream=True, timeout=(CONNECT_S, WHOLE_S))
    try:
        content = response.raw.read(MAX_READ, decode_content=False)
        if deadline.passed:
            raise requests.ReadTimeout
        if len(content) < MAX_READ and response.raw.length_remaining:
            raise requests.ConnectionError  # it hung up before it was done
        return response.status_code, content, response.headers.get("retry-after")
    finally:
        # Not response.close(): that would read on. Closes the connection unless it has gone back already.
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


class _PinnedAdapter(HTTPAdapter):
    """An adapter for one attempt on one target."""

    def __init__(self, route: Route, target: targets.Target) -> None:
        super().__init__()
        self._pool: HTTPConnectionPool
        if target.scheme == "https":
            self._pool = PinnedTLSPool(target.host, target.port, route=route, ssl_context=_tls())
        else:
            self._pool = PinnedPool(target.host, target.port, route=route)

    def init_poolmanager(self, *_args: Any, **_kwargs: Any) -> None:
        """No pools of pools: the route has the connections."""

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """The shared context verifies already; loading the bundle again for every attempt would be slow."""


@cache
def _tls() -> ssl.SSLContext:
    """What the system trusts and what certifi trusts; certificate and host name are always verified."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
