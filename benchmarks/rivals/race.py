"""The protocol of a race, in plain Python: warm up, say "ready", wait for a line, run, say how long it took.

Each rival runs in an environment of its own, which has nothing of ours; its script starts with ``race(run)``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

WARM_UP = 3


def race(run: Callable[[Iterable[int]], None]) -> None:
    """Let ``run(numbers)`` finish a pipeline for each number; arguments: the database and how many pipelines."""
    run(range(WARM_UP))
    print("ready", flush=True)
    sys.stdin.readline()
    wall, processor = time.perf_counter(), time.process_time()
    run(range(int(sys.argv[2])))
    took = {"seconds": time.perf_counter() - wall, "cpu_s": time.process_time() - processor}
    print(json.dumps(took), flush=True)


def in_threads(pipeline: Callable[[int], object], threads: int) -> Callable[[Iterable[int]], None]:
    """Pipelines by so many threads at once: what suits each best of 1, 2 and 4."""

    def run(numbers: Iterable[int]) -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(pipeline, numbers))

    return run
