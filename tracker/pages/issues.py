"""The list of an organization's issues: filters, search, counts, and how far autofix is with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from tracker.lookups import SHORT_ID
from tracker.models import Issue, IssueStatus, Organization, Project
from tracker.pages.members import MemberView

PAGE_SIZE: Final = 50
LONGEST_SEARCH: Final = 200
ORDERS: Final = {
    "last_seen": ("Seen last", ("-last_seen", "-pk")),
    "first_seen": ("New first", ("-first_seen", "-pk")),
    "events": ("Most events", ("-times_seen", "-pk")),
    "users": ("Most users", ("-users_seen", "-pk")),
}
LEVELS: Final = ("fatal", "error", "warning", "info", "debug")


@dataclass(frozen=True)
class Filters:
    """What the query asks for; nonsense in it asks for nothing."""

    status: str
    project: str
    level: str
    search: str
    order: str

    @classmethod
    def of(cls, query: QueryDict) -> Self:
        """The query's filters."""
        status, order = query.get("status", IssueStatus.UNRESOLVED), query.get("sort", "")
        return cls(
            status=status if status in IssueStatus.values else "all",
            project=query.get("project", ""),
            level=level if (level := query.get("level", "")) in LEVELS else "",
            search=query.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH],
            order=order if order in ORDERS else "last_seen",
        )

    def narrow(self, issues: QuerySet[Issue], project: Project | None) -> QuerySet[Issue]:
        """The issues that all filters but the status leave."""
        if project:
            issues = issues.filter(project=project)
        if self.level:
            issues = issues.filter(level=self.level)
        if self.search:
            issues = issues.filter(_matching(self.search))
        return issues


class IssuesView(MemberView):
    """The organization's issues; ``?status=``, ``project=``, ``level=``, ``q=`` and ``sort=`` say which and how."""

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        organization = self.organization()
        filters = Filters.of(request.GET)
        projects = list(organization.projects.order_by("slug"))
        project = next((row for row in projects if row.slug == filters.project), None)
        found = filters.narrow(_issues_of(organization), project)
        counts = {
            row["status"]: row["n"] for row in found.order_by().values("status").annotate(n=Count("pk"))
        }
        if filters.status != "all":
            found = found.filter(status=filters.status)
        pages = Paginator(found.order_by(*ORDERS[filters.order][1]), PAGE_SIZE)
        page: Page[Issue] = pages.get_page(request.GET.get("page"))
        context = {
            "organization": organization,
            "projects": projects,
            "project": project,
            "page": page,
            "filters": filters,
            "levels": LEVELS,
            "orders": [(word, label) for word, (label, _columns) in ORDERS.items()],
            "tabs": _tabs(counts),
        }
        return render(request, "tracker/issues.html", context)


def _issues_of(organization: Organization) -> QuerySet[Issue]:
    return Issue.objects.filter(project__organization=organization).select_related("project__organization")


def _tabs(counts: dict[str, int]) -> list[tuple[str, str, int]]:
    """Word, label and number for each status, and for all together."""
    named = [(status.value, str(status.label), counts.get(status.value, 0)) for status in IssueStatus]
    return [*named, ("all", "All", sum(counts.values()))]


def _matching(words: str) -> Q:
    match = Q(title__icontains=words) | Q(culprit__icontains=words)
    if short := SHORT_ID.fullmatch(words):
        match |= Q(project__slug=short["slug"].lower(), number=int(short["number"]))
    return match
