"""Completion hooks by name. Names come from this registry, never from an import path that somebody sent."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from autofix import rows
from autofix.explorer.models import OPEN_TURN, Turn
from autofix.failpoints import failpoint

CompletionHook = Callable[[str, str, str], None]
_hooks: dict[str, CompletionHook] = {}


def register(name: str, hook: CompletionHook) -> None:
    """Make ``hook(organization_id, session_id, turn_id)`` known under this name."""
    _hooks[name] = hook


def get(name: str) -> CompletionHook:
    """The hook; KeyError when no such name was registered."""
    return _hooks[name]


def call_completion_hook(turn_id: int) -> None:
    """Tell the hook that the turn has ended, and note that it was told.

    Dying in between tells it again: a hook treats a second call as a duplicate.
    """
    turn = Turn.objects.select_related("session").filter(pk=turn_id).exclude(status__in=OPEN_TURN).first()
    if turn is not None:
        tell(turn)


def tell(turn: Turn) -> None:
    """Tell the hook of this turn, which has ended."""
    failpoint("turn.ended")
    get(turn.hook)(turn.session.organization_id, str(turn.session_id), str(turn.pk))
    failpoint("hook.after_commit")
    rows.update(Turn, {"hook_called_at": timezone.now()}, pk=turn.pk, hook_called_at=None)
