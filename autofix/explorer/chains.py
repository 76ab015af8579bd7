"""A worker goes on with a session's next turn by itself: it takes the turn when it begins, in the same transaction.

No message travels, no row is read again, and nobody else can get in between. Beside a long turn a message costs nothing, and
other runs have waited long enough: a chain takes no further turn after its time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from django.db import transaction

from autofix.explorer import leases
from autofix.explorer.leases import Lease
from autofix.explorer.models import Turn
from autofix.explorer.state import BlockState


class Chain:
    """Turns that one worker runs one after the other."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._following: Lease | None = None

    def takes_next(self) -> bool:
        """May the worker go on with one more turn of this session?"""
        return self._following is None and time.monotonic() < self._until

    def follow(self, held: Lease, turn: Turn, prompt: BlockState) -> None:
        """The worker has this turn, begun with that block, once the current transaction is committed."""
        transaction.on_commit(partial(self._committed, held, turn, prompt))

    def next(self) -> Lease | None:
        """The turn to go on with, once."""
        following, self._following = self._following, None
        return following

    def give_up(self) -> None:
        """Let another worker have the turn that this one would have gone on with."""
        following = self.next()
        if following is not None:
            leases.try_to_give_back(following)

    def _committed(self, held: Lease, turn: Turn, prompt: BlockState) -> None:
        history = [*held.history, prompt]
        self._following = Lease(turn, turn.fence, history, next_keys=held.next_keys)


_chain: ContextVar[Chain | None] = ContextVar("chain", default=None)
_held: ContextVar[Lease | None] = ContextVar("held", default=None)


@contextmanager
def chain(seconds: float) -> Iterator[Chain]:
    """In the body, a turn that begins in the session that the worker is at is the worker's own."""
    begun = Chain(seconds)
    token = _chain.set(begun)
    try:
        yield begun
    finally:
        _chain.reset(token)
        begun.give_up()


def current() -> Chain | None:
    """The chain that the caller works in."""
    return _chain.get()


@contextmanager
def holding(lease: Lease) -> Iterator[None]:
    """In the body, the worker is at this turn."""
    token = _held.set(lease)
    try:
        yield
    finally:
        _held.reset(token)


def held_in(session_id: str) -> Lease | None:
    """The lease of the turn that this worker is at, when it is one of this session: what it holds need not be read."""
    held = _held.get()
    return held if held is not None and str(held.turn.session_id) == session_id else None
