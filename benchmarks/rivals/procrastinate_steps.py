"""Three no-op jobs of procrastinate, each deferring the next one: a queue without artifacts, events or leases of turns."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from contextlib import suppress

import procrastinate
from psycopg.errors import DuplicateObject
from race import race

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=sys.argv[1]))
AT_ONCE = 4
"""Of each process; with one it is slower by a fifth."""
QUEUE = f"queue-{os.getpid()}"
finished: list[int] = []


@app.task(queue=QUEUE)
async def root_cause(number: int) -> None:
    """The first step."""
    await solution.defer_async(number=number, cause=f"The plan is optional {number}")


@app.task(queue=QUEUE)
async def solution(number: int, cause: str) -> None:
    """The second step."""
    await code_changes.defer_async(number=number, plan=f"Read it with a default: {cause}")


@app.task(queue=QUEUE)
async def code_changes(number: int, plan: str) -> None:  # noqa: ARG001 - the job carries it
    """The third step."""
    finished.append(number)


async def work(numbers: Iterable[int]) -> None:
    """Defer all first jobs, then work until every last one is done."""
    wanted = len(finished) + len(list(numbers))
    async with app.open_async():
        with suppress(procrastinate.exceptions.ConnectorException, DuplicateObject):  # it is there already
            await app.schema_manager.apply_schema_async()
        for number in numbers:
            await root_cause.defer_async(number=number)
        while len(finished) < wanted:
            await app.run_worker_async(
                queues=[QUEUE], wait=False, concurrency=AT_ONCE, install_signal_handlers=False
            )


if __name__ == "__main__":
    race(lambda numbers: asyncio.run(work(numbers)))
