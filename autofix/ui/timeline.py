"""The investigation, block by block, as people read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from autofix.explorer.state import BlockState, ToolCall
from autofix.ui.text import cut, visible
from autofix.ui.wording import step_title

LATEST: Final = 40
MOST_AT_ONCE: Final = 500
LONGEST: Final = 4_000
LONGEST_NOW: Final = 300
SHORT: Final = 120
SPEAKERS: Final = {"user": "Asked", "assistant": "Agent"}


@dataclass(frozen=True)
class Use:
    """A tool's use as a call: ``read_code(path="a.py", line=3)``. ``args``: all of them where that had to be cut."""

    call: str
    args: str = ""


@dataclass(frozen=True)
class Entry:
    """One block. ``uses``: the tools that the agent uses here; ``results``: artifacts and files that it holds."""

    index: int
    role: str
    speaker: str
    timestamp: datetime
    text: str
    folded: bool
    uses: list[Use]
    results: list[str]


@dataclass(frozen=True)
class Timeline:
    """Entries in their order; ``earlier``: how many there are before the first one, ``last``: the last one's index."""

    entries: list[Entry]
    earlier: int = 0
    last: int = -1

    @property
    def now(self) -> str:
        """What the agent said or did last."""
        said = next((entry for entry in reversed(self.entries) if entry.role == "assistant"), None)
        return "" if said is None else said.uses[-1].call if said.uses else said.text[:LONGEST_NOW]

    @property
    def last_words(self) -> str:
        """What the agent said last."""
        return next(
            (entry.text for entry in reversed(self.entries) if entry.role == "assistant" and entry.text), ""
        )


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
        speaker=SPEAKERS.get(message.role) or _answering(message.tool_calls),
        timestamp=block.timestamp,
        text=cut(message.content, LONGEST),
        folded=message.role != "assistant",
        uses=[_use(call) for call in message.tool_calls] if message.role == "assistant" else [],
        results=[cut(result, 300) for result in results],
    )


def _answering(calls: Sequence[ToolCall]) -> str:
    names = ", ".join(dict.fromkeys(call.function for call in calls))
    return f"Answer of {cut(names or 'a tool', SHORT)}"


def _use(call: ToolCall) -> Use:
    shown = _as_keywords(call.args)
    if len(shown) <= SHORT:
        return Use(f"{visible(call.function)}({visible(shown)})")
    return Use(f"{visible(call.function)}({visible(shown[:SHORT])} …)", cut(call.args, LONGEST))


def _as_keywords(args: str) -> str:
    try:
        named = json.loads(args or "{}")
    except ValueError:
        return args  # what a model made of it
    if not isinstance(named, dict):
        return args
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in named.items())
