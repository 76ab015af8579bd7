"""The ``Agent`` protocol."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from autofix.explorer.state import BlockContent, BlockState, PendingUserInput
from autofix.explorer.tools.toolbox import Toolbox


@dataclass(frozen=True)
class TurnBrief:
    """What an agent is told of its turn. ``metadata["attempt"]`` counts the turns spent on the same task, from 1.

    ``turn_id`` is what an agent that costs money books its calls on.
    """

    prompt: str
    artifact_key: str | None
    can_edit: bool
    metadata: dict[str, Any] = field(default_factory=dict)
    turn_id: int | None = None


Blocks = Generator[BlockContent | None, None, BlockContent | None]
"""What an agent yields, and the last block of all, which it returns; None where it has yielded all that there is."""


def each(blocks: Blocks) -> Iterator[tuple[BlockContent | None, bool]]:
    """What the agent yields and returns, with whether it is the last block, which it returned."""
    while True:
        try:
            content = next(blocks)
        except StopIteration as done:
            if done.value is not None:
                yield done.value, True
            return
        yield content, False


class AwaitUserInput(Exception):  # a stop reason, not an error
    """The agent cannot go on without an answer from a person."""

    def __init__(self, pending: PendingUserInput) -> None:
        super().__init__(pending.id)
        self.pending = pending


class Agent(Protocol):
    """An investigating agent.

    ``run`` yields the turn's blocks one by one; each is persisted before the next is asked for. ``history`` holds the
    session's blocks so far; those from ``first_index`` on belong to this turn and were yielded by an earlier worker
    that died: the agent goes on after them. It ends by returning (completed), by raising AgentFailed (failed) or
    AwaitUserInput. Yielding None stores nothing and lets the runner look whether the turn was cancelled or is late.
    A block that it returns is persisted with the turn's end, which saves a trip to the database; one that cost money had
    better be yielded, so that it is persisted before its result is judged.
    """

    name: ClassVar[str]

    def run(
        self, brief: TurnBrief, history: Sequence[BlockState], first_index: int, toolbox: Toolbox
    ) -> Blocks:
        """The turn's further blocks."""
        ...
