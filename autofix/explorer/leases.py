"""Who may write a turn: one worker at a time, by lease and fencing number.

A worker that comes back from the dead holds an old number: all its writes are refused.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, close_old_connections, transaction
from django.utils import timezone

from autofix import conf, heartbeats, rows
from autofix.exceptions import AutofixError, TurnTimedOut, WorkerLost
from autofix.explorer.models import OPEN_TURN, Block, NewBlock, Session, Turn, TurnStatus, new_block
from autofix.explorer.state import BlockState
from autofix.failpoints import failpoint
from autofix.wakeups import CALL_HOOK, RUN_TURN, wake

logger = logging.getLogger(__name__)
MAX_CLAIMS = 10
"""A turn that this many workers took and none ended is not tried again."""
TRY_AGAIN_S = (5, 15, 45)
"""How long a turn rests after a failure that may pass, such as a repository that cannot be reached."""
KEYS_AHEAD = 2
"""How many turns follow the first one of a run by themselves, when nothing has to be mended."""
FREE_CLAIMS = 2
MAX_REST_S = 300


class LeaseLost(AutofixError):
    """Another worker has taken over this turn, or it has ended."""

    code = "lease_lost"


@dataclass(frozen=True)
class Lease:
    """The right to write one turn, as long as nobody has a higher ``fence``.

    ``turn`` is the row, with its session, as it was taken; ``history`` are the session's blocks. Only the holder adds blocks,
    so that both stay right for as long as the lease does. ``last``: the block, if any, that is stored with the turn's end.
    ``next_keys``: keys for turns that may follow, in their order, where the database gives them ahead.
    """

    turn: Turn
    fence: int
    history: list[BlockState] = field(default_factory=list)
    last: list[NewBlock] = field(default_factory=list)
    next_keys: list[int] = field(default_factory=list)

    @property
    def turn_id(self) -> int:
        return self.turn.pk

    @property
    def held(self) -> dict[str, Any]:
        """The condition of every write: the turn is open and ours."""
        return {"pk": self.turn.pk, "fence": self.fence, "status": TurnStatus.RUNNING}

    def write(self, **changes: object) -> bool:
        """Change the turn while it is ours. False when it is not (any more)."""
        return bool(rows.update(Turn, changes, **self.held))


def take(turn: Turn) -> dict[str, object]:
    """Make the row one that this worker holds, under the next number; what changes thereby. The caller stores it."""
    now = timezone.now()
    taken: dict[str, object] = {
        "fence": turn.fence + 1,
        "status": TurnStatus.RUNNING,
        "lease_owner": f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}",
        "lease_expires_at": _lease_end(),
        "deadline": turn.deadline or now + timedelta(seconds=conf.settings().turn.timeout_s),
    }
    for name, value in taken.items():
        setattr(turn, name, value)
    return taken


def claim(turn_id: int) -> Lease | None:
    """Take the turn if it is open and nobody holds it; None when there is nothing to take."""
    if rows.takes_several():
        # A message that comes once, and in time, finds the turn as nobody has taken it yet: looking before costs a trip.
        lease, seen = _claim_as(Turn(pk=turn_id))
        if lease is not None:
            return lease
    else:
        seen = rows.find(Turn, pk=turn_id)
    if seen is None or not _is_free(seen, timezone.now()):
        return None
    # Of several who see it free the first one raises the fence, and the others find what they saw gone.
    lease, _ = _claim_as(seen)
    return lease


def _claim_as(seen: Turn) -> tuple[Lease | None, Turn | None]:
    """Take the turn if it stands as it was seen; beside the lease how it stands now, None when it is gone."""
    condition: dict[str, Any] = {
        "pk": seen.pk,
        "fence": seen.fence,
        "status": seen.status,
        "lease_expires_at": seen.lease_expires_at,
    }
    changes = take(seen)
    # Read now that the turn is ours: an earlier holder may have added blocks until a moment ago. Nothing if it is not.
    ours = rows.Of(Turn, "session_id", {"pk": seen.pk, "lease_owner": changes["lease_owner"]})
    taken, turns, sessions, blocks, *keys = rows.commit(
        rows.updating(Turn, changes, **condition),
        rows.finding(Turn, pk=seen.pk),
        rows.finding(Session, pk=ours),
        rows.selecting(Block, order="index", session_id=ours),
        *([rows.reserving(Turn, KEYS_AHEAD)] if rows.takes_several() else []),
    )
    turn = turns[0] if turns else None
    if not (taken and turn and sessions):
        return None, turn
    turn.session = sessions[0]
    history = [block.as_state() for block in blocks]
    lease = Lease(turn, turn.fence, history, next_keys=keys[0] if keys else [])
    return lease, turn


def _is_free(turn: Turn, now: datetime) -> bool:
    is_open = turn.status in OPEN_TURN
    return is_open and heartbeats.is_free(turn.lease_expires_at, now) and not _rests(turn, now)


def _rests(turn: Turn, now: datetime) -> bool:
    """Is it too early for the next worker? Not when one or two vanished; then a turn rests longer each time.

    A turn that ends its workers (out of memory, say) must not keep a whole fleet restarting. One that was handed back has
    no lease left and does not rest.
    """
    if turn.lease_expires_at is None or turn.status == TurnStatus.PENDING or turn.fence <= FREE_CLAIMS:
        return False
    rest_s = min(conf.settings().lease_s * 2 ** (turn.fence - FREE_CLAIMS - 1), MAX_REST_S)
    return turn.lease_expires_at <= now < turn.lease_expires_at + timedelta(seconds=rest_s)


def check(turn: Turn) -> None:
    """Raise the reason why a held turn must not go on: WorkerLost or TurnTimedOut."""
    if turn.deadline is not None and turn.deadline <= timezone.now():
        raise TurnTimedOut
    if turn.fence > MAX_CLAIMS:
        raise WorkerLost(f"{MAX_CLAIMS} workers took this turn and none ended it.")


def append(lease: Lease, content: dict[str, Any]) -> None:
    """Persist the next block; LeaseLost, or a reason of :func:`check`. The lease is the heartbeat's to extend.

    ``content``: a :class:`autofix.explorer.state.BlockContent` as JSON.
    """
    check(lease.turn)
    failpoint("block.before_commit")
    index = lease.turn.end_index
    block = new_block(lease.turn, index, content)
    _, added = rows.commit(
        rows.updating(Turn, {"end_index": index + 1, "updated_at": block.state.timestamp}, **lease.held),
        rows.adding(Block, block.row, rows.Provided(Turn, lease.held)),
    )
    if not added:
        raise LeaseLost
    _has_grown(lease, block)
    failpoint("block.after_commit")


def append_last(lease: Lease, content: dict[str, Any]) -> None:
    """The same of a block that nothing follows but the turn's end: it is persisted with that (:func:`end`)."""
    check(lease.turn)
    block = new_block(lease.turn, lease.turn.end_index, content)
    lease.last.append(block)
    _has_grown(lease, block)


