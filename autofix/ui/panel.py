"""What the panel shows of an issue, gathered for its templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from autofix import autofix_agent, runs
from autofix.exceptions import AIDisabled
from autofix.explorer.client import get_client
from autofix.hosts import Actor, Issue, get_host
from autofix.models import ACTIVE_STEP, AutomationDecision, Run, RunStatus, StepExecution, StepStatus
from autofix.run_views import RepoPullRequestView, RunView, run_state
from autofix.step_executions import repositories_of
from autofix.steps import STEPS, Lane, Step, StoppingPoint
from autofix.ui.addresses import Addresses, addresses
from autofix.ui.diffs import FileDiff, file_diff
from autofix.ui.excerpts import Evidence, evidence
from autofix.ui.offers import Offer, next_offers, retry_offer
from autofix.ui.text import is_link, span
from autofix.ui.timeline import Timeline, timeline
from autofix.ui.wording import ADVICE, NO_ADVICE, SPEAKING, STOPS, explorer_name
from autofix.ui.wording import run_state as state_words

MOST_OTHERS = 10


@dataclass(frozen=True)
class Card:
    """A step and what came of it. ``status`` empty: not begun; ``asks``: it waits for a person; ``speaks``: what the agent said
    last tells why it failed; ``template`` shows the result.
    """

    step: Step
    title: str
    side: bool
    status: str = ""
    artifact: Mapping[str, Any] | None = None
    evidence: list[Evidence] = field(default_factory=list)
    files: list[FileDiff] = field(default_factory=list)
    started_at: datetime | None = None
    took: str = ""
    attempt: int = 1
    error: str = ""
    advice: str = ""
    retry: Offer | None = None
    planned: bool = True
    asks: bool = False
    speaks: bool = False

    @property
    def template(self) -> str:
        return f"autofix/cards/{self.step.value}.html"

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE_STEP

    @property
    def has_result(self) -> bool:
        return self.artifact is not None or bool(self.files)


@dataclass(frozen=True)
class ShownRun:
    """A run with everything that is shown of it. ``hears``: the step that a message would set going again, if any."""

    row: Run
    view: RunView
    status: str
    explorer: str
    seen: str
    took: str
    cards: list[Card]
    offers: list[Offer]
    timeline: Timeline
    advice: str
    stopped: str
    hears: str

    @property
    def pipeline(self) -> list[Card]:
        return [card for card in self.cards if not card.side]

    @property
    def beside(self) -> list[Card]:
        return [card for card in self.cards if card.side]

    @property
    def opens_pull_request(self) -> bool:
        return self.view.stopping_point == StoppingPoint.OPEN_PR or bool(self.view.repo_pr_states)

    @property
    def opened_pulls(self) -> list[RepoPullRequestView]:
        """The open pull requests that have a page somewhere."""
        pulls = self.view.repo_pr_states.values()
        return [pull for pull in pulls if pull.pr_number and pull.pr_url and is_link(pull.pr_url)]

    @property
    def pull_request_state(self) -> str:
        """How the opening of pull requests stands altogether: a step's status."""
        states = [pr.pr_creation_status for pr in self.view.repo_pr_states.values()]
        if not states:
            return ""
        worst = next((state for state in ("error", "creating") if state in states), "completed")
        return {"error": "failed", "creating": "running"}.get(worst, worst)


@dataclass(frozen=True)
class Panel:
    """The panel of an issue for one person."""

    issue: Issue
    urls: Addresses
    may_write: bool
    refusal: str
    shown: ShownRun | None
    others: list[Run]
    decision: AutomationDecision | None
    stopping_points: list[tuple[str, str]]

    @property
    def newer(self) -> Run | None:
        """The issue's newest run, when an older one is shown."""
        newest = self.others[0] if self.others else None
        return newest if newest and self.shown and newest.pk > self.shown.row.pk else None

    @property
    def may_start(self) -> bool:
        return self.may_write and not self.refusal and not (self.shown and self.shown.row.is_active)


def panel_for(
    issue: Issue, actor: Actor, *, run_id: int | None = None, all_blocks: bool = False
) -> Panel | None:
    """The panel; None when the actor may not read the issue. Raises NotFound when the run is not the issue's."""
    host = get_host()
    if not host.can(actor, "issue:read", issue.organization_id, issue.project_id):
        return None
    run = runs.find_run(issue, run_id)
    mine = Run.objects.filter(organization_id=issue.organization_id, issue_id=issue.id).order_by("-pk")
    decisions = AutomationDecision.objects.filter(
        issue_id=issue.id, organization_id__in=["", issue.organization_id]
    )
    return Panel(
        issue=issue,
        urls=addresses(issue),
        may_write=host.can(actor, "issue:write", issue.organization_id, issue.project_id),
        refusal=_refusal(issue),
        shown=show(issue, run, all_blocks=all_blocks) if run else None,
        others=list(mine.exclude(pk=run.pk if run else 0)[:MOST_OTHERS]),
        decision=decisions.order_by("-pk").first(),
        stopping_points=[(point.value, STOPPING_WORDS[point]) for point in StoppingPoint],
    )


