"""Where the panel's forms and its script find the API and the pages of this issue."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from autofix.hosts import Issue, get_host


@dataclass(frozen=True)
class Addresses:
    """Paths of one issue: the public API's (``api_…``) and the panel's own, which take forms."""

    api: str
    api_cancel: str
    api_update: str
    api_stream: str
    api_diff: str
    panel: str
    blocks: str
    start: str
    cancel: str
    update: str


def addresses(issue: Issue) -> Addresses:
    """The paths for an issue; hosts without organizations have none in them."""
    named = {"issue": issue.id}
    if get_host().supports_organizations:
        named["organization"] = issue.organization_slug or issue.organization_id
    api = {
        name: reverse(f"autofix{suffix}", kwargs=named)
        for name, suffix in {
            "api": "",
            "api_cancel": "-cancel",
            "api_update": "-update",
            "api_stream": "-stream",
            "api_diff": "-diff",
        }.items()
    }
    own = {
        name: reverse(f"autofix_ui:{name}", kwargs=named)
        for name in ("panel", "blocks", "start", "cancel", "update")
    }
    return Addresses(**api, **own)