def _has_grown(lease: Lease, block: NewBlock) -> None:
    lease.turn.end_index = block.state.index + 1
    lease.turn.updated_at = block.state.timestamp
    lease.history.append(block.state)


def end(lease: Lease, changes: dict[str, Any]) -> None:
    """Store a held turn's end and its last block, in the caller's transaction if there is one; LeaseLost, now or later in it."""
    grown = {"end_index": lease.turn.end_index, "updated_at": lease.turn.updated_at}
    with rows.together():
        rows.must_update(Turn, {**changes, **grown}, otherwise=LeaseLost(), **lease.held)
        for block in lease.last:
            rows.add_later(Block, **block.row)


def check_still_held(lease: Lease) -> None:
    """LeaseLost, or a reason of :func:`check`, when the turn must not go on."""
    if rows.find(Turn, pk=lease.turn_id, fence=lease.fence, status=TurnStatus.RUNNING) is None:
        raise LeaseLost
    check(lease.turn)


def give_back(lease: Lease) -> None:
    """Let another worker take the turn at once: this one is told to stop."""
    with transaction.atomic():
        if lease.write(lease_expires_at=None, status=TurnStatus.PENDING):
            wake(RUN_TURN, lease.turn_id)


def try_to_give_back(lease: Lease) -> None:
    """The same when the database may be away: then the lease will run out."""
    try:
        close_old_connections()
        give_back(lease)
    except Error:
        logger.exception("turn %s not given back; its lease will run out", lease.turn_id)


def try_later(lease: Lease) -> bool:
    """Let the turn rest and be tried again: what stood in its way may pass. False when that was tried often enough."""
    if lease.fence > len(TRY_AGAIN_S):
        return False
    wait_s = TRY_AGAIN_S[lease.fence - 1]
    with transaction.atomic():
        due = timezone.now() + timedelta(seconds=wait_s)
        if lease.write(lease_expires_at=due, status=TurnStatus.PENDING):
            wake(RUN_TURN, lease.turn_id, countdown=wait_s + 1)
    return True


def heartbeat(lease: Lease) -> AbstractContextManager[None]:
    """Extend the lease from a thread while the agent thinks for longer than a lease lasts."""
    return heartbeats.heartbeat(lambda: lease.write(lease_expires_at=_lease_end()))


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=conf.settings().lease_s)


def expire(turn_id: int) -> bool:
    """Fail an open turn that is past its deadline, whoever holds it; False when it is not (any more)."""
    now = timezone.now()
    with transaction.atomic():
        turn = (
            Turn.objects.select_for_update()
            .filter(pk=turn_id, status__in=OPEN_TURN, deadline__lte=now)
            .first()
        )
        if turn is None:
            return False
        late = TurnTimedOut()
        turn.fence += 1
        turn.status, turn.error_code, turn.error_detail = TurnStatus.FAILED, late.code, late.detail
        turn.lease_expires_at, turn.ended_at = None, now
        turn.save()
        wake(CALL_HOOK, turn.pk)
    return True
