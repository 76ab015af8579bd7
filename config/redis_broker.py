"""Celery's queue on Redis, as kombu has it, but a channel keeps its client.

kombu makes one for each thing that it asks of Redis, with a table of all commands' answers, and that takes longer than asking:
a twentieth of what a worker does for a short run. A client can be shared: it takes a connection from its pool for each command.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """See :class:`kombu.transport.redis.Channel`."""

    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - the signature is kombu's
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]  # kombu's types leave it out
        if (
            self._kept is None or self._kept.connection_pool is not self.pool
        ):  # a channel that reconnects has another pool
            self._kept = super()._create_client()  # type: ignore[misc]  # kombu's types leave it out
        return self._kept


class Transport(redis.Transport):
    """See :class:`kombu.transport.redis.Transport`."""

    Channel = Channel
