"""Which host we are embedded in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from django.utils.module_loading import import_string

from autofix import conf
from autofix.exceptions import Misconfigured
from autofix.hosts.base import Host
from autofix.hosts.types import Issue

FRESH_S = 1.0
_Asked = dict[tuple[str, str], tuple[float, Issue]]
_asked: ContextVar[_Asked | None] = ContextVar("asked", default=None)


def get_host() -> Host:
    """The host named by ``AUTOFIX["HOST"]``; Misconfigured when it cannot be made."""
    return _host(conf.settings().host)


@contextmanager
def asked_once() -> Iterator[None]:
    """In the body, :func:`issue_of` asks the host for each issue once a second at most: one step after the other needs it."""
    token = _asked.set({})
    try:
        yield
    finally:
        _asked.reset(token)


def issue_of(issue_id: str, organization_id: str) -> Issue:
    """The host's issue; HostIssueNotFound."""
    asked = _asked.get()
    if asked is None:
        return get_host().resolve_issue(issue_id, organization_id)
    known, now = asked.get((issue_id, organization_id)), time.monotonic()
    if known is None or known[0] <= now - FRESH_S:
        known = asked[issue_id, organization_id] = (now, get_host().resolve_issue(issue_id, organization_id))
    return known[1]


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
