"""The embedded default's queue: messages as files."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from config.broker import Transport


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to a queue in a folder of its own."""
    folder = {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path),
    }
    with Connection("folder://localhost", transport=Transport, transport_options=folder) as made:
        yield made


def test_messages_arrive_in_order_once_and_leave_nothing_behind(
    connection: Connection, tmp_path: Path
) -> None:
    """First in, first out; a message that was read is gone from the folder."""
    queue = connection.SimpleQueue("autofix", no_ack=True)
    for number in range(5):
        queue.put({"number": number})
    assert [queue.get(block=False).payload["number"] for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(Empty):
        queue.get(block=False)
    assert list(tmp_path.iterdir()) == []


def test_queues_are_apart(connection: Connection) -> None:
    """A reader of one queue never sees another queue's message, even when one name ends like the other."""
    connection.SimpleQueue("my.autofix", no_ack=True).put({"for": "other"})
    with pytest.raises(Empty):
        connection.SimpleQueue("autofix", no_ack=True).get(block=False)


def test_a_message_in_writing_is_not_seen(connection: Connection, tmp_path: Path) -> None:
    """A half-written message, as a writer that died leaves it, is never read."""
    (tmp_path / ".00000000000000000001_aa.autofix.msg").write_text('{"body": "ha')
    with pytest.raises(Empty):
        connection.SimpleQueue("autofix", no_ack=True).get(block=False)


def test_competing_readers_get_each_message_once(connection: Connection) -> None:
    """Four threads that empty one queue while two fill it read every message exactly once."""
    taken: Counter[int] = Counter()
    filled = threading.Event()

    def fill(start: int) -> None:
        with connection.clone() as own:
            queue = own.SimpleQueue("autofix", no_ack=True)
            for number in range(start, start + 50):
                queue.put({"number": number})

    def empty() -> None:
        with connection.clone() as own:
            queue = own.SimpleQueue("autofix", no_ack=True)
            while True:
                done = filled.is_set()
                try:
                    taken[queue.get(block=False).payload["number"]] += 1
                except Empty:
                    if done:
                        return

    writers = [threading.Thread(target=fill, args=(start,)) for start in (0, 50)]
    readers = [threading.Thread(target=empty) for _ in range(4)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join()
    filled.set()
    for thread in readers:
        thread.join()
    assert taken == Counter(range(100))
