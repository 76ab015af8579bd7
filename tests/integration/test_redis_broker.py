"""The queue on Redis: kombu's, with one client a channel."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from config.redis_broker import Transport

BROKER = os.environ.get("CELERY_BROKER_URL", "")
pytestmark = pytest.mark.skipif(not BROKER.startswith("redis"), reason="needs Redis, by CELERY_BROKER_URL")


@pytest.fixture
def connection() -> Iterator[Connection]:
    with Connection(BROKER, transport=Transport) as made:
        yield made


def test_a_channel_keeps_its_client(connection: Connection) -> None:
    """As long as its pool; after a lost connection it has a new one of both."""
    channel: Any = connection.default_channel
    with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
        assert first is second
        assert first.ping()
    channel._disconnect_pools()
    with channel.conn_or_acquire() as third:
        assert third is not first
        assert third.ping()


def test_messages_are_acknowledged_one_by_one(connection: Connection) -> None:
    """One that was not comes again when its reader is gone, and one that was does not."""
    name = f"test-{uuid.uuid4().hex}"
    queue = connection.SimpleQueue(name)
    for number in range(3):
        queue.put({"number": number})
    queue.get(timeout=5).ack()
    assert queue.get(timeout=5).payload == {"number": 1}
    queue.close()
    connection.close()
    with Connection(BROKER, transport=Transport) as other:
        left = other.SimpleQueue(name)
        messages = [left.get(timeout=5) for _ in range(2)]
        for message in messages:
            message.ack()
        assert sorted(message.payload["number"] for message in messages) == [1, 2]
        with pytest.raises(Empty):
            left.get(block=False)
        left.queue.delete()