STOPPING_WORDS: Mapping[StoppingPoint, str] = {
    StoppingPoint.ROOT_CAUSE: "Find the root cause",
    StoppingPoint.SOLUTION: "Plan a solution",
    StoppingPoint.CODE_CHANGES: "Change the code",
    StoppingPoint.OPEN_PR: "Open a pull request",
}


def show(issue: Issue, run: Run, *, all_blocks: bool = False) -> ShownRun:
    """The run with its results made readable."""
    view = run_state(run)
    steps = list(run.steps.all())
    last = view.blocks[-1].index if view.blocks else -1
    sequence = steps[-1].sequence if steps else 0
    failure = view.failure
    return ShownRun(
        row=run,
        view=view,
        status=state_words(run.status),
        explorer=explorer_name(run.explorer),
        seen=f"{last}.{sequence}.{run.version}",
        took=span((timezone.now() if run.is_active else view.updated_at) - run.created_at),
        cards=_cards(issue, run, view, steps),
        offers=next_offers(run, view, steps),
        timeline=timeline(view.blocks, everything=all_blocks),
        advice=ADVICE.get(failure.code, NO_ADVICE) if failure else "",
        stopped=STOPS.get(view.stop_reason or "", view.stop_reason or ""),
        hears=_hearing_step(run, steps),
    )


def _refusal(issue: Issue) -> str:
    try:
        autofix_agent.check_switches(issue, Step.ROOT_CAUSE)
    except AIDisabled as exc:
        return exc.detail
    return ""


def _hearing_step(run: Run, steps: Sequence[StepExecution]) -> str:
    in_line = [step for step in steps if step.lane == Lane.PIPELINE]
    return STEPS[Step(in_line[-1].step)].title if in_line and not run.is_active else ""


def _cards(issue: Issue, run: Run, view: RunView, steps: Sequence[StepExecution]) -> list[Card]:
    newest = {step.step: step for step in steps if not step.superseded}
    goal = StoppingPoint(run.stopping_point).rank
    return [
        _card(issue, run, view, newest[step])
        if step in newest
        else Card(
            step,
            spec.title,
            spec.lane is Lane.SIDE,
            planned=spec.lane is Lane.PIPELINE and StoppingPoint(step.value).rank <= goal,
        )
        for step, spec in STEPS.items()
    ]


def _card(issue: Issue, run: Run, view: RunView, execution: StepExecution) -> Card:
    step = Step(execution.step)
    spec = STEPS[step]
    artifact = view.artifacts.get(step.value) if execution.status == StepStatus.COMPLETED else None
    end = execution.completed_at or timezone.now()
    return Card(
        step,
        spec.title,
        spec.lane is Lane.SIDE,
        status=execution.status,
        artifact=artifact,
        evidence=_evidence(issue, run, artifact),
        files=_files(view) if spec.edits_code else [],
        started_at=execution.started_at,
        took=span(end - execution.started_at if execution.started_at else timedelta()),
        attempt=execution.attempt,
        error=execution.error_detail or execution.error_code,
        advice=ADVICE.get(execution.error_code, NO_ADVICE) if execution.error_code else "",
        retry=retry_offer(run, execution),
        speaks=execution.error_code in SPEAKING and spec.lane is Lane.PIPELINE,
        asks=run.status == RunStatus.AWAITING
        and execution.status in ACTIVE_STEP
        and spec.lane is Lane.PIPELINE,
    )


def _evidence(issue: Issue, run: Run, artifact: Mapping[str, Any] | None) -> list[Evidence]:
    citations = artifact.get("evidence") if artifact else None
    if not isinstance(citations, list) or not citations:
        return []
    state = get_client().state(run.session_id, since=2**31) if run.session_id else None
    repositories = {repository.name: repository for repository in repositories_of(issue)}
    return evidence(citations, repositories, state.pins if state else {})


def _files(view: RunView) -> list[FileDiff]:
    return [file_diff(name, patch) for name, patches in view.code_changes.items() for patch in patches]
