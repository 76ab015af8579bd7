"""Which host we are embedded in."""

from __future__ import annotations

from functools import cache

from django.utils.module_loading import import_string

from autofix import conf
from autofix.exceptions import Misconfigured
from autofix.hosts.base import Host


def get_host() -> Host:
    """The host named by ``AUTOFIX["HOST"]``; Misconfigured when it cannot be made."""
    return _host(conf.settings().host)


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
