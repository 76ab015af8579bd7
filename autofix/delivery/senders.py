"""Threads that send, as many as consumers make wait; one at a time begins, and who begins to wait lets the next one begin.

Python runs one thread at a time, and dozens that want to run at once cost a fifth to a half more than a few. So one attempt
has the *floor*: it composes its request, and gives the floor to the next one before the first thing that takes as long as
somebody else likes: a name's lookup, a connection, a large body, the answer. Hence nothing waits behind an attempt that hangs.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

logger = logging.getLogger(__name__)

MOST_IDLE = 64
"""So many threads are kept for later."""
NOBODY = 0
SOMEBODY = -1
"""A thread that has been given a job, and not yet said who it is."""

Job = Callable[[], None]


class Senders:
    """Does jobs: each begins when the one before has ended or stepped aside. A job must not raise."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin afresh. A forked process has these objects, and none of their threads."""
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._floor = NOBODY
        self._given: SimpleQueue[Job] = SimpleQueue()
        self._idle = 0

    def do(self, job: Job) -> None:
        """Have it done as soon as possible. From any thread."""
        with self._lock:
            self._waiting.append(job)
            if self._floor == NOBODY:
                self._begin_next()

    def step_aside(self) -> None:
        """What the calling thread does next may take long: the next job begins. Nothing happens outside of jobs."""
        if self._floor == threading.get_ident():
            with self._lock:
                self._begin_next()

    def _begin_next(self) -> None:
        """The floor is free, and the lock held."""
        self._floor = NOBODY
        if not self._waiting:
            return
        if not self._idle and not self._add_thread():
            return
        self._idle -= 1
        self._floor = SOMEBODY
        self._given.put(self._waiting.popleft())

    def _add_thread(self) -> bool:
        try:
            threading.Thread(target=self._run, name="autofix-deliver", daemon=True).start()
        except RuntimeError:  # the system has no more: those that there are go on
            logger.exception("no thread to send webhooks with")
            return False
        self._idle += 1
        return True

    def _run(self) -> None:
        while True:
            job = self._given.get()
            self._floor = threading.get_ident()
            try:
                job()
            finally:
                self.step_aside()
            with self._lock:
                if self._idle >= MOST_IDLE:
                    return
                self._idle += 1
                if self._floor == NOBODY:  # no thread could be started
                    self._begin_next()


senders = Senders()
"""Those of this process."""
os.register_at_fork(after_in_child=senders.forget)
