"""Runs over HTTP: start or continue one, read it, follow it, talk to it, cancel it. Each view is thin."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from autofix import autofix_agent, conversations, runs, streaming
from autofix.api import AutofixView, operation, validated
from autofix.exceptions import InvalidRequest, NotFound
from autofix.hosts import Issue
from autofix.idempotency import answer_once, checked_key, fingerprint
from autofix.models import Run
from autofix.project_views import SetupView as SetupAnswer
from autofix.project_views import setup_view
from autofix.refusals import Answer, json_answer
from autofix.run_views import (
    RunPageView,
    StateView,
    TriggeredView,
    diff_of,
    run_state,
    run_summary,
    state_tag,
    triggered_view,
)
from autofix.serializers import (
    CancelRequest,
    DiffQuery,
    RunQuery,
    StartRequest,
    StateQuery,
    UpdateRequest,
    answer_text,
)
from autofix.steps import Action, Step, StoppingPoint, parse_step
from autofix.throttles import admit, start_windows

PAGE_SIZE = 25
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="At most 255 characters, kept 24 h: the same key and body get the first answer again.",
)


class IssueView(AutofixView):
    """Base of these views."""

    def run(self, issue: Issue, run_id: int | None) -> Run:
        """The issue's run with this id, or its newest one; NotFound when there is none."""
        run = runs.find_run(issue, run_id)
        if run is None:
            raise NotFound("This issue has no run yet.")
        return run

    def admit(self, issue: Issue) -> None:
        """Count the request as one that sets an agent to work; Throttled when there were too many.

        Belongs into the transaction of that work: a request that is refused after all is then not counted.
        """
        address = self.request.META.get("REMOTE_ADDR", "")
        admit(start_windows(self.actor(), address, issue.organization_id))


class AutofixEndpoint(IssueView):
    """The main URL: read the issue's run, start one, continue one."""

    @operation("autofix_read", parameters=[StateQuery], responses={200: StateView, 304: None})
    def get(self, request: Request, **_kwargs: Any) -> HttpResponseBase:
        """Read the newest run of an issue, or an older one; never starts anything."""
        issue = self.issue("issue:read")
        query = validated(StateQuery, request.query_params)
        run = runs.find_run(issue, query.get("run_id"))
        if run is None:
            return Response(StateView(autofix=None).model_dump(mode="json"))
        # The tag is made before the state is read: at worst it is too old, and the next question is answered in full.
        headers = {"ETag": state_tag(run, query["since"]), "Cache-Control": "private, no-cache"}
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if "*" in known or headers["ETag"] in (tag.removeprefix("W/") for tag in known):
            return HttpResponse(status=304, headers=headers)
        state = StateView(autofix=run_state(run, query["since"]))
        return Response(state.model_dump(mode="json"), headers=headers)

    @operation(
        "autofix_start",
        parameters=[IDEMPOTENCY_KEY],
        request=StartRequest,
        responses={202: TriggeredView},
        errors=(402, 409, 413, 415, 422, 429),
    )
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Start a run, or continue one with a step or an action. The work goes on by itself."""
        issue = self.issue("issue:write")
        asked = validated(StartRequest, request.data)
        key = checked_key(request.headers.get("Idempotency-Key"))
        runs.find_run(issue, asked.get("run_id"))
        autofix_agent.check_switches(issue, parse_step(asked["step"]))
        question = fingerprint("start", issue.id, request.data)
        answer = answer_once(issue.organization_id, key, question, lambda: self._trigger(issue, asked))
        return json_answer(answer)

    def _trigger(self, issue: Issue, asked: dict[str, Any]) -> Answer:
        self.admit(issue)
        step = parse_step(asked["step"])
        if step is Action.OPEN_PR:
            triggered = autofix_agent.open_pull_requests(issue, asked["run_id"], repo_name=asked["repo_name"])
        elif step is Action.HANDOFF:
            triggered = autofix_agent.hand_off(
                issue,
                asked["run_id"],
                provider=asked.get("provider"),
                integration_id=asked.get("integration_id"),
            )
        else:
            point = asked.get("stopping_point")
            triggered = autofix_agent.trigger_autofix_agent(
                issue,
                Step(step),
                referrer=asked["referrer"],
                actor=self.actor().id,
                run_id=asked.get("run_id"),
                stopping_point=StoppingPoint(point) if point else None,
                user_context=asked["user_context"],
                insert_index=asked.get("insert_index"),
            )
        return Answer(202, triggered_view(triggered))


class NewestFirst(CursorPagination):
    """Pages of runs, newest first."""

    ordering = "-id"
    page_size = PAGE_SIZE


class RunsEndpoint(IssueView):
    """The issue's runs."""

    @operation(
        "autofix_runs",
        parameters=[OpenApiParameter("cursor", description="From ``next`` or ``previous``.")],
        responses={200: RunPageView},
    )
    def get(self, request: Request, **_kwargs: Any) -> Response:
        """List the runs of an issue, newest first."""
        issue = self.issue("issue:read")
        pages = NewestFirst()
        found = Run.objects.filter(organization_id=issue.organization_id, issue_id=issue.id)
        found = found.prefetch_related("steps", "pull_requests")
        try:
            page = pages.paginate_queryset(found, request) or []
        except ValueError as exc:  # a made-up cursor whose inside is no id
            raise InvalidRequest(
                "This cursor is not one of ours.", errors={"cursor": ["Not valid."]}
            ) from exc
        return pages.get_paginated_response([run_summary(run).model_dump(mode="json") for run in page])


