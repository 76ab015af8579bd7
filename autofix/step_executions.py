"""The life of one try at one step: begun, failed, completed, cancelled. Every function here expects its run to be locked."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from operator import attrgetter
from typing import Any

from django.utils import timezone

from autofix import rows, runs, webhooks
from autofix.artifact_schemas import Artifact
from autofix.asking import ask, knows, remembers, tell
from autofix.exceptions import AutofixError, IssueGone
from autofix.explorer.client import ExplorerClient, TurnRequest, get_client
from autofix.explorer.state import TurnState
from autofix.hosts import HostIssueNotFound, Issue, ProjectRef, RepositoryRef, get_host, issue_of
from autofix.models import ACTIVE_STEP, Repository, Run, StepExecution, StepStatus
from autofix.prompts import build_step_prompt
from autofix.redaction import redact
from autofix.steps import STEPS, Lane, Step
from autofix.wakeups import START_STEP, wake

COMPLETION_HOOK = "autofix.on_completion_hook"
STARTED = ("session_id", "turn_id", "status", "first_index", "started_at", "repairs", "answers")
"""What starting a turn changes of a step."""
CLOSED = ("status", "completed_at", "end_index", "artifact", "error_code", "error_detail")
"""What ending a step changes of it."""


def begin(
    run: Run, step: Step, issue: Issue, *, referrer: str, user_context: str = "", session_id: str = ""
) -> StepExecution:
    """Record the step, announce it and start its turn: in the run's session, or in the given fork.

    The caller stores the run afterwards: its sequences have grown.
    """
    run.step_sequence += 1
    spec = STEPS[step]
    execution = StepExecution(
        run=run,
        sequence=run.step_sequence,
        step=step,
        lane=spec.lane,
        lane_slot=spec.lane_slot,
        attempt=1 + sum(tried.step == step for tried in runs.steps_of(run)),
        referrer=referrer,
        user_context=user_context,
        session_id=session_id or run.session_id,
    )
    if run.known_steps is not None:
        run.known_steps.append(execution)
    if get_client().in_database:
        start(run, execution, issue)
    else:
        rows.insert(execution)
        wake(START_STEP, execution.pk)
    announce(run, execution, "started", {})
    return execution


def start(run: Run, execution: StepExecution, issue: Issue | None = None) -> None:
    """Give the step's prompt to the explorer; the step fails when its issue is gone."""
    try:
        issue = issue or issue_of(run.issue_id, run.organization_id)
    except HostIssueNotFound:
        fail(run, execution, IssueGone())
        return
    prompt = build_step_prompt(Step(execution.step), issue, execution.user_context)
    start_turn(get_client(), run, execution, issue, prompt)


def start_turn(client: ExplorerClient, run: Run, execution: StepExecution, issue: Issue, prompt: str) -> None:
    """Give the prompt to the explorer and note the turn. Doing it twice gives the same turn."""
    if not run.session_id:
        run.session_id = client.start_session(issue, repositories_of(issue))
    execution.session_id = execution.session_id or run.session_id
    spec = STEPS[Step(execution.step)]
    number = execution.repairs + execution.answers
    turn = client.start_turn(
        execution.session_id,
        TurnRequest(
            key=f"{run.uuid}:{execution.sequence}:{number}",
            prompt=redact(prompt),
            hook=COMPLETION_HOOK,
            artifact_key=spec.artifact_key,
            artifact_schema=_schema_of(spec.artifact) if spec.artifact else None,
            can_edit=spec.edits_code,
            metadata={
                "step": execution.step,
                "referrer": execution.referrer,
                "sequence": execution.sequence,
                "attempt": _turns_before(run, execution) + number + 1,
            },
        ),
    )
    execution.turn_id = turn.id
    tell(_of_turn(execution.session_id, turn.id), execution)
    if execution.status == StepStatus.PENDING:
        execution.first_index = turn.first_index
        execution.status = StepStatus.RUNNING
        execution.started_at = timezone.now()
    _store(execution, STARTED)


def of_turn(session_id: str, turn_id: str) -> StepExecution | None:
    """The active step that this turn works for, as it was a moment ago; None when there is none (any more).

    A worker that goes on remembers the step's run, too.
    """

    def find() -> StepExecution | None:
        mine = _worked_on(session_id, turn_id)
        execution = rows.find(StepExecution, **mine)
        if execution is not None and remembers():
            runs.remember_unlocked(rows.Of(StepExecution, "run_id", mine))
        return execution

    return ask(_of_turn(session_id, turn_id), find)


def questions(session_id: str, turn_id: str) -> list[rows.Statement[Any]]:
    """What that asks of a worker that goes on, unless it is known, to be asked ahead."""
    if not remembers() or knows(_of_turn(session_id, turn_id)):
        return []
    mine = _worked_on(session_id, turn_id)
    whole = runs.questions(rows.Of(StepExecution, "run_id", mine), lock=False)
    return [rows.finding(StepExecution, **mine), *whole]


