"""A limit of wall clock for a conversation over a socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Deadline:
    """Cuts the connection when its time is over. A socket's own time-out begins anew with every byte that drips in."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()

    def cuts(self, sock: socket.socket) -> None:
        """Cut this connection too. TLS takes the socket object over, hence a second handle to the same connection."""
        with self._lock:
            if self.passed:
                raise TimeoutError
            self._handles.append(sock.dup())

    def _cut(self) -> None:
        with self._lock:
            self.passed = True
            for handle in self._handles:
                with contextlib.suppress(OSError):  # the other side was faster
                    handle.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()
