"""What a person can do with a run now: buttons, each with the fields that its form sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autofix.models import PullRequestState, Run, StepExecution, StepStatus
from autofix.run_views import RunView
from autofix.steps import PIPELINE, SIDE_STEPS, Action, Lane, Step
from autofix.ui.wording import DEEDS

REFERRER = "api.web"


@dataclass(frozen=True)
class Offer:
    """A button: what it says, what it sends, and whether it is the obvious next thing."""

    label: str
    fields: Mapping[str, Any]
    primary: bool = False


def next_offers(run: Run, view: RunView, steps: Sequence[StepExecution]) -> list[Offer]:
    """What can follow on a run that has ended; the obvious one first."""
    return [] if run.is_active else list(_next_offers(run, view, steps))


def retry_offer(run: Run, step: StepExecution) -> Offer | None:
    """Doing this step again: a failed one as it was, a finished one of the pipeline from before it; None when it cannot be."""
    if run.is_active or step.superseded:
        return None
    fields: dict[str, Any] = {"run_id": run.pk, "step": step.step, "referrer": REFERRER}
    if step.status in (StepStatus.FAILED, StepStatus.CANCELLED):
        return Offer("Try again", fields)
    if step.lane == Lane.SIDE:
        return Offer("Do again", fields)
    opened = (PullRequestState.CREATING, PullRequestState.COMPLETED)
    if any(pr.state in opened for pr in run.pull_requests.all()):
        return None  # the code of an open pull request stays what it is
    label = "Do again from here" if step.step != PIPELINE[-1] else "Do again"
    return Offer(label, fields | {"insert_index": step.first_index})


def _next_offers(run: Run, view: RunView, steps: Sequence[StepExecution]) -> Iterator[Offer]:
    newest = {step.step: step for step in steps if not step.superseded}
    base: dict[str, Any] = {"run_id": run.pk, "referrer": REFERRER}
    following = _following(newest)
    if following is not None:
        tried = following in newest
        label = f"Try again: {DEEDS[following].lower()}" if tried else DEEDS[following]
        yield Offer(label, base | {"step": following.value}, primary=True)
    elif view.code_changes and not _is_pushed(view):
        failed = any(pr.pr_creation_status == PullRequestState.ERROR for pr in view.repo_pr_states.values())
        label = "Try the pull request again" if failed else DEEDS[Action.OPEN_PR]
        yield Offer(label, base | {"step": Action.OPEN_PR.value}, primary=True)
    if newest.get(Step.ROOT_CAUSE) and newest[Step.ROOT_CAUSE].status == StepStatus.COMPLETED:
        for side in SIDE_STEPS:
            if side not in newest:
                yield Offer(DEEDS[side], base | {"step": side.value})


def _following(newest: Mapping[str, StepExecution]) -> Step | None:
    """The first step of the pipeline that has no result."""
    return next(
        (step for step in PIPELINE if step not in newest or newest[step].status != StepStatus.COMPLETED), None
    )


def _is_pushed(view: RunView) -> bool:
    states = view.repo_pr_states
    return all(
        name in states and states[name].pr_creation_status == PullRequestState.COMPLETED
        for name in view.code_changes
    )
