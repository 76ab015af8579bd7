"""The queue of the embedded default: ``folder://`` is kombu's filesystem transport with atomic messages.

kombu writes a message under its final name and moves it to the system's temporary folder to read it: a reader can see
half a message, or two readers the same one when that folder is another filesystem. Here a message appears by one rename
and is claimed by one rename.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem, virtual
from kombu.transport.filesystem import exchange_queue_t
from kombu.utils.json import dumps, loads

WAIT_S = 0.2


class Channel(filesystem.Channel):
    """Messages as files in one folder; a name that starts with a dot is being written or read."""

    def _put(  # type: ignore[override] # the stubs of its two bases name the message differently
        self, queue: str, payload: dict[str, Any], **kwargs: object
    ) -> None:
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        folder = Path(self.data_folder_out)
        hidden = folder / f".{name}"
        hidden.write_text(dumps(payload), encoding="utf-8")
        hidden.rename(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        folder = Path(self.data_folder_in)
        for waiting in sorted(folder.iterdir()):
            written, _, rest = waiting.name.partition(".")
            if not written or rest != f"{queue}.msg":
                continue
            claimed = folder / f".{waiting.name}"
            try:
                waiting.rename(claimed)
            except FileNotFoundError:  # another worker was faster
                continue
            message: dict[str, Any] = loads(claimed.read_bytes())
            claimed.unlink()
            return message
        raise Empty

    # Who publishes declares its queue first, so each process can keep its own table of bindings in memory. kombu's is a
    # file that one process may read while another one writes it.
    def get_table(  # type: ignore[override] # as in the stub of its base: a named tuple is a tuple
        self, exchange: str
    ) -> list[exchange_queue_t]:
        return [exchange_queue_t(*binding) for binding in virtual.Channel.get_table(self, exchange)]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str | None, queue: str) -> None:
        """Nothing to write."""


class Transport(filesystem.Transport):
    """kombu's filesystem transport with the channel above."""

    Channel = Channel
    # A folder that cannot be read is a broker that is away: the worker waits for it instead of ending.
    connection_errors = (*filesystem.Transport.connection_errors, OSError)

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Celery waits two seconds for a message, twice, before it sees that it is to stop: here it looks more often."""
        super().drain_events(connection, timeout=timeout and min(timeout, WAIT_S), **kwargs)
