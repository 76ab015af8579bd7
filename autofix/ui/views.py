"""The panel's own pages. Forms go through the views of the public API: the same gates, throttles and use cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework import exceptions as drf
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from autofix import runs
from autofix.api import AutofixView, validated
from autofix.endpoints import AutofixEndpoint, CancelEndpoint, UpdateEndpoint
from autofix.explorer.client import get_client
from autofix.hosts import get_host
from autofix.refusals import answer_for
from autofix.serializers import RunQuery, StateQuery
from autofix.ui.forms import FormParser
from autofix.ui.panel import panel_for
from autofix.ui.timeline import stretch

STALE_FORM: Final = (
    "This form is too old: somebody has logged in or out in this browser since it was opened. "
    "Nothing was done. Go back and try again."
)


class PageRenderer(JSONRenderer):
    """Lets a browser ask for a page; the views render their templates themselves."""

    media_type = "text/html"
    charset = "utf-8"


class PageView(AutofixView):
    """Base of the pages: HTML out, forms in, refusals as a page, and a way to the log-in."""

    renderer_classes = (PageRenderer,)
    parser_classes = (FormParser,)
    schema = None  # type: ignore[assignment]  # pages are no part of the API's description; None says so

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Any]:
        return self.refused

    def refused(self, exc: Exception, context: dict[str, Any]) -> HttpResponseBase:
        """The refusal as a page with a way back, or the log-in."""
        request = self.request._request  # noqa: SLF001 - templates and redirects want Django's own
        if isinstance(exc, drf.NotAuthenticated | drf.AuthenticationFailed):
            return redirect_to_login(self.way_back() if request.method == "POST" else request.get_full_path())
        answer: Response = answer_for(exc, context)
        page = render(
            request,
            "autofix/refused.html",
            {**answer.data, **_in_words(exc), "back": self.way_back()},
            status=answer.status_code,
        )
        for name, value in answer.headers.items():
            if name.lower() == "retry-after":
                page[name] = value
        return page

    def way_back(self) -> str:
        """The path that the form came from; the root when it names none of ours."""
        request = self.request._request  # noqa: SLF001 - see above
        wanted = request.POST.get("next", "") if request.method == "POST" else ""
        allowed = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
        return wanted if wanted and allowed else urlsplit(request.META.get("HTTP_REFERER", "")).path or "/"

    def page(self, template: str, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
        """A page that nobody keeps: it is one person's."""
        answer = render(self.request._request, template, dict(context), status=status)  # noqa: SLF001 - see above
        answer["Cache-Control"] = "private, no-store"
        return answer

    def back(self, anchor: str = "") -> HttpResponseRedirect:
        """Where the form came from, by GET."""
        return HttpResponseRedirect(f"{self.way_back().partition('#')[0]}{anchor}", status=303)


def _in_words(exc: Exception) -> dict[str, str]:
    """What a person can do about a form whose token does not fit; Django REST framework says it to programmers."""
    stale = isinstance(exc, drf.PermissionDenied) and str(exc.detail).startswith("CSRF Failed")
    return {"detail": STALE_FORM} if stale else {}


class PanelPage(PageView):
    """The panel alone, for the script on a host's page."""

    def get(self, request: Request, **_kwargs: Any) -> HttpResponse:
        issue = self.issue("issue:read")
        query = validated(RunQuery, request.query_params)
        panel = panel_for(issue, get_host().actor(request), run_id=query.get("run_id"))
        return self.page("autofix/panel.html", {"panel": panel, "here": self.way_back()})


class BlocksPage(PageView):
    """Entries of the investigation: those after ``since``, or with ``before`` the last ones before that index."""

    def get(self, request: Request, **_kwargs: Any) -> HttpResponse:
        issue = self.issue("issue:read")
        query = validated(StateQuery, request.query_params)
        before = request.query_params.get("before", "")
        run = runs.find_run(issue, query.get("run_id"))
        blocks = (
            get_client().state(run.session_id, since=query["since"]).blocks if run and run.session_id else []
        )
        limit = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None  # noqa: PLR2004 - digits
        return self.page("autofix/entries.html", {"timeline": stretch(blocks, before=limit)})


class StartForm(PageView, AutofixEndpoint):
    """Start or continue a run by a form; then back to the page."""

    http_method_names = ["post"]

    def post(self, request: Request, **kwargs: Any) -> Any:
        super().post(request, **kwargs)
        return self.back("#autofix")


class CancelForm(PageView, CancelEndpoint):
    """Cancel a run by a form."""

    http_method_names = ["post"]

    def post(self, request: Request, **kwargs: Any) -> Any:
        super().post(request, **kwargs)
        return self.back("#autofix")


class UpdateForm(PageView, UpdateEndpoint):
    """Answer the agent by a form."""

    http_method_names = ["post"]

    def post(self, request: Request, **kwargs: Any) -> Any:
        super().post(request, **kwargs)
        return self.back("#autofix")
