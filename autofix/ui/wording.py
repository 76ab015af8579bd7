"""The words of the panel for the words of the machine, and what a person can do when something fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from autofix.models import DecisionReason, RunStatus, StepStatus
from autofix.steps import STEPS, Action, Step

RUN_STATES: Final[Mapping[str, str]] = {
    RunStatus.PROCESSING: "Working",
    RunStatus.AWAITING: "Needs your answer",
    RunStatus.COMPLETED: "Done",
    RunStatus.ERROR: "Failed",
    RunStatus.CANCELLED: "Cancelled",
}
STEP_STATES: Final[Mapping[str, str]] = {
    "": "Not begun",
    StepStatus.PENDING: "Waiting for a worker",
    StepStatus.RUNNING: "Running",
    StepStatus.COMPLETED: "Done",
    StepStatus.FAILED: "Failed",
    StepStatus.CANCELLED: "Cancelled",
}
STARTERS: Final[Mapping[str, str]] = {
    "api.web": "a person, on this page",
    "api.group_ai_autofix": "the API",
    "api.cli": "the command line",
    "api.mcp": "an MCP client",
    "issue_summary.post_process_fixability": "automation",
    "github.pr_comment": "a comment on a pull request",
    "slack": "Slack",
}
EXPLORERS: Final[Mapping[str, str]] = {
    "offline": "Offline agent, no LLM",
    "scripted": "Scripted agent, plays a test",
    "llm": "LLM agent",
}
VERDICTS: Final[Mapping[str, str]] = {
    "fixable": "Fixable in this code",
    "needs_more_context": "Needs more context",
    "not_actionable": "Not fixable in this code",
}
STOPS: Final[Mapping[str, str]] = {
    "not_actionable": "Stopped after the root cause: no change of this code would fix it.",
    "coding_disabled": "Stopped before the code changes: they are switched off for this organization.",
    "handoff_unavailable": "Stopped before the code changes: the coding agent that they should go to is not configured.",
    "nothing_to_push": "No pull request was opened: there are no changes to push.",
}
# An imperative for each step, for buttons; the registry knows the titles.
DEEDS: Final[Mapping[Step | Action, str]] = {
    Step.ROOT_CAUSE: "Find the root cause",
    Step.SOLUTION: "Plan a solution",
    Step.CODE_CHANGES: "Change the code",
    Step.IMPACT_ASSESSMENT: "Assess the impact",
    Step.TRIAGE: "Triage",
    Action.OPEN_PR: "Open a pull request",
    Action.HANDOFF: "Hand off",
}
ADVICE: Final[Mapping[str, str]] = {
    "internal_error": "The worker's log has the traceback. Try the step again.",
    "agent_error": "This is the agent's own reason. Try again with a note that tells it more, or go on by hand.",
    "timeout": "Try again. If it happens again, the time limit of a turn can be raised.",
    "worker_lost": "Workers were killed, perhaps for want of memory. Look at them before you try again.",
    "issue_gone": "There is no issue to fix any more.",
    "cancelled": "Try the step again if that was not meant.",
    "invalid_artifact": "The agent's result does not fit. Try again; with a model, try a stronger one.",
    "no_artifact": "The agent ended without a result. Try again; with a model, try a stronger one.",
    "no_code_changes": "Try again with a note that tells it more, or change the code by hand.",
    "repository_unavailable": "It is tried again by itself. The project's settings can check the repository.",
    "path_refused": "This path is protected on purpose. Change the file by hand if it has to change.",
    "edit_refused": "The agent's edit did not fit the file. Try the step again.",
    "push_failed": "Check the credentials and the branch's protection, then open the pull request again.",
    "agent_unavailable": "The operator can see with “manage.py check” what the agent lacks.",
    "model_unavailable": "The model's service did not answer. Try again, or see whether the provider has an outage.",
    "model_refused": "The model's service refuses the request: the operator has to look at its key and limits.",
    "model_incoherent": "The model went on without using its tools as it should. Try again, or try a stronger one.",
    "budget_exhausted": "The turn used up its budget. Try again with a note that narrows it down, or raise the budget.",
    "context_overflow": "There was more to read than the model can hold. Try again with a note that narrows it down.",
    "agent_stuck": "The agent repeated itself. Try again with a note that tells it more.",
}
# Where what the agent said last is the better part of the reason.
SPEAKING: Final = frozenset(
    {"agent_error", "agent_stuck", "model_incoherent", "no_artifact", "no_code_changes"}
)
NO_ADVICE: Final = "Try the step again."


def run_state(status: str) -> str:
    """A run's status in words."""
    return RUN_STATES.get(status, status)


def step_title(step: str) -> str:
    """A step's title, an action's deed."""
    if step in set(Action):
        return DEEDS[Action(step)]
    return STEPS[Step(step)].title if step in set(Step) else step


def starter(referrer: str) -> str:
    """Who or what started a run."""
    return STARTERS.get(referrer, referrer)


def explorer_name(explorer: str) -> str:
    """Which agent ran, said plainly."""
    return EXPLORERS.get(explorer, explorer)


def decision_reason(reason: str) -> str:
    """Why automation decided as it did."""
    return DecisionReason(reason).label if reason in DecisionReason.values else reason
