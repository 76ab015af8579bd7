"""The scripted agent plays given blocks: for hosts' own tests, and for ours."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autofix import conf
from autofix.asking import ask
from autofix.exceptions import AgentFailed
from autofix.explorer.agents.base import AwaitUserInput, Blocks, TurnBrief
from autofix.explorer.state import BlockContent, BlockState, PendingUserInput
from autofix.explorer.tools.toolbox import Toolbox

HANG_CHECK_S = 0.2


class ScriptedTurn(BaseModel):
    """One turn: its blocks and how it ends. ``hang``: it never does, until somebody ends it."""

    model_config = ConfigDict(extra="forbid")

    blocks: list[BlockContent] = Field(default_factory=list)
    end: Literal["completed", "error", "awaiting_user_input", "hang"] = "completed"
    error: str = ""
    pending_user_input: PendingUserInput | None = None


class Script(BaseModel):
    """The file: the n-th try of a step plays its n-th turn, the last one repeats; ``delay_ms`` passes before each block."""

    model_config = ConfigDict(extra="forbid")

    delay_ms: int = Field(default=0, ge=0)
    turns: dict[str, list[ScriptedTurn]] = Field(default_factory=dict)


class ScriptedAgent:
    """See :class:`autofix.explorer.agents.base.Agent`."""

    name: ClassVar[str] = "scripted"

    def run(
        self, brief: TurnBrief, history: Sequence[BlockState], first_index: int, toolbox: Toolbox
    ) -> Blocks:
        path = conf.settings().explorer.options.script
        script = ask(("script", path), partial(load_script, path))
        turn = _turn_of(script, brief)
        played = sum(1 for block in history if block.index > first_index)
        left = turn.blocks[played:]
        for block in left:
            yield from _pause(script.delay_ms / 1000)
            if turn.end == "completed" and block is left[-1]:
                return block
            yield block
        if turn.end == "hang":
            while True:
                yield from _pause(HANG_CHECK_S)
        if turn.end == "error":
            raise AgentFailed(turn.error or "The script ends this turn with an error.")
        if turn.end == "awaiting_user_input":
            raise AwaitUserInput(turn.pending_user_input or PendingUserInput(id="question-1"))
        return None


def load_script(path: Path | None) -> Script:
    """The script in this file; AgentFailed with the reason when there is none or it is not valid."""
    try:
        return _parsed(path.read_bytes() if path else b"")
    except (OSError, ValidationError) as exc:
        raise AgentFailed(f"The script {path} cannot be played: {exc}") from exc


@lru_cache(maxsize=1)
def _parsed(text: bytes) -> Script:
    return Script.model_validate_json(text)


def _turn_of(script: Script, brief: TurnBrief) -> ScriptedTurn:
    turns = script.turns.get(str(brief.metadata.get("step")), [])
    if not turns:
        raise AgentFailed(f"The script has no turn for the step {brief.metadata.get('step')!r}.")
    number = int(brief.metadata.get("attempt", 1))
    return turns[min(number, len(turns)) - 1]


def _pause(seconds: float) -> Iterator[None]:
    """Wait in small pieces, giving the runner a chance to end the turn between them."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, HANG_CHECK_S))
        yield None
