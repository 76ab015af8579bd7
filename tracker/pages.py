"""The tracker for people: a list of issues and a page for each, rendered on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views import View

from autofix.hosts import ExceptionInfo, Frame
from tracker.host import TrackerHost, as_issue
from tracker.lookups import find_issue, find_organization
from tracker.models import Issue, IssueStatus, Organization

PAGE_SIZE: Final = 50
TOP_VALUES: Final = 5


class MemberView(LoginRequiredMixin, View):
    """A page for members of the organization in its URL; 404 for everybody else."""

    login_url = reverse_lazy("tracker:login")

    def organization(self) -> Organization:
        """The organization in the URL."""
        host, organization = TrackerHost(), find_organization(self.kwargs["organization"])
        if organization is None or not host.can(host.actor(self.request), "issue:read", str(organization.pk)):
            raise Http404
        return organization


class HomeView(LoginRequiredMixin, View):
    """The issues of the first organization that the user belongs to."""

    login_url = reverse_lazy("tracker:login")

    def get(self, request: HttpRequest) -> HttpResponse:
        organization = (
            Organization.objects.filter(memberships__user__username=request.user.get_username())
            .order_by("slug")
            .first()
        )
        if organization is None:
            return render(request, "tracker/no_organization.html")
        return redirect(reverse("tracker:issues", args=[organization.slug]))


class IssuesView(MemberView):
    """The organization's issues, seen last first; ``?status=`` and ``?project=`` narrow them."""

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        organization = self.organization()
        status, project = request.GET.get("status", IssueStatus.UNRESOLVED), request.GET.get("project", "")
        issues = Issue.objects.filter(project__organization=organization).select_related(
            "project__organization"
        )
        if status in IssueStatus.values:
            issues = issues.filter(status=status)
        projects = organization.projects.order_by("slug")
        if chosen := next((row for row in projects if row.slug == project), None):
            issues = issues.filter(project=chosen)
        page: Page[Issue] = Paginator(issues.order_by("-last_seen", "-pk"), PAGE_SIZE).get_page(
            request.GET.get("page")
        )
        context = {
            "organization": organization,
            "projects": projects,
            "page": page,
            "status": status,
            "statuses": IssueStatus.choices,
            "project": chosen,
        }
        return render(request, "tracker/issues.html", context)


class IssueView(MemberView):
    """One issue: where and how often it happens, its newest event, and what autofix makes of it."""

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        organization = self.organization()
        row = find_issue(self.kwargs["issue"], organization)
        if row is None:
            raise Http404
        host, issue = TrackerHost(), as_issue(row)
        event = host.latest_event(issue)
        context = {
            "organization": organization,
            "issue": row,
            "event": event,
            "exceptions": [Shown.of(exception) for exception in reversed(event.exceptions)] if event else [],
            # Pairs: in a template ``tags.items`` would find a tag of that name first.
            "tags": [(key, values[:TOP_VALUES]) for key, values in host.tag_distribution(issue).items()],
            "activities": row.activities.all()[:50],
        }
        return render(request, "tracker/issue.html", context)


@dataclass(frozen=True)
class Line:
    """A line of code around a frame."""

    number: int | None
    text: str
    is_current: bool = False


@dataclass(frozen=True)
class Shown:
    """An exception as the page shows it: the frame that raised first, each with its lines and locals."""

    exception: ExceptionInfo
    frames: list[tuple[Frame, list[Line], list[tuple[str, Any]]]]

    @classmethod
    def of(cls, exception: ExceptionInfo) -> Shown:
        """The exception with its frames turned round."""
        return cls(
            exception,
            [(frame, lines_of(frame), list(frame.variables.items())) for frame in reversed(exception.frames)],
        )


def lines_of(frame: Frame) -> list[Line]:
    """The frame's code with line numbers; empty when the SDK sent none."""
    if frame.context_line is None:
        return []
    texts = [*frame.pre_context, frame.context_line, *frame.post_context]
    current = len(frame.pre_context)
    first = None if frame.lineno is None else frame.lineno - current
    return [
        Line(number=None if first is None else first + index, text=text, is_current=index == current)
        for index, text in enumerate(texts)
    ]
