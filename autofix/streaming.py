"""A run as it happens: server-sent events ``block``, ``step`` and ``run`` until the run ends.

An event's id says what its reader has seen: the last block, the last step and the run's version. Who comes back with it gets
the blocks after that one, and the steps and the run as they are now when they have changed since. The database is asked
once a second: a stream costs no connection in between and sees what any process wrote.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final, Self

from asgiref.sync import sync_to_async
from django.db import connection
from pydantic import BaseModel

from autofix.explorer.client import get_client
from autofix.explorer.state import BlockState
from autofix.models import Run
from autofix.run_views import StepView, run_summary, step_view

POLL_S: Final = 1.0
KEEP_ALIVE_S: Final = 15.0
KEEP_ALIVE: Final = ": still here\n\n"
LONGEST_S: Final = 600.0  # then the client comes back with Last-Event-ID, perhaps to a fresher process
EVENT_ID = re.compile(r"(-1|[0-9]{1,9})\.([0-9]{1,9})\.(-1|[0-9]{1,9})", re.ASCII)


@dataclass
class RunStream:
    """Tells, each time it is asked, what is new of a run.

    ``index``, ``sequence``, ``version``: the last block and step that were told, and the run's version then.
    ``ended``: there will be nothing more.
    """

    run_id: int
    index: int = -1
    sequence: int = 0
    version: int = -1
    ended: bool = False
    steps: dict[int, StepView] = field(default_factory=dict)
    session: str = ""

    @classmethod
    def after(cls, run_id: int, event_id: str) -> Self:
        """The stream for somebody who has seen this event; from the beginning when there is no such id."""
        seen = EVENT_ID.fullmatch(event_id)
        return cls(run_id, int(seen[1]), int(seen[2]), int(seen[3])) if seen else cls(run_id)

    def news(self) -> str:
        """The events since the last call, as text; empty when nothing happened."""
        # The run is read first: what is read after it is at least as new, so nothing is missing when it has ended.
        run = Run.objects.filter(pk=self.run_id).first()
        self.ended = run is None or not run.is_active
        if run is None:
            return ""
        changed = run.version != self.version
        steps = list(self._changed_steps(run)) if changed else []
        frames = [self._frame("block", block) for block in self._new_blocks(run)]
        frames += [self._frame("step", step) for step in steps]
        if changed:
            # Only now: whoever is cut off before this event is told all of it again.
            self.version = run.version
            frames.append(self._frame("run", run_summary(run)))
        return "".join(frames)

    def _changed_steps(self, run: Run) -> Iterator[StepView]:
        for step in run.steps.all():
            if step.sequence > self.sequence and step.turn_id:
                self.sequence = step.sequence
                if step.session_id == run.session_id:
                    # After a rewind other blocks come under indices that were told already.
                    self.index = min(self.index, step.first_index - 1)
            view = step_view(step)
            if self.steps.get(step.sequence) != view:
                self.steps[step.sequence] = view
                yield view

    def _new_blocks(self, run: Run) -> Iterator[BlockState]:
        session = get_client().version(run.session_id) if run.session_id else ""
        if session != self.session:
            self.session = session
            for block in get_client().state(run.session_id, since=self.index).blocks:
                self.index = block.index
                yield block

    def _frame(self, name: str, data: BaseModel) -> str:
        return f"id: {self.index}.{self.sequence}.{self.version}\nevent: {name}\ndata: {data.model_dump_json()}\n\n"


def follow(stream: RunStream, first: str) -> Iterator[str]:
    """The events, beginning with those of the ``first`` look, for a server that has a thread per request."""
    yield f"retry: 1000\n\n{first}"
    started = told = time.monotonic()
    while not stream.ended and time.monotonic() - started < LONGEST_S:
        time.sleep(POLL_S)
        text = stream.news()
        if text or time.monotonic() - told > KEEP_ALIVE_S:
            told = time.monotonic()
            yield text or KEEP_ALIVE


async def follow_async(stream: RunStream, first: str) -> AsyncIterator[str]:
    """The same for an ASGI server: between two looks it holds neither a busy thread nor a database connection."""
    yield f"retry: 1000\n\n{first}"
    started = told = time.monotonic()
    while not stream.ended and time.monotonic() - started < LONGEST_S:
        await asyncio.sleep(POLL_S)
        text = await sync_to_async(_look)(stream)
        if text or time.monotonic() - told > KEEP_ALIVE_S:
            told = time.monotonic()
            yield text or KEEP_ALIVE


def _look(stream: RunStream) -> str:
    try:
        return stream.news()
    finally:
        connection.close()