def _worked_on(session_id: str, turn_id: str) -> dict[str, Any]:
    return {"session_id": session_id, "turn_id": turn_id, "status": ACTIVE_STEP}


def _of_turn(session_id: str, turn_id: str) -> Hashable:
    return "step of", session_id, turn_id


def _turns_before(run: Run, execution: StepExecution) -> int:
    """Turns that earlier tries at the same step took."""
    if execution.attempt == 1:
        return 0
    earlier = run.steps.filter(step=execution.step, attempt__lt=execution.attempt)
    return sum(tried.repairs + tried.answers + 1 for tried in earlier)


@cache
def _schema_of(artifact: type[Artifact]) -> dict[str, Any]:
    return artifact.model_json_schema()


def complete(
    run: Run, execution: StepExecution, turn: TurnState, artifact: dict[str, Any] | None, data: dict[str, Any]
) -> None:
    """Store the validated result and announce it; ``data`` is the event's data."""
    execution.artifact = artifact
    execution.end_index = turn.end_index
    _close(execution, StepStatus.COMPLETED)
    announce(run, execution, "completed", data)


def revise(run: Run, by: StepExecution, step: Step, artifact: dict[str, Any]) -> None:
    """Replace an earlier step's artifact by the one that a later turn of the same session wrote, and announce it again.

    Nothing changes when that step has no result in this session, or already this one.
    """
    earlier = [
        tried
        for tried in runs.steps_of(run)
        if tried.step == step
        and tried.session_id == by.session_id
        and tried.status == StepStatus.COMPLETED
        and not tried.superseded
        and tried.sequence < by.sequence
    ]
    execution = earlier[-1] if earlier else None
    if execution is None or execution.artifact == artifact:
        return
    execution.artifact = artifact
    rows.save(execution, "artifact")
    announce(run, execution, "completed", {execution.step: artifact}, occasion=f":revised:{by.sequence}")


def fail(run: Run, execution: StepExecution, error: AutofixError, end_index: int = 0) -> None:
    """Store why the step failed and announce it."""
    execution.end_index = end_index
    execution.error_code, execution.error_detail = error.code, error.detail
    _close(execution, StepStatus.FAILED)
    announce(run, execution, "failed", {"error": {"code": error.code, "detail": error.detail}})


def cancel_active(run: Run) -> None:
    """End all active steps of the run; what their turns still say is ignored from now on."""
    client = get_client()
    for execution in run.steps.filter(status__in=ACTIVE_STEP):
        _close(execution, StepStatus.CANCELLED)
        if execution.turn_id:
            client.cancel_turn(execution.turn_id)


def supersede(run: Run, from_index: int) -> None:
    """The session's blocks from ``from_index`` on were dropped: results that stood on them do not count any more.

    Forks began at the root cause: without it, what they found does not count either.
    """
    dropped = run.steps.filter(lane=Lane.PIPELINE, session_id=run.session_id, end_index__gt=from_index)
    root_cause_dropped = dropped.filter(step=Step.ROOT_CAUSE).exists()
    failed = run.steps.filter(
        session_id=run.session_id, status=StepStatus.FAILED, first_index__gte=from_index
    )
    dropped.update(superseded=True)
    failed.update(superseded=True)
    if root_cause_dropped:
        run.steps.filter(lane=Lane.SIDE).update(superseded=True)


def announce(
    run: Run, execution: StepExecution, outcome: webhooks.Outcome, data: dict[str, Any], *, occasion: str = ""
) -> None:
    """Record the step's event, once per outcome; a revised result is an ``occasion`` of its own."""
    webhooks.record_new(
        webhooks.event_type(Step(execution.step), outcome),
        key=f"{run.uuid}:step:{execution.sequence}:{outcome}{occasion}",
        organization_id=run.organization_id,
        data=data,
        run=run,
    )


def repositories_of(issue: Issue) -> list[RepositoryRef]:
    """The repositories mapped to the issue's project: our own mappings, then those of the host."""
    own = rows.select(Repository, organization_id=issue.organization_id, project_id=issue.project_id)
    found = {r.name: reference_to(r) for r in sorted(own, key=attrgetter("position"))}
    host = get_host()
    if host.supports_repositories:
        for reference in host.repositories(ProjectRef(issue.organization_id, issue.project_id)):
            found.setdefault(reference.name, reference)
    return list(found.values())


def reference_to(row: Repository) -> RepositoryRef:
    """The row as the explorer and the providers see it."""
    return RepositoryRef(
        name=row.name,
        provider=row.provider,
        url=row.url,
        branch=row.branch,
        stack_root=row.stack_root,
        source_root=row.source_root,
        approved=row.approved,
    )


def _close(execution: StepExecution, status: StepStatus) -> None:
    execution.status = status
    execution.completed_at = timezone.now()
    _store(execution, CLOSED)


def _store(execution: StepExecution, changed: tuple[str, ...]) -> None:
    if execution._state.adding:  # noqa: SLF001 - Django documents it
        rows.insert_later(execution)
    else:
        rows.save(execution, *changed)
