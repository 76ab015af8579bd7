"""Calls of a model: the budget before each, the ledger around each, waits and fallbacks between them."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from django.utils import timezone

from autofix import conf
from autofix.exceptions import (
    AgentFailed,
    BudgetExhausted,
    ContextOverflow,
    ModelIncoherent,
    ModelUnavailable,
    TurnTimedOut,
)
from autofix.explorer import ledger
from autofix.explorer.agents.llm.conversation import CHARS_PER_TOKEN, INSTRUCTIONS, Entry, fitted, size
from autofix.explorer.agents.llm.replies import ModelFault, Reply, SkipModel, TooLong, Transient, Unreadable
from autofix.explorer.models import CallStatus, ModelCall, Turn
from autofix.explorer.state import BlockContent, Message
from autofix.explorer.tools.catalogue import ToolSpec
from autofix.redaction import redact
from autofix.storable import storable

logger = logging.getLogger(__name__)
LIBRARY = "autofix.explorer.agents.llm.library"
LOOK_S = 0.5
"""How often the runner gets to see, during a call, whether the turn was cancelled."""
CALL_TIMEOUT_S = 240.0
"""How long one call may be silent. The turn's deadline, at which the runner looks during the call, may end it earlier."""
MAX_TRANSIENT = 6
MAX_UNREADABLE = 3
MAX_WAIT_S = 60.0
FIRST_WAIT_S = 1.0
PATIENCE_S = 5.0
"""A longer pause is not waited for while another model may answer."""
SHRINK = 0.7
MAX_SHRINKS = 4


