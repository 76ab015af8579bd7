"""What the pages may load and run: their own files, and nothing written into the page itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# The browsable API documentation is a program of its own, which writes styles into its page.
DOCUMENTATION: Final = "/api/docs/"


def written(policy: dict[str, str]) -> str:
    """The header's value."""
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())


STRICT: Final = written(POLICY)
LENIENT: Final = written(POLICY | {"style-src": "'self' 'unsafe-inline'"})


@sync_and_async_middleware
def content_security_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: every answer carries the policy. In both colours, so that it costs no change of threads."""

    def add(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        policy = LENIENT if request.path.startswith(DOCUMENTATION) else STRICT
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return add(request, await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return add(request, get_response(request))

    return answer
