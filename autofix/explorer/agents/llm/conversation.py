"""Blocks as a conversation for a model, fitted into its context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autofix.exceptions import ContextOverflow
from autofix.explorer.state import BlockContent, ToolCall
from autofix.fences import DATA_RULE, fenced

CHARS_PER_TOKEN = 3  # code and JSON have shorter tokens than prose; an estimate had better be high
KEPT_CHARS = 300
NEVER_RUN = "This call was not run: the turn ended before it."

INSTRUCTIONS = f"""\
You investigate errors of running programs. Work with the tools: they read the issue, its event, the code at one pinned commit \
and its history, and nothing else. Look before you conclude, and ask for small pieces.
{DATA_RULE}
Write results with the tools whose names begin with artifact_write_. When later evidence shows an earlier artifact to be wrong, \
write it again; the newest counts. Quote citations to the letter, without line numbers."""


@dataclass(frozen=True)
class Said:
    """Words to the model: a prompt, or a person's."""

    text: str


@dataclass(frozen=True)
class Replied:
    """The model's own words and calls."""

    text: str
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class Returned:
    """What a call gave."""

    call: ToolCall
    text: str


Entry = Said | Replied | Returned


def conversation(blocks: Sequence[BlockContent]) -> list[Entry]:
    """The blocks as entries; every call has its answer behind it, as providers demand."""
    entries: list[Entry] = []
    open_calls: list[ToolCall] = []
    for position, block in enumerate(blocks):
        message = block.message
        if message.role == "tool_use" and open_calls:
            entries.append(Returned(open_calls.pop(0), fenced(message.content)))
            continue
        entries += [Returned(call, NEVER_RUN) for call in open_calls]
        open_calls = []
        if message.role == "assistant" and message.tool_calls:
            open_calls = [identified(call, position, n) for n, call in enumerate(message.tool_calls)]
            entries.append(Replied(message.content, tuple(open_calls)))
        elif message.role == "assistant":
            entries.append(Replied(_with_artifacts(block)))
        elif message.role == "tool_use":  # another agent's tool
            entries.append(Said(fenced(message.content)))
        else:
            entries.append(Said(message.content))
    return [*entries, *(Returned(call, NEVER_RUN) for call in open_calls)]


def identified(call: ToolCall, position: int, number: int) -> ToolCall:
    """The call with an id of our own: servers repeat theirs, or leave them out."""
    return call.model_copy(update={"id": f"call_{position}_{number}"})


def fitted(entries: Sequence[Entry], max_tokens: int, overhead_chars: int) -> list[Entry]:
    """The entries in at most so many tokens: the oldest tool results make room, never a prompt or a reply.

    ContextOverflow when that is not enough.
    """
    fitting = list(entries)
    excess = size(fitting) + overhead_chars - max_tokens * CHARS_PER_TOKEN
    for position, entry in enumerate(fitting):
        if excess <= 0:
            return fitting
        if isinstance(entry, Returned) and len(entry.text) > KEPT_CHARS:
            shorter = replace(
                entry, text=f"[left out to save room: {len(entry.text)} characters; call it again if needed]"
            )
            excess -= len(entry.text) - len(shorter.text)
            fitting[position] = shorter
    if excess <= 0:
        return fitting
    raise ContextOverflow(
        f"The task and the artifacts alone need more than {max_tokens} tokens; set LLM_CONTEXT_TOKENS to what the model takes."
    )


def size(entries: Sequence[Entry]) -> int:
    """Roughly how many characters are sent for these entries."""
    return sum(
        len(entry.text)
        + sum(len(call.args) + len(call.function) for call in getattr(entry, "calls", ()))
        + 20
        for entry in entries
    )


def _with_artifacts(block: BlockContent) -> str:
    """What an agent said, with what it wrote down: one that answered without tools has only this."""
    written = [
        f"{artifact.key}: {artifact.model_dump_json(include={'data'})}" for artifact in block.artifacts
    ]
    return "\n".join([block.message.content, *written]).strip() or "(nothing)"
