"""Doubles for tests, a host's own and ours: a queue that runs wake-ups in this thread, in an order of the test's choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from celery import Task

from autofix import tasks, wakeups

TASKS: dict[str, Task[..., None]] = {
    task.name: task for task in vars(tasks).values() if isinstance(task, Task)
}


@dataclass(frozen=True)
class Wakeup:
    """One message: the task's name, its arguments, and the seconds that it was to wait."""

    task: str
    args: tuple[str | int, ...]
    countdown: float = 0

    def run(self) -> None:
        """Run the task here and now."""
        TASKS[self.task](*self.args)


class WakeupQueue:
    """Stands in for the broker. Messages wait until the test runs, repeats, reorders or loses them."""

    def __init__(self) -> None:
        self.messages: list[Wakeup] = []

    def publish(self, task: str, args: tuple[str | int, ...], countdown: float) -> None:
        """Take a message."""
        self.messages.append(Wakeup(task, args, countdown))

    def waiting(self, task: str) -> list[Wakeup]:
        """The messages for this task."""
        return [message for message in self.messages if message.task == task]

    def lose(self, task: str | None = None) -> int:
        """Drop all messages (for this task); how many there were."""
        lost = [message for message in self.messages if task in (None, message.task)]
        self.messages = [message for message in self.messages if message not in lost]
        return len(lost)

    def run_next(self, task: str) -> Wakeup:
        """Run the oldest message for this task; IndexError when there is none."""
        message = self.waiting(task)[0]
        self.messages.remove(message)
        message.run()
        return message

    def drain(
        self, *, times: int = 1, only: Callable[[Wakeup], bool] = lambda _: True, limit: int = 500
    ) -> int:
        """Run messages, and those that they cause, until none is left; each one ``times`` times.

        Messages that are to wait longer than a second stay. Returns how many ran; AssertionError beyond ``limit``.
        """
        ran = 0
        while ready := [m for m in self.messages if m.countdown <= 1 and only(m)]:
            self.messages.remove(ready[0])
            for _ in range(times):
                ready[0].run()
            ran += 1
            if ran > limit:
                raise AssertionError(f"{limit} wake-ups and still no end: {ready[0]}")
        return ran


@contextmanager
def wakeup_queue() -> Iterator[WakeupQueue]:
    """Send this process's wake-ups into a new queue instead of to the broker."""
    queue = WakeupQueue()
    # Nor does a task go on by itself: every turn has its message, for the test to run or lose.
    with patch.object(wakeups, "_publish", queue.publish), patch.object(tasks, "GOES_ON_S", 0.0):
        yield queue
