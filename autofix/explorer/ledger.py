"""What model calls cost: one row per call, written before it is made, and sums over rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from django.db import connection, transaction
from django.db.models import Count, Sum
from django.utils import timezone

from autofix import rows
from autofix.explorer.models import CallStatus, ModelCall, Session, Turn
from autofix.explorer.state import Usage

SUMS = ("input_tokens", "output_tokens", "cost_usd")
CLOSED = ("status", "error_code", "ended_at", "input_tokens", "output_tokens", "cost_usd", "estimated")


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
    call = ModelCall(
        turn=turn,
        task=task_of(turn),
        organization_id=session.organization_id,
        project_id=session.project_id,
        issue_id=session.issue_id,
        model=model,
        input_tokens=estimate.input_tokens,
        cost_usd=estimate.cost_usd,
    )
    rows.insert(call)
    return call


def close_call(
    call: ModelCall, status: CallStatus, charge: Charge | None = None, error_code: str = ""
) -> None:
    """Book what came of the call; without a charge its estimate stays. The turn's sum is stored along."""
    call.status, call.error_code, call.ended_at = status, error_code, timezone.now()
    if charge is not None:
        call.input_tokens, call.output_tokens = charge.input_tokens, charge.output_tokens
        call.cost_usd, call.estimated = charge.cost_usd, charge.estimated
    with transaction.atomic():
        rows.save(call, *CLOSED)
        if call.turn_id is not None:
            total = spent_in_turn(call.turn_id)
            rows.update(Turn, {"usage": total.model_dump(mode="json")}, pk=call.turn_id)


def spent_in_turn(turn_id: int) -> Usage:
    """What the turn has cost so far."""
    return _total(turn_id=turn_id)


def spent_on_task(turn: Turn) -> Usage:
    """What all turns of the turn's task have cost so far, calls under way and lost ones included."""
    return _total(task=task_of(turn))


def spent_by_project(organization_id: str, project_id: str = "") -> Usage:
    """What a project, or a whole organization, has cost so far."""
    of_project = {"project_id": project_id} if project_id else {}
    return _total(organization_id=organization_id, **of_project)


def spent_in_sessions(session_ids: Iterable[str]) -> Usage:
    """What these sessions have cost so far."""
    calls = ModelCall.objects.filter(turn__session_id__in=list(session_ids))
    requests, sums = Count("pk"), [Sum(name) for name in SUMS]
    found = calls.aggregate(requests=requests, **dict(zip(SUMS, sums, strict=True)))
    return _usage(found.pop("requests"), list(found.values()))


def _total(**where: int | str) -> Usage:
    """The sum of the rows whose columns have these values."""
    with connection.cursor() as cursor:
        cursor.execute(_total_text(*where), list(where.values()))
        requests, *sums = cursor.fetchone()
    return _usage(requests, sums)


@cache
def _total_text(*columns: str) -> str:
    # Asked twice for each call of a model; building the query anew each time took longer than the database's answer.
    quoted = connection.ops.quote_name
    sums = "".join(f", SUM({quoted(name)})" for name in SUMS)
    fits = " AND ".join(f"{quoted(name)} = %s" for name in columns)
    table = quoted(ModelCall._meta.db_table)  # noqa: SLF001 - Django's own way to a table's name
    return f"SELECT COUNT(*){sums} FROM {table} WHERE {fits}"  # noqa: S608 - of names alone, which are ours


def _usage(requests: int, sums: Sequence[float | None]) -> Usage:
    """The cost is None when no row's is known."""
    given, got, cost = sums
    return Usage(requests=requests, input_tokens=int(given or 0), output_tokens=int(got or 0), cost_usd=cost)
