"""A consumer that costs as little as possible: answers 200 at once, or never below ``/hang``. A process of its own.

python -m benchmarks.sink PORT
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LENGTH = b"content-length:"


class Consumer(asyncio.Protocol):
    """One connection; requests may come one after the other on it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody wants to talk."""
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            length = int(head.partition(LENGTH)[2].partition(b"\r\n")[0])
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            if not head.startswith(b"post /hang"):
                self._transport.write(ANSWER)


async def listen(port: int) -> None:
    """Until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Consumer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(listen(int(sys.argv[1])))
