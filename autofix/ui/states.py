"""The newest run of many issues at once, for lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from autofix.models import PullRequest, PullRequestState, Run
from autofix.ui.wording import run_state


@dataclass(frozen=True)
class State:
    """A run in a few words. ``status`` is the machine's word, ``words`` what people read."""

    status: str
    words: str


def newest_runs(organization_id: Any, issues: Iterable[Any]) -> dict[str, State]:
    """The state of each issue's newest run by the issue's id, with two queries whatever their number."""
    ids = [str(getattr(issue, "pk", issue)) for issue in issues]
    mine = Run.objects.filter(organization_id=str(organization_id), issue_id__in=ids)
    newest = mine.order_by().values("issue_id").annotate(newest=Max("pk")).values("newest")
    rows = list(Run.objects.filter(pk__in=newest).only("issue_id", "status"))
    opened = set(
        PullRequest.objects.filter(run__in=rows, state=PullRequestState.COMPLETED).values_list(
            "run_id", flat=True
        )
    )
    return {
        row.issue_id: State("pull_request", "Pull request open")
        if row.pk in opened and not row.is_active
        else State(row.status, run_state(row.status))
        for row in rows
    }
