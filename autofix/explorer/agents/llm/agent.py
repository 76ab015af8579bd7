"""The loop: ask the model, run the tools that it calls, until the result is there. Each answer is a block first."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import ClassVar

from autofix.exceptions import AgentFailed, Misconfigured, WorkFailed
from autofix.explorer import ledger
from autofix.explorer.agents.base import Blocks, TurnBrief
from autofix.explorer.agents.llm import progress
from autofix.explorer.agents.llm.calls import Caller
from autofix.explorer.agents.llm.conversation import conversation
from autofix.explorer.state import Artifact, BlockContent, BlockState, Message, ToolCall
from autofix.explorer.tools.answers import refusal
from autofix.explorer.tools.catalogue import Answer, ToolSpec, tools_for
from autofix.explorer.tools.toolbox import Toolbox
from autofix.redaction import redact, redact_data

logger = logging.getLogger(__name__)


class LLMAgent:
    """See :class:`autofix.explorer.agents.base.Agent`."""

    name: ClassVar[str] = "llm"

    def run(
        self, brief: TurnBrief, history: Sequence[BlockState], first_index: int, toolbox: Toolbox
    ) -> Blocks:
        transcript: list[BlockContent] = list(history)
        start = sum(block.index <= first_index for block in history)
        try:
            tools = tools_for(toolbox, brief.artifact_key)
        except Misconfigured as exc:
            raise AgentFailed(exc.detail, code="agent_unavailable") from exc
        with _logged(brief), closing(Caller(brief.turn_id, tools)) as caller:
            while True:
                own = transcript[start:]
                waiting = progress.waiting_calls(own)
                if waiting:
                    block = _answered(own, waiting[0], tools, toolbox)
                elif progress.is_done(own, brief, changed=progress.has_changes(transcript)):
                    return None
                else:
                    block = progress.nudge(own, brief) or (yield from caller.ask(conversation(transcript)))
                transcript.append(block)
                yield block
                caller.book()


@contextmanager
def _logged(brief: TurnBrief) -> Iterator[None]:
    """A line in the log for the turn: how it ended and what its calls of models came to."""
    began, ended = time.monotonic(), "stopped"  # cancelled, late, or this worker is to stop
    try:
        yield
        ended = "completed"
    except WorkFailed as exc:
        ended = exc.code
        raise
    finally:
        spent = ledger.spent_in_turn(brief.turn_id or 0).model_dump()
        seconds = round(time.monotonic() - began, 3)
        step = brief.metadata.get("step", "")
        logger.info(
            "model turn",
            extra={"turn": brief.turn_id, "step": step, "ended": ended, "seconds": seconds, **spent},
        )


def _answered(
    own: Sequence[BlockContent], call: ToolCall, tools: dict[str, ToolSpec], toolbox: Toolbox
) -> BlockContent:
    """The block of one tool's answer."""
    progress.refuse_endless_refusals(own)
    answer = _answer(own, call, tools, toolbox)
    return BlockContent(
        message=Message(role="tool_use", content=redact(answer.text), metadata={"tool": call.function}),
        artifacts=[Artifact(key=a.key, data=redact_data(a.data), reason=a.reason) for a in answer.artifacts],
        file_patches=list(answer.file_patches),
    )


def _answer(
    own: Sequence[BlockContent], call: ToolCall, tools: dict[str, ToolSpec], toolbox: Toolbox
) -> Answer:
    repeated = progress.refuse_repetition(own, call)
    if repeated:
        return Answer(repeated)
    if call.function not in tools:
        return Answer(refusal(f"there is no tool {call.function[:80]!r}. Tools: {', '.join(tools)}."))
    return tools[call.function].call(toolbox, call.args)
