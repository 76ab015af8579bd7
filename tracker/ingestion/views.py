"""The two URLs that SDKs send to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tracker.ingestion.bodies import open_body
from tracker.ingestion.envelopes import MAX_EVENT, read_header, read_items
from tracker.ingestion.keys import admit, find_project, key_of_envelope, key_of_request
from tracker.ingestion.payloads import event_id_of, parse_object
from tracker.ingestion.refusals import IngestionRefused, TooManyRequests
from tracker.ingestion.store import store_event

logger = logging.getLogger(__name__)

# Programs in browsers report from any site; the key in the DSN is public, and nothing can be read here.
CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "X-Sentry-Auth, Content-Type, Content-Encoding, Authorization, Origin, Accept, "
    "sentry-trace, baggage",
    "Access-Control-Expose-Headers": "Retry-After, X-Sentry-Error, X-Sentry-Rate-Limits",
    "Access-Control-Max-Age": "3600",
}

Receive = Callable[[HttpRequest, int], str | None]


def ingestion(receive: Receive) -> Callable[[HttpRequest, int], HttpResponse]:
    """Turn a function that stores what was sent, and gives its event id, into a view with CORS and refusals as JSON."""

    @csrf_exempt
    @require_http_methods(["POST", "OPTIONS"])
    @wraps(receive)
    def view(request: HttpRequest, project_id: int) -> HttpResponse:
        answer = (
            HttpResponse(status=204)
            if request.method == "OPTIONS"
            else _receive(receive, request, project_id)
        )
        for name, value in CORS.items():
            answer[name] = value
        return answer

    return view


def _receive(receive: Receive, request: HttpRequest, project_id: int) -> HttpResponse:
    try:
        return JsonResponse({"id": receive(request, project_id)})
    except IngestionRefused as refused:
        logger.info(
            "report refused", extra={"project_id": project_id, "code": refused.code, "detail": refused.detail}
        )
        answer = JsonResponse({"detail": refused.detail, "code": refused.code}, status=refused.status)
        answer["X-Sentry-Error"] = refused.detail
        if isinstance(refused, TooManyRequests):
            answer["Retry-After"] = str(refused.retry_after_s)
            answer["X-Sentry-Rate-Limits"] = f"{refused.retry_after_s}::project"
        return answer


@ingestion
def envelope(request: HttpRequest, project_id: int) -> str | None:
    """``POST /api/{project_id}/envelope/``."""
    key, body, header = key_of_request(request), None, None
    if not key:
        body = open_body(request)
        header = read_header(body)
        key = key_of_envelope(header)
    project = find_project(project_id, key)
    admit(project)
    if body is None or header is None:
        body = open_body(request)
        header = read_header(body)
    found = read_items(header, body)
    if found.event is not None and found.event_id is not None:
        store_event(project, found.event_id, found.event)
    return found.event_id


@ingestion
def store(request: HttpRequest, project_id: int) -> str | None:
    """``POST /api/{project_id}/store/``: one event, without an envelope."""
    project = find_project(project_id, key_of_request(request))
    admit(project)
    event: dict[str, Any] = parse_object(open_body(request).rest(MAX_EVENT), "event")
    event_id = event_id_of(event.get("event_id"))
    if event.get("type") in {None, "error", "event", "default"}:
        store_event(project, event_id, event)
    return event_id
