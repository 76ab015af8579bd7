"""What is stored. The constraints here are the last word: no code path can have two active runs of one issue."""

from autofix.models.preferences import OrganizationSettings, ProjectPreference, QuotaUsage, Repository
from autofix.models.requests import IdempotencyRecord, ThrottleWindow
from autofix.models.runs import (
    ACTIVE_RUN,
    ACTIVE_STEP,
    AutomationDecision,
    DecisionReason,
    PullRequest,
    PullRequestState,
    Run,
    RunStatus,
    StepExecution,
    StepStatus,
)
from autofix.models.webhooks import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Endpoint,
    EndpointFormat,
    EndpointRecord,
    EndpointStatus,
    WebhookEvent,
)

__all__ = [
    "ACTIVE_RUN",
    "ACTIVE_STEP",
    "Attempt",
    "AutomationDecision",
    "DecisionReason",
    "Delivery",
    "DeliveryStatus",
    "Endpoint",
    "EndpointFormat",
    "EndpointRecord",
    "EndpointStatus",
    "IdempotencyRecord",
    "OrganizationSettings",
    "ProjectPreference",
    "PullRequest",
    "PullRequestState",
    "QuotaUsage",
    "Repository",
    "Run",
    "RunStatus",
    "StepExecution",
    "StepStatus",
    "ThrottleWindow",
    "WebhookEvent",
]
