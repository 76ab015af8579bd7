"""A limit of wall clock for a conversation over a socket."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import threading
import time
from types import TracebackType
from typing import Self


class Deadline:
    """Cuts the connection when its time is over. A socket's own time-out begins anew with every byte that drips in."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()
        self._kept = False

    def cuts(self, sock: socket.socket) -> None:
        """Cut this connection too. TLS takes the socket object over, hence a second handle to the same connection."""
        with self._lock:
            if self.passed:
                raise TimeoutError
            # Not sock.dup(): a TLS socket would be duplicated as one that has shaken no hands.
            self._handles.append(socket.fromfd(sock.fileno(), sock.family, sock.type))

    def cut(self) -> None:
        """The time is over; nothing happens when the conversation ended before."""
        with self._lock:
            if self._kept:
                return
            self.passed = True
            for handle in self._handles:
                with contextlib.suppress(OSError):  # the other side was faster
                    handle.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        _watch.add(time.monotonic() + self._seconds, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._kept = True
            for handle in self._handles:
                handle.close()
            self._handles.clear()


class _Watch:
    """One thread that waits for every deadline of this process: a timer each would start a thread for every attempt."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()  # deadlines of the same moment cannot be compared
        self._thread: threading.Thread | None = None

    def add(self, at: float, deadline: Deadline) -> None:
        with self._changed:
            heapq.heappush(self._waiting, (at, next(self._numbers), deadline))
            if (
                self._thread is None or not self._thread.is_alive()
            ):  # a forked process has the object, not the thread
                self._thread = threading.Thread(target=self._run, name="autofix-deadlines", daemon=True)
                self._thread.start()
            elif self._waiting[0][2] is deadline:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            self._next().cut()

    def _next(self) -> Deadline:
        with self._changed:
            while True:
                while not self._waiting:
                    self._changed.wait()
                at, _, deadline = self._waiting[0]
                left = at - time.monotonic()
                if left <= 0:
                    heapq.heappop(self._waiting)
                    return deadline
                self._changed.wait(left)


_watch = _Watch()
