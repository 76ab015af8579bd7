"""Threads that send: one does it all while consumers answer at once; when one makes it wait, the next goes on in its place.

Python runs one thread at a time, and dozens that want to run at once cost half as much again as one that goes from consumer
to consumer. So one thread *leads*: it takes what there is to do. Another one *watches* it and, when the leader has been at
one thing for a moment, leads in its place; who is left behind finishes what it has begun and lines up again.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

logger = logging.getLogger(__name__)

SOON_S = 0.0002
"""After so long a look is taken at a new leader; then after twice as long, and so on: to watch costs time, too."""
LATER_S = 0.008
"""How long a leader may be at one thing in any case."""
MOST_IDLE = 64
"""So many threads are kept for later."""

Job = Callable[[], None]


@dataclass(eq=False)
class _Leader:
    doing: Job | None = None


class _Load:
    """Whether this process waits more than it computes, and another thread would find something to do."""

    BUSY = 0.6
    WINDOW_S = 0.002

    def __init__(self) -> None:
        self._low = True
        self._since = self._used = 0.0

    def is_low(self) -> bool:
        """As it was in the last whole window."""
        now = time.perf_counter()
        if now - self._since >= self.WINDOW_S:
            used = time.process_time()
            self._low = used - self._used < self.BUSY * (now - self._since)
            self._since, self._used = now, used
        return self._low


class Senders:
    """Does jobs, as many beside each other as are made to wait. A job must not raise."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin afresh. A forked process has these objects, and none of their threads."""
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._busy = threading.Event()
        self._watching = threading.Lock()
        self._leader: _Leader | None = None
        self._load = _Load()
        self._counting = threading.Lock()
        self._idle = 0
        self._begun = False

    def do(self, job: Job) -> None:
        """Have it done as soon as possible. From any thread."""
        self._jobs.put(job)
        self._busy.set()
        if not self._begun:
            with self._counting:
                first, self._begun = not self._begun, True
            if first:
                self._add_thread()

    def _add_thread(self) -> None:
        with self._counting:
            self._idle += 1
        try:
            threading.Thread(target=self._run, name="autofix-deliver", daemon=True).start()
        except RuntimeError:  # the system has no more: those that there are go on
            logger.exception("no thread to send webhooks with")
            with self._counting:
                self._idle -= 1
                self._begun = self._leader is not None

    def _run(self) -> None:
        while True:
            with self._watching:
                self._watch()
                me = self._leader = _Leader()
            with self._counting:
                self._idle -= 1
                nobody_watches = not self._idle
            if nobody_watches:
                self._add_thread()
            self._lead(me)
            with self._counting:
                if self._idle >= MOST_IDLE:
                    return
                self._idle += 1

    def _lead(self, me: _Leader) -> None:
        """Do one job after the other, until somebody else leads."""
        while self._leader is me:
            me.doing = self._jobs.get()
            me.doing()
            me.doing = None

    def _watch(self) -> None:
        """Returns when there is no leader, or it has been at one job for too long."""
        patience_s = SOON_S
        while (leader := self._leader) is not None:
            doing = leader.doing
            if doing is None and self._jobs.empty():
                self._busy.clear()
                if self._jobs.empty():
                    self._busy.wait()
            time.sleep(patience_s)
            if (
                doing is not None
                and leader.doing is not None
                and (leader.doing is doing or self._load.is_low())
            ):
                return
            patience_s = min(2 * patience_s, LATER_S)


senders = Senders()
"""Those of this process."""
os.register_at_fork(after_in_child=senders.forget)
