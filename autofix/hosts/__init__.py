"""The port to the issue tracker that autofix is embedded in."""

from autofix.hosts.base import Actor, Host, HostIssueNotFound, ProjectRef, RepositoryRef
from autofix.hosts.registry import get_host, issue_of
from autofix.hosts.types import Breadcrumb, Event, ExceptionInfo, Frame, Issue, TagValue

__all__ = [
    "Actor",
    "Breadcrumb",
    "Event",
    "ExceptionInfo",
    "Frame",
    "Host",
    "HostIssueNotFound",
    "Issue",
    "ProjectRef",
    "RepositoryRef",
    "TagValue",
    "get_host",
    "issue_of",
]
