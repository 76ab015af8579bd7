"""``{% load autofix %}``: the panel, the settings and small states for a host's own pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from autofix.ui import states, wording
from autofix.ui.embedding import panel_context
from autofix.ui.text import LONGEST, cut, is_link, visible

register = template.Library()
register.filter("autofix_visible", visible)
register.filter("autofix_cut", cut)
register.filter("autofix_is_link", is_link)
register.filter("autofix_step", wording.step_title)
register.filter("autofix_run_state", wording.run_state)
register.filter("autofix_starter", wording.starter)
register.filter("autofix_reason", wording.decision_reason)
register.simple_tag(states.newest_runs, name="autofix_states")


@register.inclusion_tag("autofix/panel.html", takes_context=True)
def autofix_panel(context: template.Context, issue: Any) -> dict[str, Any]:
    """The panel of an issue: the host's own row, its id, or autofix's normal form of it. Empty for who may not read it."""
    return panel_context(context, issue)


@register.inclusion_tag("autofix/time.html")
def autofix_time(moment: datetime | None) -> dict[str, Any]:
    """How long ago, with the exact time on hover."""
    if moment is None:
        return {"moment": None}
    passed = timesince(moment, timezone.now(), depth=1)
    just_now = (timezone.now() - moment).total_seconds() < 60  # noqa: PLR2004 - seconds of a minute
    return {"moment": moment, "ago": "just now" if just_now else f"{passed} ago"}


@register.inclusion_tag("autofix/state.html")
def autofix_state(runs: dict[str, Any], issue: Any) -> dict[str, Any]:
    """One issue's state out of ``{% autofix_states issues as runs %}``."""
    return {"run": runs.get(str(getattr(issue, "pk", issue)))}


@register.filter
def autofix_prose(text: object, longest: int = LONGEST) -> SafeString:
    """Prose from outside: cut, made visible, escaped, and what stands between backticks set as code."""
    parts = cut(text, longest).split("`")
    closed = len(parts) % 2 == 1  # an odd backtick is a backtick
    shape = ("{}", "<code>{}</code>")
    pieces = [format_html(shape[index % 2], part) for index, part in enumerate(parts)]
    return (
        format_html_join("", "{}", ((piece,) for piece in pieces))
        if closed
        else format_html("{}", "`".join(parts))
    )


@register.filter
def autofix_lookup(mapping: Any, key: Any) -> Any:
    """A mapping's value; None when there is none."""
    return mapping.get(key) if hasattr(mapping, "get") else None
