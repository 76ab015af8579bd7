"""From a host's template to the panel: which issue is meant, who looks, and what the address asks for."""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch

from autofix.exceptions import NotFound
from autofix.hosts import HostIssueNotFound, Issue, get_host
from autofix.ui.panel import Panel, panel_for

logger = logging.getLogger(__name__)
RUN_PARAMETER = "autofix_run"
BLOCKS_PARAMETER = "autofix_blocks"


def panel_context(context: Context, issue: Any) -> dict[str, Any]:
    """What ``autofix/panel.html`` needs; ``panel`` None when there is nothing to show to this person."""
    request: HttpRequest | None = context.get("request")
    if request is None:
        raise ValueError("{% autofix_panel %} needs the request: use the context processor of that name.")
    try:
        panel = _panel(request, as_issue(issue))
    except (HostIssueNotFound, NotFound):
        panel = None
    except NoReverseMatch as exc:
        raise ValueError(
            "{% autofix_panel %} needs autofix.urls and autofix.ui.urls in your urlpatterns."
        ) from exc
    return {
        "panel": panel,
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "here": request.get_full_path(),
    }


def as_issue(issue: Any) -> Issue:
    """Autofix's normal form of a host's row (anything with a ``pk``) or of an id; HostIssueNotFound."""
    return issue if isinstance(issue, Issue) else get_host().resolve_issue(str(getattr(issue, "pk", issue)))


def _panel(request: HttpRequest, issue: Issue) -> Panel | None:
    word = request.GET.get(RUN_PARAMETER, "")
    run_id = int(word) if word.isascii() and word.isdigit() and len(word) < 19 else None  # noqa: PLR2004 - 64 bits
    everything = request.GET.get(BLOCKS_PARAMETER) == "all"
    return panel_for(issue, get_host().actor(request), run_id=run_id, all_blocks=everything)
