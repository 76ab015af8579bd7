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

from autofix import conf, heartbeats, rows
from autofix.exceptions import AutofixError, TurnTimedOut, WorkerLost
from autofix.explorer.models import OPEN_TURN, Block, Session, Turn, TurnStatus
from autofix.explorer.state import BlockContent, PendingUserInput
from autofix.failpoints import failpoint
from autofix.storable import storable
from autofix.wakeups import CALL_HOOK, RUN_TURN, wake

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

    ``turn`` is the row, with its session, as it was taken. Only the holder adds blocks to the session, so its
    ``next_index`` here stays right for as long as the lease does.
    """

    turn: Turn
    fence: int

    @property
    def turn_id(self) -> int:
        return self.turn.pk

    def write(self, **changes: object) -> bool:
        """Change the turn while it is ours: every write goes through this. False when it is not (any more)."""
        held = {"pk": self.turn.pk, "fence": self.fence, "status": TurnStatus.RUNNING}
        return bool(rows.update(Turn, changes, **held))


def claim(turn_id: int) -> Lease | None:
    """Take the turn if it is open and nobody holds it; None when there is nothing to take."""
    now = timezone.now()
    turn = rows.find(Turn, pk=turn_id, status=OPEN_TURN)
    if turn is None or not heartbeats.is_free(turn.lease_expires_at, now) or _rests(turn, now):
        return None
    taken: dict[str, object] = {
        "fence": turn.fence + 1,
        "status": TurnStatus.RUNNING,
        "lease_owner": f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}",
        "lease_expires_at": _lease_end(),
        "deadline": turn.deadline or now + timedelta(seconds=conf.settings().turn.timeout_s),
    }
    # Of several who saw it free the first one raises the fence, and the others find what they saw gone.
    seen = {"fence": turn.fence, "status": turn.status, "lease_expires_at": turn.lease_expires_at}
    if not rows.update(Turn, taken, pk=turn.pk, **seen):
        return None
    for name, value in taken.items():
        setattr(turn, name, value)
    # Read now that the turn is ours: the update may have waited for an earlier holder's last block.
    session = rows.find(Session, pk=turn.session_id)
    if session is None:
        return None
    turn.session = session
    return Lease(turn, turn.fence)


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


def append(lease: Lease, content: BlockContent) -> None:
    """Persist the next block and extend the lease, in one transaction; LeaseLost, or a reason of :func:`check`."""
    session = lease.turn.session
    end = session.next_index + 1
    block = Block(
        session=session,
        turn=lease.turn,
        index=end - 1,
        content=content.model_dump(mode="json"),
        has_patches=bool(content.file_patches),
    )
    check(lease.turn)
    with transaction.atomic():
        if not lease.write(lease_expires_at=_lease_end(), end_index=end):
            raise LeaseLost
        rows.insert(block)
        rows.update(Session, {"next_index": end, "updated_at": block.created_at}, pk=session.pk)
        failpoint("block.before_commit")
    session.next_index = end
    failpoint("block.after_commit")


def check_still_held(lease: Lease) -> None:
    """LeaseLost, or a reason of :func:`check`, when the turn must not go on."""
    if rows.find(Turn, pk=lease.turn_id, fence=lease.fence, status=TurnStatus.RUNNING) is None:
        raise LeaseLost
    check(lease.turn)


def end(
    lease: Lease,
    status: TurnStatus,
    *,
    error: AutofixError | None = None,
    pending: PendingUserInput | None = None,
) -> None:
    """Store how the turn ended; LeaseLost when it is not ours any more."""
    ended = lease.write(
        status=status,
        error_code=error.code if error else "",
        error_detail=storable(error.detail) if error else "",
        pending_user_input=pending.model_dump(mode="json") if pending else None,
        lease_expires_at=None,
        ended_at=timezone.now(),
    )
    if not ended:
        raise LeaseLost


def give_back(lease: Lease) -> None:
    """Let another worker take the turn at once: this one is told to stop."""
    with transaction.atomic():
        if lease.write(lease_expires_at=None, status=TurnStatus.PENDING):
            wake(RUN_TURN, lease.turn_id)


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
    return heartbeats.heartbeat(lambda: lease.write(lease_expires_at=_lease_end()), f"turn-{lease.turn_id}")


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
