"""Who may write a turn: one worker at a time, by lease and fencing number.

A worker that comes back from the dead holds an old number: all its writes are refused.
"""

from __future__ import annotations

import logging
import os
import socket
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, close_old_connections, transaction
from django.utils import timezone

from autofix import conf, heartbeats, rows
from autofix.exceptions import AutofixError, TurnTimedOut, WorkerLost
from autofix.explorer.models import OPEN_TURN, Block, Session, Turn, TurnStatus
from autofix.explorer.state import BlockState
from autofix.failpoints import failpoint
from autofix.wakeups import CALL_HOOK, RUN_TURN, wake

logger = logging.getLogger(__name__)
MAX_CLAIMS = 10
"""A turn that this many workers took and none ended is not tried again."""
TRY_AGAIN_S = (5, 15, 45)
"""How long a turn rests after a failure that may pass, such as a repository that cannot be reached."""
FREE_CLAIMS = 2
MAX_REST_S = 300


class LeaseLost(AutofixError):
    """Another worker has taken over this turn, or it has ended."""

    code = "lease_lost"


@dataclass(frozen=True)
class Lease:
    """The right to write one turn, as long as nobody has a higher ``fence``.

    ``turn`` is the row, with its session, as it was taken; ``history`` are the session's blocks. Only the holder adds blocks,
    so that both stay right for as long as the lease does. ``next_keys``: a key for a turn that may follow, where it is known.
    """

    turn: Turn
    fence: int
    history: list[BlockState] = field(default_factory=list)
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
        "lease_owner": f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}",
        "lease_expires_at": _lease_end(),
        "deadline": turn.deadline or now + timedelta(seconds=conf.settings().turn.timeout_s),
    }
    for name, value in taken.items():
        setattr(turn, name, value)
    return taken


def claim(turn_id: int) -> Lease | None:
    """Take the turn if it is open and nobody holds it; None when there is nothing to take."""
    now = timezone.now()
    turn = rows.find(Turn, pk=turn_id, status=OPEN_TURN)
    if turn is None or not heartbeats.is_free(turn.lease_expires_at, now) or _rests(turn, now):
        return None
    # Of several who saw it free the first one raises the fence, and the others find what they saw gone.
    seen: dict[str, Any] = {
        "fence": turn.fence,
        "status": turn.status,
        "lease_expires_at": turn.lease_expires_at,
    }
    taken, turns, sessions, blocks = rows.commit(
        rows.updating(Turn, take(turn), pk=turn.pk, **seen),
        # Read now that the turn is ours: an earlier holder may have added blocks until a moment ago.
        rows.finding(Turn, pk=turn.pk),
        rows.finding(Session, pk=turn.session_id),
        rows.selecting(Block, order="index", session_id=turn.session_id),
    )
    if not taken or not sessions:
        return None
    turn = turns[0]
    turn.session = sessions[0]
    return Lease(turn, turn.fence, [block.as_state() for block in blocks])


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
    end = lease.turn.end_index + 1
    block = Block(
        session=lease.turn.session,
        turn=lease.turn,
        index=end - 1,
        content=content,
        has_patches=bool(content["file_patches"]),
    )
    check(lease.turn)
    failpoint("block.before_commit")
    wants_key = rows.takes_several() and not lease.next_keys
    added, _, *keys = rows.commit(
        rows.updating(Turn, {"end_index": end, "updated_at": timezone.now()}, **lease.held),
        rows.inserting(block, provided=rows.Provided(Turn, lease.held)),
        *([rows.reserving(Turn)] if wants_key else []),
    )
    lease.next_keys.extend(keys)
    if not added:
        raise LeaseLost
    lease.turn.end_index = end
    lease.history.append(block.as_state())
    failpoint("block.after_commit")


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
