"""How a refusal reads: every error becomes ``{"detail", "code", …}`` with its status."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response

from autofix.exceptions import (
    BodyTooLarge,
    InvalidRequest,
    NotFound,
    PermissionRefused,
    RequestRefused,
    Throttled,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """An answer to a request: its status and its JSON body."""

    status: int
    body: Any

    @classmethod
    def of(cls, refused: RequestRefused) -> Self:
        """The answer that the refusal stands for."""
        return cls(refused.status, {"detail": refused.detail, "code": refused.code, **refused.extra()})


def answer_for(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to a request that ended in ``exc``: ``{"detail", "code", …}``.

    What nobody foresaw is logged and answered with 500 and nothing of its inside.
    """
    refused = as_refusal(exc)
    if refused is not None:
        headers = {"Retry-After": str(refused.retry_after_s)} if isinstance(refused, Throttled) else None
        return json_answer(Answer.of(refused), headers=headers)
    if isinstance(exc, drf.APIException):
        return _drf_refusal(exc)
    logger.error("request failed", exc_info=exc, extra={"view": type(context.get("view")).__name__})
    return json_answer(Answer(500, {"detail": "Something went wrong on our side.", "code": "internal_error"}))


def json_answer(answer: Answer, *, headers: dict[str, str] | None = None) -> Response:
    """The answer in JSON, whatever the view renders otherwise."""
    return Response(answer.body, status=answer.status, headers=headers, content_type="application/json")


def as_refusal(exc: Exception) -> RequestRefused | None:
    """Our own error for what Django and Django REST framework raise; None when there is none."""
    match exc:
        case RequestRefused():
            found: RequestRefused | None = exc
        case Http404() | drf.NotFound():
            found = NotFound()
        case drf.ValidationError():
            found = _invalid(exc)
        case drf.ParseError():
            found = InvalidRequest(str(exc.detail))
        case drf.Throttled():
            found = Throttled(max(1, round(getattr(exc, "wait", None) or 1)))
        case drf.PermissionDenied():
            found = PermissionRefused(str(exc.detail))
        case RequestDataTooBig():
            found = BodyTooLarge()
        case SuspiciousOperation():
            found = InvalidRequest()
        case _:
            found = None
    return found


def _drf_refusal(exc: drf.APIException) -> Response:
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else exc.default_code
    challenge = getattr(exc, "auth_header", None)
    headers = {"WWW-Authenticate": challenge} if challenge else None
    return json_answer(Answer(exc.status_code, {"detail": str(exc.detail), "code": code}), headers=headers)


def _invalid(exc: drf.ValidationError) -> InvalidRequest:
    errors: dict[str, list[str]] = {}
    for path, sentence in _sentences(exc.detail):
        errors.setdefault(path or "non_field_errors", []).append(sentence)
    return InvalidRequest(f"Not valid: {', '.join(errors)}.", errors=errors)


def _sentences(detail: Any, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for key, part in detail.items():
            own = "" if key == "non_field_errors" else str(key)
            yield from _sentences(part, ".".join(filter(None, (path, own))))
    elif isinstance(detail, list):
        for index, part in enumerate(detail):
            nested = isinstance(part, Mapping | list)
            yield from _sentences(part, f"{path}.{index}" if nested else path)
    else:
        yield path, str(detail)
