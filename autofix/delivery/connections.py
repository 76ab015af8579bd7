"""Connections to checked addresses, kept open for a while for the next webhook to the same URL."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import is_connection_dropped

from autofix.delivery.deadline import Deadline
from autofix.delivery.senders import senders
from autofix.delivery.targets import Address

CONNECT_S = 5.0
IDLE_S = 20.0
MOST_IDLE = 256
MOST_IDLE_PER_URL = 4
SURELY_FITS = 16 * 1024
"""So many bytes the system takes at once over a connection on which nothing is under way."""


@dataclass(frozen=True)
class _Kept:
    connection: Pinned
    since: float


class Idle:
    """Open connections by URL: two consumers that share a host never share a connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_url: OrderedDict[str, list[_Kept]] = OrderedDict()

    def take(self, url: str, addresses: Sequence[Address]) -> Pinned | None:
        """An open connection to one of these addresses, which were checked just now; no longer in here."""
        allowed = {address.sockaddr for address in addresses}
        while (kept := self._pop(url)) is not None:
            fresh = time.monotonic() - kept.since < IDLE_S
            if fresh and kept.connection.peer in allowed and not is_connection_dropped(kept.connection):
                return kept.connection
            kept.connection.close()
        return None

    def keep(self, url: str, connection: Pinned) -> None:
        """Keep it; when there are too many, the URL that was used longest ago loses one."""
        with self._lock:
            kept = self._by_url.setdefault(url, [])
            kept.append(_Kept(connection, time.monotonic()))
            self._by_url.move_to_end(url)
            too_many = len(kept) > MOST_IDLE_PER_URL or sum(map(len, self._by_url.values())) > MOST_IDLE
            spare = url if len(kept) > MOST_IDLE_PER_URL else next(iter(self._by_url))
            surplus = self._by_url[spare].pop(0) if too_many else None
            if not self._by_url[spare]:
                del self._by_url[spare]
        if surplus is not None:
            surplus.connection.close()

    def clear(self) -> None:
        """Forget them all: a forked process must not write into its parent's conversations."""
        self._lock = threading.Lock()
        self._by_url = OrderedDict()

    def _pop(self, url: str) -> _Kept | None:
        with self._lock:
            kept = self._by_url.get(url)
            if not kept:
                return None
            newest = kept.pop()
            if not kept:
                del self._by_url[url]
            return newest


idle = Idle()
os.register_at_fork(after_in_child=idle.clear)


class Route:
    """The checked addresses of one attempt: tried in turn within the connect limit, unless a connection is open already."""

    def __init__(
        self, url: str, addresses: Sequence[Address], deadline: Deadline, *, reuse: bool = True
    ) -> None:
        self.reused = False
        self._url = url
        self._addresses = addresses
        self._deadline = deadline
        self._reuse = reuse

    def open_connection(self) -> Pinned | None:
        """One that an earlier attempt left open."""
        found = idle.take(self._url, self._addresses) if self._reuse else None
        if found is not None and found.sock is not None:
            self.reused = True
            found.route = self
            self._deadline.cuts(found.sock)
        return found

    def connect(self) -> tuple[socket.socket, tuple[Any, ...]]:
        """A new connection, and whom it is to."""
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
            return sock, address.sockaddr
        raise failure

    def give_back(self, connection: Pinned) -> None:
        """The answer was read to its end: the connection can serve again, unless either side has closed it."""
        if connection.sock is None or self._deadline.passed:
            connection.close()
        else:
            idle.keep(self._url, connection)


class Pinned(HTTPConnection):
    """Goes where its route says; the host's name serves for the Host header and the certificate only."""

    def __init__(self, *args: Any, route: Route, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.route = route
        self.peer: tuple[Any, ...] = ()

    def send(self, data: Any) -> None:
        """What does not fit into the connection's buffer waits until the other side reads it."""
        if len(data) > SURELY_FITS:
            senders.step_aside()
        super().send(data)

    def getresponse(self) -> Any:
        """The other side may answer when it likes."""
        senders.step_aside()
        return super().getresponse()

    def _new_conn(self) -> socket.socket:
        senders.step_aside()
        try:
            sock, self.peer = self.route.connect()
        except TimeoutError as exc:
            raise ConnectTimeoutError(self, "connect timed out") from exc
        except OSError as exc:
            raise NewConnectionError(self, "connect failed") from exc
        return sock


class PinnedTLS(Pinned, HTTPSConnection):
    """The same over TLS."""


class _OfOneAttempt(HTTPConnectionPool):
    """What urllib3 asks for connections; they come from, and go back to, the route."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        return self.conn_kw["route"].open_connection() or self._new_conn()

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            self.conn_kw["route"].give_back(conn)


class PinnedPool(_OfOneAttempt):
    """Plain HTTP."""

    ConnectionCls = Pinned


class PinnedTLSPool(_OfOneAttempt, HTTPSConnectionPool):
    """HTTPS."""

    ConnectionCls = PinnedTLS
