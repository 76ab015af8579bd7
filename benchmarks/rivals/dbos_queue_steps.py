"""The same DBOS workflow, handed over through a queue, as a run is handed over to a worker here."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

from dbos import DBOS, Queue
from dbos_steps import pipeline
from race import THREADS, race

queue = Queue(f"queue-{os.getpid()}", worker_concurrency=THREADS, polling_interval_sec=0.05)
finished = threading.Semaphore(0)


@DBOS.workflow()
def handed_over(number: int) -> None:
    """The pipeline, and a word that it is done: waiting for results would poll the database."""
    pipeline(number)
    finished.release()


def run(numbers: Iterable[int]) -> None:
    """Enqueue all, and wait for as many."""
    handles = [queue.enqueue(handed_over, number) for number in numbers]
    for _ in handles:
        finished.acquire()


if __name__ == "__main__":
    DBOS.launch()
    race(run)
    DBOS.destroy()
