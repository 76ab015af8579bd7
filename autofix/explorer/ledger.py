"""What model calls cost: one row per call, written before it is made, and sums over rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from autofix.explorer.models import CallStatus, ModelCall, Session, Turn
from autofix.explorer.state import Usage


@dataclass(frozen=True)
class Charge:
    """What a call used. ``estimated``: the provider did not say. ``cost_usd`` is None where no price is known."""

    input_tokens: int
    output_tokens: int = 0
    cost_usd: float | None = None
    estimated: bool = True


def task_of(turn: Turn) -> str:
    """What the turn works on: turns with the same sequence in a session mend one result and share one budget."""
    return f"{turn.session_id}:{turn.metadata.get('sequence', f'turn-{turn.pk}')}"


def open_call(turn: Turn, model: str, estimate: Charge) -> ModelCall:
    """Book a call that is about to be made, by its estimate."""
    session: Session = turn.session
    return ModelCall.objects.create(
        turn=turn,
        task=task_of(turn),
        organization_id=session.organization_id,
        project_id=session.project_id,
        issue_id=session.issue_id,
        model=model,
        input_tokens=estimate.input_tokens,
        cost_usd=estimate.cost_usd,
    )


def close_call(
    call: ModelCall, status: CallStatus, charge: Charge | None = None, error_code: str = ""
) -> None:
    """Book what came of the call; without a charge its estimate stays. The turn's sum is stored along."""
    call.status, call.error_code, call.ended_at = status, error_code, timezone.now()
    if charge is not None:
        call.input_tokens, call.output_tokens = charge.input_tokens, charge.output_tokens
        call.cost_usd, call.estimated = charge.cost_usd, charge.estimated
    with transaction.atomic():
        call.save()
        if call.turn_id is not None:
            total = total_of(ModelCall.objects.filter(turn_id=call.turn_id))
            Turn.objects.filter(pk=call.turn_id).update(usage=total.model_dump(mode="json"))


def spent_on_task(turn: Turn) -> Usage:
    """What all turns of the turn's task have cost so far, calls under way and lost ones included."""
    return total_of(ModelCall.objects.filter(task=task_of(turn)))


def spent_by_project(organization_id: str, project_id: str = "") -> Usage:
    """What a project, or a whole organization, has cost so far."""
    calls = ModelCall.objects.filter(organization_id=organization_id)
    return total_of(calls.filter(project_id=project_id) if project_id else calls)


def spent_in_sessions(session_ids: Iterable[str]) -> Usage:
    """What these sessions have cost so far."""
    return total_of(ModelCall.objects.filter(turn__session_id__in=list(session_ids)))


def total_of(calls: QuerySet[ModelCall]) -> Usage:
    """The sum of these rows; the cost is None when no row's is known."""
    total = calls.aggregate(
        requests=Count("pk"),
        input_tokens=Sum("input_tokens", default=0),
        output_tokens=Sum("output_tokens", default=0),
        cost_usd=Sum("cost_usd", filter=Q(cost_usd__isnull=False)),
    )
    return Usage.model_validate(total)