class Caller:
    """Asks the configured models for one turn, on an event loop of its own: workers may be threads or processes."""

    def __init__(self, turn_id: int | None, tools: Mapping[str, ToolSpec]) -> None:
        if turn_id is None:
            raise AgentFailed("There is no turn to book the model's calls on.", code="agent_unavailable")
        self._turn = Turn.objects.select_related("session").get(pk=turn_id)
        self._overhead = len(INSTRUCTIONS) + sum(
            len(tool.description) + len(json.dumps(tool.schema)) for tool in tools.values()
        )
        self._loop = asyncio.Runner()
        # Loaded here and not at the top: it is an extra, takes seconds and tens of megabytes.
        self._models = import_module(LIBRARY).Models(conf.settings().explorer.options, list(tools.values()))
        self._current = 0
        self._unbooked: Callable[[], None] | None = None
        self._max_tokens = conf.settings().explorer.options.llm_context_tokens

    def close(self) -> None:
        """Book what is left to book; close the connections and the loop."""
        try:
            self.book()
            self._loop.run(self._models.close())
        finally:
            self._loop.close()

    def book(self) -> None:
        """Book the last answer, which is a stored block by now: one that counts as finished is never asked for again."""
        if self._unbooked is not None:
            book, self._unbooked = self._unbooked, None
            book()

    def ask(self, entries: Sequence[Entry]) -> Generator[None, None, BlockContent]:
        """The model's next reply as a block, to be stored and then booked. Yields while it waits.

        Raises the typed reason when there will be none.
        """
        faults = _Faults(len(self._models.names))
        while True:
            refuse_overspending(self._turn)
            try:
                sent = fitted(entries, self._max_tokens, self._overhead)
                reply = yield from self._call(sent)
            except TooLong as exc:
                # Kept for the calls that follow: each would be refused again.
                self._max_tokens = faults.shrunk(self._max_tokens, exc)
            except ModelFault as exc:
                self._current, wait_s = faults.after(exc, self._current)
                yield from self._wait(wait_s, exc)
            else:
                return _block(reply)

    def _call(self, entries: list[Entry]) -> Generator[None, None, Reply]:
        """One call with its row in the ledger, whatever comes of it."""
        name = self._models.names[self._current]
        estimate = self._models.priced(name, (size(entries) + self._overhead) // CHARS_PER_TOKEN)
        self._refuse_unpriced(name, estimate)
        call = ledger.open_call(self._turn, name, estimate)
        began = time.monotonic()
        try:
            request = self._models.request(name, entries, timeout_s=CALL_TIMEOUT_S, estimate=estimate)
            reply: Reply = yield from self._waited(request)
        except ModelFault as exc:
            free = ledger.Charge(0, cost_usd=None if estimate.cost_usd is None else 0.0, estimated=False)
            _close(call, CallStatus.FAILED, began, free if exc.free else None, exc.code)
            raise
        except BaseException:
            _close(call, CallStatus.ABANDONED, began)
            raise
        self._unbooked = partial(_close, call, CallStatus.ANSWERED, began, reply.charge)
        return reply

    def _waited(self, request: Coroutine[Any, Any, Reply]) -> Generator[None, None, Reply]:
        """The request's result, looking up from time to time; a caller who goes away cancels it."""
        task = self._loop.get_loop().create_task(request)
        try:
            while not task.done():
                self._loop.run(_until(task, LOOK_S))
                if not task.done():
                    yield None
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                self._loop.run(_until(task, LOOK_S))

    def _wait(self, seconds: float, reason: ModelFault) -> Generator[None, None, None]:
        left = self._left_s()
        if left is not None and left < LOOK_S:
            raise TurnTimedOut
        if left is not None and seconds >= left:
            raise ModelUnavailable(
                f"The model asks for a pause of {seconds:.0f} s; the turn has {left:.0f} s left. {reason}"
            )
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            time.sleep(min(rest, LOOK_S))
            yield None

    def _left_s(self) -> float | None:
        deadline = self._turn.deadline
        return (deadline - timezone.now()).total_seconds() if deadline else None

    def _refuse_unpriced(self, name: str, estimate: ledger.Charge) -> None:
        if conf.settings().turn.max_cost_usd is not None and estimate.cost_usd is None:
            raise AgentFailed(
                f"TURN.MAX_COST_USD is set and the price of {name} is not known: name it in LLM_PRICES.",
                code="agent_unavailable",
            )


class _Faults:
    """What went wrong since the last reply, and what is to be done about the next fault."""

    def __init__(self, models: int) -> None:
        self._models = models
        self._transient = self._unreadable = self._shrinks = 0
        self._useless: set[int] = set()
        self._rests_until: dict[int, float] = {}

    def after(self, fault: ModelFault, current: int) -> tuple[int, float]:
        """Which model to ask next, and after how many seconds; raises when there is no use in asking."""
        if isinstance(fault, SkipModel):
            return self._instead_of(current, fault.final)
        if isinstance(fault, Unreadable):
            self._unreadable += 1
            if self._unreadable < MAX_UNREADABLE:
                return current, 0.0
            self._unreadable = 0
            reason = ModelIncoherent(f"{MAX_UNREADABLE} replies in a row could not be read: {fault}")
            return self._instead_of(current, reason)
        self._transient += 1
        if self._transient >= MAX_TRANSIENT:
            raise ModelUnavailable(f"{self._transient} tries in a row failed: {fault}")
        pause, now = self._pause(fault), time.monotonic()
        self._rests_until[current] = now + pause
        if self._transient % 2 == 0 or pause > PATIENCE_S:
            current = self._following(current, now)
        return current, max(self._rests_until.get(current, now) - now, 0.0)

    def _instead_of(self, model: int, reason: AgentFailed) -> tuple[int, float]:
        """Another model than this one, which will not do, and when; the reason where no other one is left."""
        self._useless.add(model)
        if len(self._useless) == self._models:
            raise reason
        now = time.monotonic()
        found = self._following(model, now)
        return found, max(self._rests_until.get(found, now) - now, 0.0)

    def _following(self, current: int, now: float) -> int:
        """The next model that may answer: one that need not rest, else the one that rests the shortest."""
        in_turn = [(current + 1 + n) % self._models for n in range(self._models)]
        able = [model for model in in_turn if model not in self._useless]
        return min(able, key=lambda model: max(self._rests_until.get(model, now), now))

    def _pause(self, fault: ModelFault) -> float:
        """What the provider asks for; else longer each time."""
        if isinstance(fault, Transient) and fault.retry_after is not None:
            return max(fault.retry_after, 0.0)
        spread = random.uniform(0.8, 1.2)  # noqa: S311 - spreads tries
        return min(FIRST_WAIT_S * 2.0 ** (self._transient - 1), MAX_WAIT_S) * spread

    def shrunk(self, max_tokens: int, fault: TooLong) -> int:
        """A smaller context than the one that was refused."""
        self._shrinks += 1
        if self._shrinks > MAX_SHRINKS:
            raise ContextOverflow(str(fault))
        return int(max_tokens * SHRINK)


def refuse_overspending(turn: Turn) -> None:
    """BudgetExhausted when the turn's task has used up one of its limits; the sentence says what was spent."""
    limits, spent = conf.settings().turn, ledger.spent_on_task(turn)
    tokens = spent.input_tokens + spent.output_tokens
    met = [
        f"TURN.{name} is {limit}"
        for name, used, limit in (
            ("MAX_REQUESTS", spent.requests, limits.max_requests),
            ("MAX_TOKENS", tokens, limits.max_tokens),
            ("MAX_COST_USD", spent.cost_usd or 0.0, limits.max_cost_usd),
        )
        if limit is not None and used >= limit
    ]
    if met:
        cost = "at an unknown price" if spent.cost_usd is None else f"{spent.cost_usd:.4f} USD"
        raise BudgetExhausted(
            f"{spent.requests} calls and {tokens} tokens ({cost}) were spent; {', '.join(met)}."
        )


async def _until(task: asyncio.Task[Any], seconds: float) -> None:
    await asyncio.wait({task}, timeout=seconds)


def _close(
    call: ModelCall, status: CallStatus, began: float, charge: ledger.Charge | None = None, code: str = ""
) -> None:
    ledger.close_call(call, status, charge, code)
    logger.info(
        "model call",
        extra={
            "turn": call.turn_id, "model": call.model, "status": str(status), "code": code,
            "input_tokens": call.input_tokens, "output_tokens": call.output_tokens, "cost_usd": call.cost_usd,
            "seconds": round(time.monotonic() - began, 3),
        },
    )  # fmt: skip


def _block(reply: Reply) -> BlockContent:
    """The reply as it is stored and sent again: without secrets, and without what a database or an encoder refuses."""
    calls = [
        call.model_copy(update={"function": storable(call.function), "args": redact(storable(call.args))})
        for call in reply.calls
    ]
    content = redact(storable(reply.text))
    return BlockContent(message=Message(role="assistant", content=content, tool_calls=calls))
