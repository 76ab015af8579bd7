"""The investigation, block by block, as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from autofix.explorer.state import BlockState
from autofix.ui.text import cut, visible
from autofix.ui.wording import step_title

LATEST: Final = 40
MOST_AT_ONCE: Final = 500
LONGEST: Final = 4_000
SPEAKERS: Final = {"user": "Asked", "assistant": "Agent", "tool_use": "Answer of a tool"}


@dataclass(frozen=True)
class Entry:
    """One block. ``calls``: pairs of a tool's name and its arguments; ``results``: artifacts and files that it holds."""

    index: int
    role: str
    speaker: str
    timestamp: datetime
    text: str
    folded: bool
    calls: list[tuple[str, str]]
    results: list[str]


@dataclass(frozen=True)
class Timeline:
    """Entries in their order; ``earlier``: how many there are before the first one, ``last``: the last one's index."""

    entries: list[Entry]
    earlier: int = 0
    last: int = -1


def timeline(blocks: Sequence[BlockState], *, everything: bool = False) -> Timeline:
    """The latest blocks, or all of them."""
    shown = blocks if everything else blocks[-LATEST:]
    last = blocks[-1].index if blocks else -1
    return Timeline([_entry(block) for block in shown], earlier=len(blocks) - len(shown), last=last)


def stretch(blocks: Sequence[BlockState], *, before: int | None) -> Timeline:
    """Blocks that came in, or (``before`` an index) the last ones before those that the page has."""
    if before is None:
        shown = blocks[:MOST_AT_ONCE]
        return Timeline([_entry(block) for block in shown], last=shown[-1].index if shown else -1)
    wanted = [block for block in blocks if block.index < before]
    shown = wanted[-MOST_AT_ONCE:]
    return Timeline([_entry(block) for block in shown], earlier=len(wanted) - len(shown), last=before - 1)


def _entry(block: BlockState) -> Entry:
    message = block.message
    results = [f"{step_title(artifact.key)}: result" for artifact in block.artifacts]
    results += [f"{visible(patch.repo_name)}: {visible(patch.patch.path)}" for patch in block.file_patches]
    return Entry(
        index=block.index,
        role=message.role,
        speaker=SPEAKERS[message.role],
        timestamp=block.timestamp,
        text=cut(message.content, LONGEST),
        folded=message.role != "assistant",
        calls=[(visible(call.function), cut(call.args, LONGEST)) for call in message.tool_calls],
        results=[cut(result, 300) for result in results],
    )
