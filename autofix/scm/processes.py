"""Programs that are run with nothing inherited, bounded in time and output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_COMPLAINT = 16 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Output:
    """What a command printed; ``truncated``: it was stopped at its limit."""

    code: int
    stdout: bytes
    truncated: bool = False

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")


def execute(
    command: Sequence[str],
    environment: Mapping[str, str],
    place: Path,
    *,
    timeout_s: float,
    limit: int,
    stdin: bytes = b"",
) -> tuple[Output | None, str]:
    """The output (None: timed out) and the end of what the command complained of."""
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        # A session of its own, so that what the program starts is ended with it.
        with subprocess.Popen(
            command, cwd=place, env=environment, start_new_session=True,
            stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            streams = _Streams(process, limit)
            deadline = time.monotonic() + timeout_s
            try:
                ended = streams.read_until(deadline)
                if ended and not streams.truncated:
                    process.wait(max(deadline - time.monotonic(), 1))
            except subprocess.TimeoutExpired:
                ended = False
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
    complaint = bytes(streams.stderr).decode("utf-8", "replace")
    return (Output(code, bytes(streams.stdout), streams.truncated) if ended else None), complaint


class _Streams:
    """Both outputs of a process, read side by side; the complaint keeps its end, the output its beginning."""

    def __init__(self, process: subprocess.Popen[bytes], limit: int) -> None:
        self.process = process
        self.limit = limit
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.truncated = False

    def read_until(self, deadline: float) -> bool:
        """False when the deadline came first."""
        with selectors.DefaultSelector() as selector:
            for stream, kept in ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, kept)
            while selector.get_map() and not self.truncated:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return False
                for key, _ in selector.select(remaining):
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    self._keep(key.data, chunk)
        return True

    def _keep(self, kept: bytearray, chunk: bytes) -> None:
        kept += chunk
        if kept is self.stderr:
            del kept[:-MAX_COMPLAINT]
        elif len(kept) > self.limit:
            del kept[self.limit :]
            self.truncated = True
