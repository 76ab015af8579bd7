"""Where a turn stands, read off its blocks alone: a worker that takes over sees what the last one saw."""

from __future__ import annotations

import json
from collections.abc import Sequence

from autofix.exceptions import AgentStuck, ArtifactMissing, ModelIncoherent
from autofix.explorer.agents.base import TurnBrief
from autofix.explorer.state import BlockContent, Message, ToolCall
from autofix.explorer.tools.answers import is_refusal

MAX_SAME = 3
MAX_NUDGES = 3
MAX_REFUSED_IN_A_ROW = 10
NUDGE = "nudge"


def waiting_calls(blocks: Sequence[BlockContent]) -> list[ToolCall]:
    """The calls of the last reply that have no answer yet."""
    for position in range(len(blocks) - 1, -1, -1):
        if blocks[position].message.role == "assistant":
            answered = sum(block.message.role == "tool_use" for block in blocks[position + 1 :])
            return blocks[position].message.tool_calls[answered:]
    return []


def is_done(blocks: Sequence[BlockContent], brief: TurnBrief, *, changed: bool) -> bool:
    """Has the turn its result? ``changed``: the session has changed code."""
    if brief.artifact_key:
        return any(artifact.key == brief.artifact_key for block in blocks for artifact in block.artifacts)
    return _ended_by_itself(blocks) and (changed or _nudges(blocks) > 0)


def nudge(blocks: Sequence[BlockContent], brief: TurnBrief) -> BlockContent | None:
    """What to tell a model that stopped short of its result; None when it has not stopped.

    ModelIncoherent or ArtifactMissing when telling does not help.
    """
    if not _ended_by_itself(blocks):
        return None
    said = blocks[-1].message.content
    if _nudges(blocks) >= MAX_NUDGES:
        raise ModelIncoherent("The model's replies are empty.") if not said else ArtifactMissing()
    if brief.artifact_key:
        wanted = f"Call artifact_write_{brief.artifact_key} with your result; text alone is not recorded."
    else:
        wanted = "No file is changed yet. Change the code with the tools, or say in one sentence why it cannot be done."
    text = wanted if said else f"Your reply was empty. {wanted}"
    return BlockContent(message=Message(role="user", content=text, metadata={NUDGE: True}))


def refuse_repetition(blocks: Sequence[BlockContent], call: ToolCall) -> str:
    """Empty when the call may be made; the third same one is answered with words instead, AgentStuck at the next.

    After a change of the code the same call may have another answer, and counts anew.
    """
    changes = [position for position, block in enumerate(blocks) if block.file_patches]
    since = blocks[changes[-1] + 1 :] if changes else blocks
    made = [_key(c) for block in since if block.message.role == "assistant" for c in block.message.tool_calls]
    same = made.count(_key(call))
    if same > MAX_SAME:
        raise AgentStuck(f"The agent called {call.function} {same} times with the same arguments.")
    if same == MAX_SAME:
        return (
            f"Refused: you have made this very call {same} times; its answer will not change. "
            "Do something else: the turn ends when you make it again."
        )
    return ""


def refuse_endless_refusals(blocks: Sequence[BlockContent]) -> None:
    """AgentStuck when nothing that the agent tries is possible."""
    answers = [block.message.content for block in blocks if block.message.role == "tool_use"]
    last = answers[-MAX_REFUSED_IN_A_ROW:]
    if len(last) == MAX_REFUSED_IN_A_ROW and all(is_refusal(answer) for answer in last):
        raise AgentStuck(f"The last {MAX_REFUSED_IN_A_ROW} calls of tools were all refused.")


def has_changes(blocks: Sequence[BlockContent]) -> bool:
    """Has any file changed against the pin?"""
    return any(block.file_patches for block in blocks) and bool(_patches(blocks))


def _patches(blocks: Sequence[BlockContent]) -> list[object]:
    newest = {(p.repo_name, p.patch.path): p.diff for block in blocks for p in block.file_patches}
    return [diff for diff in newest.values() if diff.strip()]


def _ended_by_itself(blocks: Sequence[BlockContent]) -> bool:
    last = blocks[-1].message if blocks else None
    return last is not None and last.role == "assistant" and not last.tool_calls


def _nudges(blocks: Sequence[BlockContent]) -> int:
    return sum(NUDGE in block.message.metadata for block in blocks)


def _key(call: ToolCall) -> tuple[str, str]:
    try:
        return call.function, json.dumps(json.loads(call.args or "{}"), sort_keys=True)
    except ValueError:
        return call.function, call.args
