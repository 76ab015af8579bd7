"""Who may write a turn: one worker at a time, by lease and fencing number.

A worker that comes back from the dead holds an old number: all its writes are refused.
"""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from autofix import conf, heartbeats
from autofix.exceptions import AutofixError, TurnTimedOut, WorkerLost
from autofix.explorer.models import OPEN_TURN, Block, Session, Turn, TurnStatus
from autofix.explorer.state import BlockContent, BlockState, PendingUserInput, Usage
from autofix.failpoints import failpoint
from autofix.wakeups import CALL_HOOK, RUN_TURN, wake

MAX_CLAIMS = 10
"""A turn that this many workers took and none ended is not tried again."""
FREE_CLAIMS = 2
MAX_REST_S = 300


class LeaseLost(AutofixError):
    """Another worker has taken over this turn, or it has ended."""

    code = "lease_lost"


@dataclass(frozen=True)
class Lease:
    """The right to write one turn, as long as nobody has a higher ``fence``."""

    turn_id: int
    fence: int


def claim(turn_id: int) -> Lease | None:
    """Take the turn if it is open and nobody holds it; None when there is nothing to take."""
    now = timezone.now()
    limits = conf.settings()
    free = Turn.objects.filter(heartbeats.free(now), pk=turn_id, status__in=OPEN_TURN)
    with transaction.atomic():
        turn = free.select_for_update().first()
        if turn is None or _rests(turn, now):
            return None
        turn.fence += 1
        turn.status = TurnStatus.RUNNING
        turn.lease_owner = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
        turn.lease_expires_at = _lease_end()
        turn.deadline = turn.deadline or now + timedelta(seconds=limits.turn.timeout_s)
        turn.save(update_fields=["fence", "status", "lease_owner", "lease_expires_at", "deadline"])
        return Lease(turn.pk, turn.fence)


def _rests(turn: Turn, now: datetime) -> bool:
    """Is it too early for the next worker? Not when one or two vanished; then a turn rests longer each time.

    A turn that ends its workers (out of memory, say) must not keep a whole fleet restarting. One that was handed back has
    no lease left and does not rest.
    """
    if turn.lease_expires_at is None or turn.fence <= FREE_CLAIMS:
        return False
    rest_s = min(conf.settings().lease_s * 2 ** (turn.fence - FREE_CLAIMS - 1), MAX_REST_S)
    return turn.lease_expires_at <= now < turn.lease_expires_at + timedelta(seconds=rest_s)


def check(turn: Turn) -> None:
    """Raise the reason why a held turn must not go on: WorkerLost or TurnTimedOut."""
    if turn.deadline is not None and turn.deadline <= timezone.now():
        raise TurnTimedOut
    if turn.fence > MAX_CLAIMS:
        raise WorkerLost(f"{MAX_CLAIMS} workers took this turn and none ended it.")


def append(lease: Lease, content: BlockContent) -> BlockState:
    """Persist the next block and extend the lease, in one transaction; LeaseLost, or a reason of :func:`check`."""
    with transaction.atomic():
        turn = _held(lease)
        check(turn)
        session = Session.objects.select_for_update().get(pk=turn.session_id)
        block = Block.objects.create(
            session=session, turn=turn, index=session.next_index, content=content.model_dump(mode="json")
        )
        session.next_index += 1
        session.save(update_fields=["next_index", "updated_at"])
        turn.lease_expires_at = _lease_end()
        turn.save(update_fields=["lease_expires_at"])
        failpoint("block.before_commit")
    failpoint("block.after_commit")
    return BlockState(
        id=str(block.uuid), index=block.index, timestamp=block.created_at, **content.model_dump()
    )


def check_still_held(lease: Lease) -> None:
    """LeaseLost, or a reason of :func:`check`, when the turn must not go on."""
    turn = Turn.objects.filter(pk=lease.turn_id, fence=lease.fence, status=TurnStatus.RUNNING).first()
    if turn is None:
        raise LeaseLost
    check(turn)


def end(
    lease: Lease,
    status: TurnStatus,
    *,
    error: AutofixError | None = None,
    pending: PendingUserInput | None = None,
    usage: Usage | None = None,
) -> None:
    """Store how the turn ended; LeaseLost when it is not ours any more."""
    with transaction.atomic():
        turn = _held(lease)
        turn.status = status
        turn.error_code = error.code if error else ""
        turn.error_detail = error.detail if error else ""
        turn.pending_user_input = pending.model_dump(mode="json") if pending else None
        turn.usage = (usage or Usage()).model_dump(mode="json")
        turn.lease_expires_at = None
        turn.ended_at = timezone.now()
        turn.save()
        Session.objects.filter(pk=turn.session_id).update(updated_at=turn.ended_at)


def give_back(lease: Lease) -> None:
    """Let another worker take the turn at once: this one is told to stop."""
    with transaction.atomic():
        held = Turn.objects.filter(pk=lease.turn_id, fence=lease.fence, status=TurnStatus.RUNNING)
        if held.update(lease_expires_at=None, status=TurnStatus.PENDING):
            wake(RUN_TURN, lease.turn_id)


def heartbeat(lease: Lease) -> AbstractContextManager[None]:
    """Extend the lease from a thread while the agent thinks for longer than a lease lasts."""
    held = Turn.objects.filter(pk=lease.turn_id, fence=lease.fence, status=TurnStatus.RUNNING)
    return heartbeats.heartbeat(
        lambda: bool(held.update(lease_expires_at=_lease_end())), f"turn-{lease.turn_id}"
    )


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=conf.settings().lease_s)


def _held(lease: Lease) -> Turn:
    turn = (
        Turn.objects.select_for_update()
        .filter(pk=lease.turn_id, fence=lease.fence, status=TurnStatus.RUNNING)
        .first()
    )
    if turn is None:
        raise LeaseLost
    return turn


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
        Session.objects.filter(pk=turn.session_id).update(updated_at=now)
        wake(CALL_HOOK, turn.pk)
    return True
