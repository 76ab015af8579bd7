"""Completion hooks by name. Names come from this registry, never from an import path that somebody sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from autofix import rows
from autofix.exceptions import AutofixError
from autofix.explorer import leases
from autofix.explorer.models import OPEN_TURN, Turn
from autofix.explorer.state import TurnState
from autofix.failpoints import failpoint
from autofix.storable import storable


@dataclass(frozen=True)
class TurnEnd:
    """The end of a turn, for its completion hook. ``turn`` is how it will stand.

    ``record`` stores in the caller's transaction that the turn has ended and that its hook knows: a hook that advances a run
    does so in one transaction with it. LeaseLost when the turn is somebody else's by now; then nothing may be advanced.
    """

    organization_id: str
    project_id: str
    issue_id: str
    session_id: str
    turn: TurnState
    record: Callable[[], None] = lambda: None


CompletionHook = Callable[[TurnEnd], None]
_hooks: dict[str, CompletionHook] = {}


def register(name: str, hook: CompletionHook) -> None:
    """Make the hook known under this name."""
    _hooks[name] = hook


def get(name: str) -> CompletionHook:
    """The hook; KeyError when no such name was registered."""
    return _hooks[name]


def end(lease: leases.Lease, *, error: AutofixError | None = None) -> None:
    """End a held turn, whose row says how already, and tell its completion hook. LeaseLost when it is not ours any more."""
    turn = lease.turn
    now = timezone.now()
    if error is not None:
        turn.error_code, turn.error_detail = error.code, storable(error.detail)
    changes = {
        "status": turn.status,
        "error_code": turn.error_code,
        "error_detail": turn.error_detail,
        "pending_user_input": turn.pending_user_input,
        "lease_expires_at": None,
        "ended_at": now,
        "hook_called_at": now,
    }
    recorded: list[bool] = []

    def record() -> None:
        leases.end(lease, changes)
        transaction.on_commit(lambda: recorded.append(True))

    _tell(turn, record)
    if not recorded:
        record()  # the hook had nothing to do


def call_completion_hook(turn_id: int) -> None:
    """Tell the hook of a turn that ended without it: past its deadline. A second call finds nothing to do."""
    turn = (
        Turn.objects.select_related("session")
        .filter(pk=turn_id, hook_called_at=None)
        .exclude(status__in=OPEN_TURN)
        .first()
    )
    if turn is None:
        return

    def record() -> None:
        rows.update(Turn, {"hook_called_at": timezone.now()}, pk=turn_id, hook_called_at=None)

    _tell(turn, record)
    record()


def _tell(turn: Turn, record: Callable[[], None]) -> None:
    session = turn.session
    get(turn.hook)(
        TurnEnd(
            session.organization_id,
            session.project_id,
            session.issue_id,
            str(session.pk),
            turn.as_state(),
            record,
        )
    )
    failpoint("hook.after_commit")
