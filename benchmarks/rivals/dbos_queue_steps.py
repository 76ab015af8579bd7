"""The same DBOS workflow, handed over through a queue, as a run is handed over to a worker here."""

from __future__ import annotations

from collections.abc import Iterable

from dbos import DBOS
from dbos_steps import pipeline
from race import race

POLL_S = 0.05
AT_ONCE = 32
"""Of each process: with a few the queue would be looked at too seldom to keep them busy."""


def main() -> None:
    """Both processes take from one queue what both put there; each waits for its own."""
    queue = DBOS.register_queue("bench", worker_concurrency=AT_ONCE, polling_interval_sec=POLL_S)

    def run(numbers: Iterable[int]) -> None:
        handles = [queue.enqueue(pipeline, number) for number in numbers]
        for handle in handles:
            handle.get_result(polling_interval_sec=POLL_S)

    race(run)


if __name__ == "__main__":
    DBOS.launch()
    main()
    DBOS.destroy()
