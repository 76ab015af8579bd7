"""One tree of errors. Each says whose problem it is: a code for machines, a sentence for people, and what may be done about it.

A class docstring's first line is the default sentence.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AutofixError(Exception):
    """Something in autofix went wrong."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(self.detail)


# --- answers to a request: each is one row of the API's table of answers ------------------------------------------------


class RequestRefused(AutofixError):
    """The request was refused."""

    status: ClassVar[int] = 400

    def extra(self) -> dict[str, Any]:
        """Further keys of the error body."""
        return {}


class InvalidRequest(RequestRefused):
    """The request is not valid."""

    code = "invalid"

    def __init__(self, detail: str | None = None, *, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.errors = errors or {}

    def extra(self) -> dict[str, Any]:
        return {"errors": self.errors} if self.errors else {}


class PermissionRefused(RequestRefused):
    """You may not do this."""

    code = "permission_denied"
    status = 403


class AIDisabled(RequestRefused):
    """AI features are switched off for this organization."""

    code = "ai_disabled"
    status = 403


class CodingDisabled(RequestRefused):
    """Code changes are switched off for this organization."""

    code = "coding_disabled"
    status = 403


class QuotaSpent(RequestRefused):
    """This month's runs of the organization are used up."""

    code = "no_quota"
    status = 402


class NotFound(RequestRefused):
    """There is no such thing, or it is not yours."""

    code = "not_found"
    status = 404


class RunInFlight(RequestRefused):
    """A run of this issue is already in flight."""

    code = "run_in_flight"
    status = 409

    def __init__(self, run_id: int, detail: str | None = None) -> None:
        super().__init__(detail)
        self.run_id = run_id

    def extra(self) -> dict[str, Any]:
        return {"run_id": self.run_id}


class PullRequestExists(RequestRefused):
    """A pull request of this run is open already; its code cannot be changed from here."""

    code = "pull_request_exists"
    status = 409


class NoPullRequest(RequestRefused):
    """This run has no pull request."""

    code = "no_pull_request"
    status = 409


class NothingToPush(RequestRefused):
    """This run has no code changes to push."""

    code = "nothing_to_push"
    status = 409


class NotRunning(RequestRefused):
    """This run is not in a state for that."""

    code = "not_running"
    status = 409


class IdempotencyMismatch(RequestRefused):
    """This Idempotency-Key was used with another body."""

    code = "idempotency_mismatch"
    status = 422


class IdempotencyInProgress(RequestRefused):
    """The first request with this Idempotency-Key is still running."""

    code = "idempotency_in_progress"
    status = 409


class BodyTooLarge(RequestRefused):
    """The body is too large."""

    code = "too_large"
    status = 413


class Throttled(RequestRefused):
    """Too many requests; try again later."""

    code = "throttled"
    status = 429

    def __init__(self, retry_after_s: int, detail: str | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


# --- failures of work that goes on by itself: the code is stored, announced and shown -------------------------------------


class WorkFailed(AutofixError):
    """The work failed."""

    code = "internal_error"
    retryable: ClassVar[bool] = False


class TransientFailure(WorkFailed):
    """The work failed for a reason that may pass."""

    retryable = True


class AgentFailed(WorkFailed):
    """The agent could not finish its turn."""

    code = "agent_error"

    def __init__(self, detail: str | None = None, *, code: str | None = None) -> None:
        super().__init__(detail)
        if code is not None:
            self.code = code  # type: ignore[misc]  # one class for the agent's own typed reasons


class BudgetExhausted(AgentFailed):
    """The turn's budget is spent."""

    code = "budget_exhausted"


class ModelUnavailable(AgentFailed):
    """No model answered in time."""

    code = "model_unavailable"


class ModelRefused(AgentFailed):
    """The model's provider refuses the request."""

    code = "model_refused"


class ModelIncoherent(AgentFailed):
    """The model's replies cannot be used."""

    code = "model_incoherent"


class AgentStuck(AgentFailed):
    """The agent repeats itself."""

    code = "agent_stuck"


class ContextOverflow(AgentFailed):
    """The conversation does not fit into the model's context."""

    code = "context_overflow"


class TurnTimedOut(WorkFailed):
    """The turn did not end before its deadline."""

    code = "timeout"


class WorkerLost(WorkFailed):
    """Worker after worker died at this turn."""

    code = "worker_lost"


class IssueGone(WorkFailed):
    """The issue was deleted while the run was under way."""

    code = "issue_gone"


class TurnCancelled(WorkFailed):
    """The agent's turn was cancelled."""

    code = "cancelled"


class ArtifactInvalid(WorkFailed):
    """The agent's artifact does not match its schema."""

    code = "invalid_artifact"


class ArtifactMissing(WorkFailed):
    """The agent ended without the artifact that it was asked for."""

    code = "no_artifact"


class NoCodeChanges(WorkFailed):
    """The agent ended without changing any code."""

    code = "no_code_changes"


class RepositoryUnavailable(TransientFailure):
    """The repository could not be read."""

    code = "repository_unavailable"


class PathRefused(WorkFailed):
    """This path is outside of what may be read or changed."""

    code = "path_refused"


class EditRefused(WorkFailed):
    """The edit does not fit the file as it is."""

    code = "edit_refused"


class PushFailed(TransientFailure):
    """The branch could not be pushed."""

    code = "push_failed"


class Misconfigured(AutofixError):
    """A setting of AUTOFIX is wrong."""

    code = "misconfigured"


FAILURES: tuple[type[WorkFailed], ...] = (
    *(WorkFailed, AgentFailed, TurnTimedOut, WorkerLost, IssueGone, TurnCancelled),
    *(BudgetExhausted, ModelUnavailable, ModelRefused, ModelIncoherent, AgentStuck, ContextOverflow),
    *(ArtifactInvalid, ArtifactMissing, NoCodeChanges, RepositoryUnavailable),
    *(PathRefused, EditRefused, PushFailed),
)
FAILURE_CODES: dict[str, str] = {
    failure.code: (failure.__doc__ or "").strip().splitlines()[0] for failure in FAILURES
} | {"agent_unavailable": "The configured agent cannot work here."}
"""Every code that a failed step, pull request or run can carry, with its sentence."""
