"""``{% load autofix %}``: the panel, the settings and small states for a host's own pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from autofix.ui import states, wording
from autofix.ui.embedding import panel_context
from autofix.ui.text import LONGEST, cut, is_link, visible

A_MINUTE: Final = timedelta(minutes=1)

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
    """How long ago, or how soon, with the exact time on hover."""
    if moment is None:
        return {"moment": None}
    now = timezone.now()
    is_past = moment <= now
    if abs(now - moment) < A_MINUTE:
        words = "just now" if is_past else "in a moment"
    else:
        words = (
            f"{timesince(moment, now, depth=1)} ago" if is_past else f"in {timeuntil(moment, now, depth=1)}"
        )
    return {"moment": moment, "words": words, "is_past": is_past}


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
