"""All that an agent may touch during one turn: the issue, its telemetry, the code, and what was found before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autofix.explorer.workspace import Checkout
from autofix.hosts import Event, Host, Issue, TagValue


@dataclass
class Toolbox:
    """``checkouts`` by repository name; ``artifacts``: the newest of each key that this session holds already.

    ``can_edit`` says whether this turn may change code, ``revisable`` which earlier artifacts it may replace.
    """

    issue: Issue
    host: Host
    checkouts: Mapping[str, Checkout]
    can_edit: bool = False
    artifacts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    revisable: Sequence[str] = ()

    def event(self) -> Event | None:
        """The event that explains the issue best where the host can tell, else the newest."""
        if self.host.supports_representative_event:
            return self.host.representative_event(self.issue) or self.host.latest_event(self.issue)
        return self.host.latest_event(self.issue)

    def events(self, limit: int = 100) -> Sequence[Event]:
        """The newest events, newest first."""
        return self.host.events(self.issue, limit=limit)

    def tag_distribution(self) -> dict[str, list[TagValue]]:
        """For every tag its values with their counts, most frequent first."""
        return self.host.tag_distribution(self.issue)

    def similar_issues(self, limit: int = 10) -> Sequence[Issue]:
        """Issues that look alike; none where the host cannot tell."""
        return self.host.similar_issues(self.issue, limit=limit) if self.host.supports_similar_issues else ()

    def suspect_commits(self) -> Sequence[str]:
        """Shas that the host suspects; none where it cannot tell."""
        return self.host.suspect_commits(self.issue) if self.host.supports_suspect_commits else ()
