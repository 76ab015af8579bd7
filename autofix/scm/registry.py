"""Which providers there are: those that ``AUTOFIX["SCM"]`` names."""

from __future__ import annotations

from django.utils.module_loading import import_string

from autofix import conf
from autofix.exceptions import Misconfigured
from autofix.scm.base import ScmProvider

SHIPPED = {"local": "autofix.scm.local.LocalProvider"}


def get_provider(name: str) -> ScmProvider:
    """The provider with this name; Misconfigured when SCM does not name it or it cannot be made.

    A provider of one's own is named by its dotted path under ``BACKEND`` in its options.
    """
    options = conf.settings().scm.get(name)
    if options is None:
        raise Misconfigured(f"SCM has no provider {name!r}.")
    path = options.get("BACKEND", SHIPPED.get(name))
    if path is None:
        raise Misconfigured(f"SCM[{name!r}] needs BACKEND, the dotted path of a provider.")
    try:
        provider: ScmProvider = import_string(path)()
    except ImportError as exc:
        raise Misconfigured(f"SCM[{name!r}]: {path!r} cannot be imported: {exc}") from exc
    return provider
