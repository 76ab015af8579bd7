"""What the tracker stores. Ids are integers here and opaque strings to autofix."""

from tracker.models.issues import Activity, Event, EventTag, Issue, IssueStatus, IssueUser
from tracker.models.organizations import ApiToken, Membership, Organization, token_digest
from tracker.models.projects import IngestionWindow, Project, ProjectKey

__all__ = [
    "Activity",
    "ApiToken",
    "Event",
    "EventTag",
    "IngestionWindow",
    "Issue",
    "IssueStatus",
    "IssueUser",
    "Membership",
    "Organization",
    "Project",
    "ProjectKey",
    "token_digest",
]
