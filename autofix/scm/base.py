"""The ``ScmProvider`` protocol: what autofix asks of a place that hosts code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from autofix.hosts import RepositoryRef


@dataclass(frozen=True)
class OpenedPullRequest:
    """A pull request as the provider knows it."""

    pr_id: int
    number: int
    url: str
    state: str = "open"


class ScmProvider(Protocol):
    """Code hosting. Errors: RepositoryUnavailable, PushFailed (may pass), Misconfigured (never passes)."""

    name: ClassVar[str]

    def check(self, repository: RepositoryRef) -> str:
        """Empty when the repository can be read; else a sentence that says why not."""
        ...

    def clone_url(self, repository: RepositoryRef) -> str:
        """What git fetches from and pushes to."""
        ...

    def allows_local_transport(self, repository: RepositoryRef) -> bool:
        """True only where the repository is configured as a local path: git's file transport stays off otherwise."""
        ...

    def find_or_open_pull_request(
        self, repository: RepositoryRef, *, branch: str, base: str, title: str, body: str
    ) -> OpenedPullRequest:
        """The open pull request from ``branch``, opened now when there is none: calling twice gives one."""
        ...
