"""A run is one attempt to fix one issue; a step execution is one try at one step."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from autofix.steps import Lane, Step, StoppingPoint


class RunStatus(models.TextChoices):
    """``completed`` means idle: a person may continue it."""

    PROCESSING = "processing"
    AWAITING = "awaiting_user_input"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"


class StepStatus(models.TextChoices):
    """Where a try at a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PullRequestState(models.TextChoices):
    """Where the opening of a pull request stands."""

    CREATING = "creating"
    COMPLETED = "completed"
    ERROR = "error"


ACTIVE_RUN = (RunStatus.PROCESSING, RunStatus.AWAITING)
ACTIVE_STEP = (StepStatus.PENDING, StepStatus.RUNNING)


class Run(models.Model):
    """One attempt to fix one issue. Host ids are opaque strings; there is no foreign key to a host's tables.

    ``version`` grows with every visible change (the ETag); ``event_sequence`` is the number of the last webhook event,
    ``step_sequence`` that of the last step execution. ``stop_reason`` says why the run ended before its stopping point.
    ``known_steps`` and ``known_pull_requests``: in their order, where the holder of its lock keeps them at hand; ``lock``: what
    waits to be sent for it.
    """

    lock: Any = None
    known_steps: list[StepExecution] | None = None
    known_pull_requests: list[PullRequest] | None = None

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization_id = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64)
    issue_id = models.CharField(max_length=64)
    stopping_point = models.CharField(max_length=32, choices=[(p.value, p.value) for p in StoppingPoint])
    referrer = models.CharField(max_length=64)
    actor = models.CharField(max_length=128, blank=True)
    status = models.CharField(max_length=24, choices=RunStatus, default=RunStatus.PROCESSING)
    stop_reason = models.CharField(max_length=64, blank=True)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_detail = models.TextField(blank=True)
    explorer = models.CharField(max_length=32)
    session_id = models.CharField(max_length=64, blank=True)
    step_sequence = models.PositiveIntegerField(default=0)
    event_sequence = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "issue_id"],
                condition=Q(status__in=["processing", "awaiting_user_input"]),
                name="autofix_one_active_run_per_issue",
            )
        ]
        indexes = [
            models.Index(fields=["organization_id", "issue_id", "-id"]),
            models.Index(fields=["status"], condition=Q(status="processing"), name="autofix_processing_runs"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE_RUN


class StepExecution(models.Model):
    """One try at one step. ``lane_slot``: the pipeline holds one active step, each side step has a slot of its own.

    Its blocks in the session are those from ``first_index`` up to, not including, ``end_index``.
    ``superseded``: a rewind dropped the blocks that this result stands on. ``repairs`` counts the turns in which the agent
    was asked to mend an invalid artifact, ``answers`` those that began with a person's answer.
    """

    # No index of its own: the unique one below begins with it.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps", db_index=False)
    sequence = models.PositiveIntegerField()
    step = models.CharField(max_length=32, choices=[(s.value, s.value) for s in Step])
    lane = models.CharField(max_length=16, choices=[(lane.value, lane.value) for lane in Lane])
    lane_slot = models.CharField(max_length=32)
    attempt = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=16, choices=StepStatus, default=StepStatus.PENDING)
    referrer = models.CharField(max_length=64)
    user_context = models.TextField(blank=True)
    session_id = models.CharField(max_length=64, blank=True)
    turn_id = models.CharField(max_length=64, blank=True)
    first_index = models.PositiveIntegerField(default=0)
    end_index = models.PositiveIntegerField(default=0)
    artifact = models.JSONField(null=True)
    superseded = models.BooleanField(default=False)
    repairs = models.PositiveIntegerField(default=0)
    answers = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=64, blank=True)
    error_detail = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "sequence"], name="autofix_step_sequence"),
            models.UniqueConstraint(
                fields=["run", "lane_slot"],
                condition=Q(status__in=["pending", "running"]),
                name="autofix_one_active_step_per_slot",
            ),
        ]
        indexes = [
            models.Index(fields=["turn_id"]),
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=["pending", "running"]),
                name="autofix_active_steps",
            ),
        ]
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"{self.step} #{self.sequence} of run {self.run_id}"


class PullRequest(models.Model):
    """The pull request of one run in one repository. ``lease_expires_at``: a worker is at it until then."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="pull_requests")
    repo_name = models.CharField(max_length=255)
    provider = models.CharField(max_length=32)
    branch = models.CharField(max_length=255)
    title = models.TextField(blank=True)
    description = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=PullRequestState, default=PullRequestState.CREATING)
    pr_id = models.BigIntegerField(null=True)
    number = models.BigIntegerField(null=True)
    url = models.TextField(blank=True)
    commit_sha = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_detail = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "repo_name"], name="autofix_one_pr_per_repository")
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state="creating"), name="autofix_creating_prs"
            ),
        ]

    def __str__(self) -> str:
        return f"pull request of run {self.run_id} in {self.repo_name}"


class DecisionReason(models.TextChoices):
    """Why automation did or did not start a run; the label is the sentence that people read."""

    STARTED = "started", "A run was started."
    OFF = "off", "The project's tuning is off."
    AI_DISABLED = "ai_disabled", "AI features are switched off for the organization."
    LOW_SCORE = "low_score", "The fixability score is below what the project's tuning asks for."
    NO_EVENT = "no_event", "No event of the issue was stored in time."
    NO_ISSUE = "no_issue", "The host no longer knows the issue."
    DUPLICATE = "duplicate", "The issue was decided on a moment ago."
    RUN_ACTIVE = "run_active", "A run of the issue is active."
    RUN_EXISTS = "run_exists", "The issue has a run already; automation starts only the first one."
    NO_QUOTA = "no_quota", "This month's runs of the organization are used up."
    REFUSED = "refused", "The run was refused for another reason, which the detail names."
    GAVE_UP = "gave_up", "The issue could not be considered; the log says why."


class AutomationDecision(models.Model):
    """Why automation did or did not start a run for an issue. ``score``: 0 to 1, None when none was computed.

    Written, open, when the host announces the issue (``decided_at`` None, organization and project not yet known), and
    closed by the decision. An open one whose ``wake_at`` has passed lost its wake-up; ``tries`` counts the wake-ups.
    """

    organization_id = models.CharField(max_length=64, blank=True)
    project_id = models.CharField(max_length=64, blank=True)
    issue_id = models.CharField(max_length=64)
    started = models.BooleanField(default=False)
    reason = models.CharField(max_length=64, choices=DecisionReason, blank=True)
    detail = models.TextField(blank=True)
    score = models.FloatField(null=True)
    stopping_point = models.CharField(max_length=32, blank=True)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="decisions")
    tries = models.PositiveIntegerField(default=0)
    wake_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["issue_id"],
                condition=Q(decided_at__isnull=True),
                name="autofix_one_open_decision_per_issue",
            )
        ]
        indexes = [
            models.Index(fields=["organization_id", "issue_id", "-created_at"]),
            models.Index(fields=["issue_id", "-decided_at"]),
            models.Index(
                fields=["wake_at"], condition=Q(decided_at__isnull=True), name="autofix_open_decisions"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason or 'open'} for issue {self.issue_id}"
