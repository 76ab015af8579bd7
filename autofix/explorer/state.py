"""The state of a session as the explorer protocol shows it: a list of blocks and what hangs on them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["user", "assistant", "tool_use"]
SessionStatus = Literal["processing", "completed", "error", "cancelled", "awaiting_user_input"]


class StateModel(BaseModel):
    """A part of the state. Unknown fields are dropped: newer agents may send more."""

    model_config = ConfigDict(extra="ignore")


class ToolCall(StateModel):
    """One call of a tool: its name and its arguments as JSON text."""

    function: str
    args: str = "{}"
    id: str = ""


class Message(StateModel):
    """What was said. ``tool_use`` is a tool's answer."""

    role: Role = "assistant"
    content: str = ""
    tool_calls: list[ToolCall] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)


class Artifact(StateModel):
    """A result under a key, as the agent wrote it: not yet validated."""

    key: str
    data: dict[str, Any] = Field(default_factory=dict)
    reason: str = ""


class PatchStat(StateModel):
    """What a patch does to one file: ``type`` is git's letter (A added, M modified, D deleted)."""

    path: str
    type: Literal["A", "M", "D"] = "M"
    added: int = 0
    removed: int = 0


class FilePatch(StateModel):
    """The whole change of one file against the pin (``diff`` in git's format); an empty diff: back as it was."""

    repo_name: str
    diff: str
    patch: PatchStat


class BlockContent(StateModel):
    """What an agent yields: a block without its place and time."""

    message: Message = Field(default_factory=Message)
    artifacts: list[Artifact] = Field(default_factory=list)
    file_patches: list[FilePatch] = Field(default_factory=list)


class BlockState(BlockContent):
    """A persisted block."""

    id: str
    index: int
    timestamp: datetime
    loading: bool = False


class PendingUserInput(StateModel):
    """A question of the agent's that only a person can answer."""

    id: str
    input_type: str = "question"
    data: dict[str, Any] = Field(default_factory=dict)


class Usage(StateModel):
    """What the agent's model calls cost. ``cost_usd`` is None where it is not known."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None

    def plus(self, other: Usage) -> Usage:
        """The sum; an unknown cost on one side leaves the known one."""
        known = [c for c in (self.cost_usd, other.cost_usd) if c is not None]
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=sum(known) if known else None,
        )


class TurnState(StateModel):
    """How a turn stands. Its blocks are those from ``first_index`` up to, not including, ``end_index``."""

    id: str
    status: Literal["pending", "running", "completed", "failed", "cancelled", "awaiting_user_input"]
    first_index: int
    end_index: int
    metadata: dict[str, Any] = Field(default_factory=dict)
    error_code: str = ""
    error_detail: str = ""
    pending_user_input: PendingUserInput | None = None
    usage: Usage = Field(default_factory=Usage)


class RunState(StateModel):
    """A session: its blocks (all, or those that were asked for) and its latest turn."""

    session_id: str
    status: SessionStatus
    updated_at: datetime
    blocks: list[BlockState] = Field(default_factory=list)
    pins: dict[str, str] = Field(default_factory=dict)


def latest_patches(blocks: Iterable[BlockContent]) -> list[FilePatch]:
    """The newest patch of every file, in the order of first change, without files that are back as they were."""
    newest: dict[tuple[str, str], FilePatch] = {}
    for block in blocks:
        for patch in block.file_patches:
            newest[(patch.repo_name, patch.patch.path)] = patch
    return [patch for patch in newest.values() if patch.diff.strip()]
