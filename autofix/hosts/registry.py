"""Which host we are embedded in."""

from __future__ import annotations

from functools import cache

from django.utils.module_loading import import_string

from autofix import conf
from autofix.asking import ask
from autofix.exceptions import Misconfigured
from autofix.hosts.base import Host
from autofix.hosts.types import Issue


def get_host() -> Host:
    """The host named by ``AUTOFIX["HOST"]``; Misconfigured when it cannot be made."""
    return _host(conf.settings().host)


def issue_of(issue_id: str, organization_id: str) -> Issue:
    """The host's issue; HostIssueNotFound."""
    return ask(
        ("issue", issue_id, organization_id), lambda: get_host().resolve_issue(issue_id, organization_id)
    )


@cache
def _host(path: str) -> Host:
    try:
        host: Host = import_string(path)()
    except ImportError as exc:
        raise Misconfigured(f"AUTOFIX['HOST'] = {path!r} cannot be imported: {exc}") from exc
    except (
        Exception
    ) as exc:  # foreign code may raise anything; it must not keep the system checks from running
        raise Misconfigured(f"AUTOFIX['HOST'] = {path!r} cannot be made: {type(exc).__name__}") from exc
    return host