class CancelEndpoint(IssueView):
    """End a run."""

    @operation("autofix_cancel", request=CancelRequest, responses={202: TriggeredView}, errors=(413, 415))
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Cancel a run: its turn ends at the next block, and what comes later is ignored."""
        issue = self.issue("issue:write")
        asked = validated(CancelRequest, request.data)
        return Response(triggered_view(autofix_agent.cancel_run(issue, asked["run_id"])), status=202)


class UpdateEndpoint(IssueView):
    """Talk to the agent."""

    @operation(
        "autofix_update", request=UpdateRequest, responses={202: TriggeredView}, errors=(409, 413, 415, 429)
    )
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Send the agent a message, or the answer to its question."""
        issue = self.issue("issue:write")
        asked = validated(UpdateRequest, request.data)
        payload = asked["payload"]
        runs.find_run(issue, asked["run_id"])
        autofix_agent.check_switches(issue, Step.ROOT_CAUSE)
        answer_id = payload["id"] if payload["type"] == "answer" else None
        with transaction.atomic():
            self.admit(issue)
            triggered = conversations.answer_run(
                issue, asked["run_id"], answer_text(payload), answer_id=answer_id
            )
        return Response(triggered_view(triggered), status=202)


class DiffRenderer(JSONRenderer):
    """Lets a client ask for a diff by its media type; a refusal is JSON all the same."""

    media_type = "text/x-diff"


class DiffEndpoint(IssueView):
    """The run's changes as a diff."""

    renderer_classes = (DiffRenderer, JSONRenderer)

    @operation("autofix_diff", parameters=[DiffQuery], responses={(200, "text/x-diff"): OpenApiTypes.STR})
    def get(self, request: Request, **_kwargs: Any) -> HttpResponse:
        """Get a run's changes as a diff for ``git apply``; empty when there are none."""
        issue = self.issue("issue:read")
        query = validated(DiffQuery, request.query_params)
        diff = diff_of(self.run(issue, query.get("run_id")), query["repo_name"])
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}
        return HttpResponse(diff, content_type="text/x-diff; charset=utf-8", headers=headers)


class EventStreamRenderer(JSONRenderer):
    """Lets a client ask for events by their media type; a refusal is JSON all the same."""

    media_type = "text/event-stream"


class StreamEndpoint(IssueView):
    """The run as it happens."""

    renderer_classes = (EventStreamRenderer, JSONRenderer)

    @operation(
        "autofix_stream",
        parameters=[RunQuery, OpenApiParameter("Last-Event-ID", location=OpenApiParameter.HEADER)],
        responses={(200, "text/event-stream"): OpenApiTypes.STR, 204: None},
    )
    def get(self, request: Request, **_kwargs: Any) -> HttpResponseBase:
        """Follow a run: server-sent events ``block``, ``step`` and ``run`` until it ends; 204 when all is told."""
        issue = self.issue("issue:read")
        run = self.run(issue, validated(RunQuery, request.query_params).get("run_id"))
        stream = streaming.RunStream.after(run.pk, request.headers.get("Last-Event-ID", ""))
        first = stream.news()
        if stream.ended and not first:
            return HttpResponse(status=204)  # tells an EventSource not to come back
        is_async = isinstance(request._request, ASGIRequest)  # noqa: SLF001 - DRF has no other name for it
        events = streaming.follow_async(stream, first) if is_async else streaming.follow(stream, first)
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


class SetupEndpoint(IssueView):
    """Whether everything that a run needs is there."""

    @operation("autofix_setup", responses={200: SetupAnswer})
    def get(self, request: Request, **_kwargs: Any) -> Response:
        """Check whether everything that a run of this issue needs is there."""
        return Response(setup_view(self.issue("issue:read")).model_dump(mode="json"))
