"""Reading issues over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from autofix.hosts.base import Permission
from tracker.api.paging import page_of
from tracker.api.shapes import event_json, issue_json, tags_json
from tracker.authentication import TokenAuthentication
from tracker.host import TrackerHost, as_issue
from tracker.lookups import find_issue, find_organization, find_project
from tracker.models import Issue, IssueStatus, Organization


class OrganizationView(APIView):
    """Something of an organization: 404 for whoever is not a member, 403 for a member who may not."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (TokenAuthentication, SessionAuthentication)
    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated,)
    renderer_classes: Sequence[type[BaseRenderer]] = (JSONRenderer,)
    throttle_classes: Sequence[type[BaseThrottle]] = ()
    content_negotiation_class = DefaultContentNegotiation
    permission: ClassVar[Permission] = "issue:read"

    def organization(self) -> Organization:
        """The organization in the URL; NotFound or PermissionDenied."""
        host, organization = TrackerHost(), find_organization(self.kwargs["organization"])
        actor = host.actor(self.request)
        if organization is None or not host.is_member(actor, str(organization.pk)):
            raise exceptions.NotFound
        if not host.can(actor, self.permission, str(organization.pk)):
            raise exceptions.PermissionDenied
        return organization

    def issue(self) -> Issue:
        """The issue in the URL, by id or short id."""
        issue = find_issue(self.kwargs["issue"], self.organization())
        if issue is None:
            raise exceptions.NotFound
        return issue

    def handle_exception(self, exc: Exception) -> Response:
        """The error bodies of the API: ``{"detail", "code"}``, with ``errors`` by field."""
        answer = super().handle_exception(exc)
        if isinstance(exc, exceptions.ValidationError):
            answer.data = {"detail": "The request is not valid.", "code": "invalid", "errors": exc.detail}
        elif isinstance(exc, exceptions.APIException):
            answer.data = {"detail": str(exc.detail), "code": exc.default_code}
        return answer

    def permalink(self, issue: Issue) -> str:
        """Where people look at it."""
        return self.request.build_absolute_uri(issue.get_absolute_url())


class IssueListView(OrganizationView):
    """List the organization's issues, seen last first."""

    @extend_schema(
        operation_id="list_issues",
        tags=["tracker"],
        parameters=[
            OpenApiParameter("project", str, many=True, description="id or slug"),
            OpenApiParameter("status", str, enum=IssueStatus.values, many=True),
            OpenApiParameter("limit", int, description="1 to 100"),
            OpenApiParameter("cursor", str, description="from the Link header"),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, **_: Any) -> Response:
        organization = self.organization()
        issues = Issue.objects.filter(project__organization=organization)
        issues = self._of_projects(issues.select_related("project__organization"), organization)
        page, link = page_of(self._with_status(issues), request)
        return Response([issue_json(issue, self.permalink(issue)) for issue in page], headers={"Link": link})

    def _of_projects(self, issues: QuerySet[Issue], organization: Organization) -> QuerySet[Issue]:
        words = self.request.query_params.getlist("project")
        if not words or words == ["-1"]:  # Sentry's word for all
            return issues
        projects = [find_project(organization, word) for word in words]
        if None in projects:
            raise exceptions.ValidationError({"project": ["There is no such project."]})
        return issues.filter(project__in=[project for project in projects if project])

    def _with_status(self, issues: QuerySet[Issue]) -> QuerySet[Issue]:
        words = self.request.query_params.getlist("status")
        if not set(words) <= set(IssueStatus.values):
            raise exceptions.ValidationError({"status": [f"One of: {', '.join(IssueStatus.values)}."]})
        return issues.filter(status__in=words) if words else issues


class IssueDetailView(OrganizationView):
    """Read one issue with its tags and time line."""

    @extend_schema(operation_id="retrieve_issue", tags=["tracker"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, **_: Any) -> Response:
        issue = self.issue()
        activity = [
            {"id": str(note.pk), "type": "note", "data": {"text": note.text}, "dateCreated": note.created}
            for note in issue.activities.all()[:100]
        ]
        tags = tags_json(TrackerHost().tag_distribution(as_issue(issue)))
        return Response(issue_json(issue, self.permalink(issue)) | {"tags": tags, "activity": activity})


class LatestEventView(OrganizationView):
    """Read the newest event of an issue."""

    @extend_schema(
        operation_id="retrieve_latest_event", tags=["tracker"], responses={200: OpenApiTypes.OBJECT}
    )
    def get(self, request: Request, **_: Any) -> Response:
        event = self.issue().events.select_related("issue").order_by("-received", "-pk").first()
        if event is None:
            raise exceptions.NotFound
        return Response(event_json(event))
