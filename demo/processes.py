"""Child processes that never outlive the program that started them: each leads a process group of its own."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

GRACE_S = 10.0


class Child:
    """A command that runs beside us; what it says goes to a file."""

    def __init__(
        self, name: str, command: Sequence[str], *, directory: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.command = list(command)
        self.directory = directory
        self.environment = dict(environment)
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.told_to_end = False

    def start(self) -> None:
        """Start it in a new process group, once nothing of an earlier start is left but what it said in the file."""
        self.signal(signal.SIGKILL)
        self.told_to_end = False
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started."""
        return self.process.poll() if self.process else None

    @property
    def ended(self) -> bool:
        return self.exit_code is not None

    def tail(self, lines: int = 20) -> str:
        """The last lines that it said."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group; a group that is gone is fine."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask the group to end, end it by force after ``grace_s`` seconds, and reap the child."""
        self.ask_to_stop()
        self.finish_stopping(grace_s)

    def ask_to_stop(self) -> None:
        self.told_to_end = True
        if not self.ended:
            self.signal(signal.SIGTERM)

    def finish_stopping(self, grace_s: float = GRACE_S) -> None:
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)
        # Also after a clean end: a grandchild may still be there.
        self.signal(signal.SIGKILL)
        self.process.wait()

    def kill(self) -> None:
        """End the whole group at once, as a power cut would."""
        self.told_to_end = True
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


class Children:
    """The processes that we started."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    def start(self, child: Child) -> Child:
        """Start a child that is stopped with all others."""
        self._children.append(child)
        child.start()
        return child

    def __iter__(self) -> Iterator[Child]:
        return iter(self._children)

    def stop(self) -> None:
        """Stop all of them, latest first; they use their time of grace at the same time."""
        for child in reversed(self._children):
            child.ask_to_stop()
        for child in reversed(self._children):
            child.finish_stopping()
        self._children.clear()


@contextmanager
def children() -> Iterator[Children]:
    """Children that are stopped at the end of the block, and at exit when the block was never left."""
    started = Children()
    atexit.register(started.stop)
    try:
        yield started
    finally:
        started.stop()
        atexit.unregister(started.stop)


def exit_on_signals() -> None:
    """Let SIGTERM, SIGHUP and SIGINT end the program as an exception, so that blocks clean up."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    # A shell's background job begins with this one ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
