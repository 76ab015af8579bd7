"""System checks: a wrong setting is reported at start, with an id and a hint, never as a traceback at first use.

Values that may be secret are never quoted. ``E``: autofix cannot do its work; ``W``: it can, but not well.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning, register, run_checks  # noqa: A004  # Django's name for it
from django.db import connection
from django.utils.module_loading import import_string

from autofix import conf
from autofix.conf import Settings
from autofix.exceptions import Misconfigured
from autofix.explorer.agents import registry
from autofix.explorer.agents.llm import providers
from autofix.explorer.agents.llm.names import model_names
from autofix.explorer.client import ExplorerClient
from autofix.explorer.tools import catalogue
from autofix.hosts import Host
from autofix.scm.base import ScmProvider
from autofix.scm.registry import SHIPPED

logger = logging.getLogger(__name__)

LOCAL_EXPLORER = "autofix.explorer.local.LocalExplorer"
REMOTE_EXPLORER = "autofix.explorer.remote.RemoteExplorer"
NEW_KEY = (
    "Make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)

OPTIONAL: dict[str, str] = {
    "similar_issues": "supports_similar_issues",
    "repositories": "supports_repositories",
    "suspect_commits": "supports_suspect_commits",
    "add_activity": "supports_activity",
    "representative_event": "supports_representative_event",
}
"""Methods of a host that are only called, and only needed, where its flag is True."""


@register("autofix")
def check_autofix(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    """Everything that is wrong with ``AUTOFIX``; values are looked at only once the settings as such are valid."""
    problems = conf.problems()
    if problems:
        return [_invalid(path, sentence) for path, sentence in problems]
    settings = conf.settings()
    return [
        *_check_host(settings),
        *_check_authentication(settings),
        *_check_secret_keys(settings),
        *_check_scm(settings),
        *_check_explorer(settings),
        *_check_tools(settings.tools),
        *_check_prices(settings),
        *_check_times(settings),
        *_check_data_dir(settings.data_dir),
        *_check_database(),
    ]


@register("autofix", deploy=True)
def check_models(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    """With ``check --deploy``: do the providers take the keys, and know the models? They are asked, so no start waits for it."""
    if conf.problems():
        return []
    settings = conf.settings()
    options = settings.explorer.options
    if settings.explorer.backend != LOCAL_EXPLORER or options.agent != "llm" or [*_check_agent(options)]:
        return []
    hint = "Look at AUTOFIX_LLM_API_KEY and AUTOFIX_LLM_MODEL, or at the options of those names."
    said = providers.objections(options)
    return [Error(f"AUTOFIX: {sentence}", hint=hint, id="autofix.E019") for sentence in said]


def require_valid_settings() -> None:
    """End this process with what is wrong, when anything is.

    For servers and workers: ``manage.py`` runs the checks by itself, an ASGI server does not, and a Celery worker runs
    them but looks at no answer. Warnings are logged.
    """
    found = run_checks(tags=["autofix"])
    for message in found:
        logger.log(message.level, "%s", message)
    wrong = [str(message) for message in found if message.is_serious()]
    if wrong:
        raise SystemExit("\n".join(["autofix cannot start:", *wrong]))


def _invalid(path: str, sentence: str) -> CheckMessage:
    name = "AUTOFIX" if path == "AUTOFIX" else f"AUTOFIX: {path}"
    return Error(f"{name}: {sentence}", hint="See the configuration table in the README.", id="autofix.E001")


def _check_host(settings: Settings) -> Iterator[CheckMessage]:
    made, problem = _make(settings.host)
    if problem:
        hint = "HOST is the dotted path of a class that implements autofix.hosts.Host."
        yield Error(f"AUTOFIX: HOST {problem}", hint=hint, id="autofix.E002")
        return
    missing = [name for name in _members(Host) if not hasattr(made, name)]
    needed = [name for name in missing if name not in OPTIONAL or getattr(made, OPTIONAL[name], False)]
    if needed:
        yield Error(
            f"AUTOFIX: HOST {settings.host!r} lacks {', '.join(needed)}.",
            hint="Implement what autofix.hosts.Host asks for, or set the supports_… flag of an optional method to False.",
            id="autofix.E003",
        )


def _check_authentication(settings: Settings) -> Iterator[CheckMessage]:
    if not settings.authentication_classes:
        hint = "Name at least one; nobody could call the API otherwise."
        yield Error("AUTOFIX: AUTHENTICATION_CLASSES is empty.", hint=hint, id="autofix.E004")
    for path in settings.authentication_classes:
        made, problem = _make(path)
        if not problem and not hasattr(made, "authenticate"):
            problem = f"{path!r} has no method authenticate."
        if problem:
            hint = "Each entry is the dotted path of a Django REST framework authentication class."
            yield Error(f"AUTOFIX: AUTHENTICATION_CLASSES {problem}", hint=hint, id="autofix.E004")


def _check_secret_keys(settings: Settings) -> Iterator[CheckMessage]:
    if not settings.secret_keys:
        yield Error(
            "AUTOFIX: SECRET_KEYS is empty; the secrets of webhook endpoints cannot be stored.",
            hint=NEW_KEY,
            id="autofix.E005",
        )
    for number, key in enumerate(settings.secret_keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            yield Error(
                f"AUTOFIX: SECRET_KEYS entry {number} is not a Fernet key.", hint=NEW_KEY, id="autofix.E006"
            )


def _check_scm(settings: Settings) -> Iterator[CheckMessage]:
    for name, options in settings.scm.items():
        path = options.get("BACKEND", SHIPPED.get(name))
        if not isinstance(path, str):
            hint = f"Shipped are {', '.join(SHIPPED)}; one of your own is named by its dotted path under BACKEND."
            yield Error(f"AUTOFIX: SCM {name!r} is no known provider.", hint=hint, id="autofix.E007")
            continue
        made, problem = _make(path)
        missing = [] if problem else [member for member in _members(ScmProvider) if not hasattr(made, member)]
        if problem or missing:
            problem = problem or f"{path!r} lacks {', '.join(missing)}."
            hint = "BACKEND is the dotted path of a class that implements autofix.scm.base.ScmProvider."
            yield Error(f"AUTOFIX: SCM[{name!r}] {problem}", hint=hint, id="autofix.E007")


def _check_explorer(settings: Settings) -> Iterator[CheckMessage]:
    backend = settings.explorer.backend
    made, problem = _make(backend)
    # Looked up on the class: a property of an explorer may need what is not there yet.
    missing = [] if problem else [name for name in _members(ExplorerClient) if not hasattr(type(made), name)]
    if problem or missing:
        problem = problem or f"{backend!r} lacks {', '.join(missing)}."
        hint = "BACKEND is the dotted path of a class that implements autofix.explorer.client.ExplorerClient."
        yield Error(f"AUTOFIX: EXPLORER.BACKEND {problem}", hint=hint, id="autofix.E008")
    if backend == LOCAL_EXPLORER:
        if not apps.is_installed("autofix.explorer"):
            hint = "Add 'autofix.explorer' to INSTALLED_APPS."
            yield Error("The local explorer has no tables.", hint=hint, id="autofix.E009")
        yield from _check_agent(settings.explorer.options)
    if backend == REMOTE_EXPLORER and not (
        settings.explorer.options.url and settings.explorer.options.secret
    ):
        hint = "Without an address there is nobody to ask; without a secret nothing is sent."
        yield Error("AUTOFIX: EXPLORER.OPTIONS needs URL and SECRET.", hint=hint, id="autofix.E012")


def _check_agent(options: conf.ExplorerOptions) -> Iterator[CheckMessage]:
    script_problem = _script_problem(options.script) if options.agent == "scripted" else ""
    if script_problem:
        hint = "SCRIPT names a JSON file with the turns that the scripted agent plays."
        yield Error(f"AUTOFIX: AGENT 'scripted': {script_problem}", hint=hint, id="autofix.E011")
    elif options.agent == "llm" and find_spec("pydantic_ai") is None:
        hint = "pip install 'django-autofix[llm]'"
        yield Error("AUTOFIX: AGENT 'llm' needs the extra 'llm'.", hint=hint, id="autofix.E010")
    elif problem := registry.problem(options.agent) or _model_problem(options):
        hint = f"Put it right, or choose another of {', '.join(registry.AGENTS)}."
        yield Error(f"AUTOFIX: AGENT {options.agent!r}: {problem}", hint=hint, id="autofix.E010")


def _model_problem(options: conf.ExplorerOptions) -> str:
    """Whether the models can be had: an unknown provider, a missing key. An endpoint of one's own may have any model."""
    if options.agent != "llm" or options.llm_base_url:
        return ""
    # Loaded for this alone: web servers that serve no model need none of the library.
    found: str = import_module("autofix.explorer.agents.llm.library").problem(options)
    return found


def _check_tools(tools: dict[str, str]) -> Iterator[CheckMessage]:
    hint = "TOOLS maps a tool's name to the dotted path of an autofix.explorer.tools.custom.HostTool."
    for name in tools:
        try:
            catalogue.host_tool(name)
        except Misconfigured as exc:
            yield Error(f"AUTOFIX: {exc.detail}", hint=hint, id="autofix.E017")


def _check_prices(settings: Settings) -> Iterator[CheckMessage]:
    options = settings.explorer.options
    if options.agent != "llm" or settings.turn.max_cost_usd is None or not options.llm_base_url:
        return
    known = set(options.llm_prices)
    unpriced = [n for n in model_names(options.llm_model) if not known & {n, n.partition(":")[2]}]
    if unpriced:
        hint = "Name its price in EXPLORER.OPTIONS.LLM_PRICES: an endpoint of one's own reports none."
        yield Error(
            f"AUTOFIX: TURN.MAX_COST_USD cannot hold for {', '.join(unpriced)}.", hint=hint, id="autofix.E018"
        )


def _script_problem(script: Path | None) -> str:
    if script is None:
        return "SCRIPT is not set."
    try:
        content = json.loads(script.read_text(encoding="utf-8"))
    except OSError as exc:
        return f"SCRIPT cannot be read ({exc.strerror})."
    except (ValueError, RecursionError):
        return "SCRIPT is not JSON."
    return "" if isinstance(content, dict) else "SCRIPT is not a JSON object."


def _check_times(settings: Settings) -> Iterator[CheckMessage]:
    if settings.lease_s >= settings.turn.timeout_s:
        hint = (
            "A lease is renewed while a turn runs; one as long as the turn would never be taken over in time."
        )
        yield Error("AUTOFIX: LEASE_S must be below TURN.TIMEOUT_S.", hint=hint, id="autofix.E013")
    if settings.sweep_s > settings.lease_s:
        hint = "What a dead worker left behind waits for the lease to end and for the next sweep."
        yield Warning("AUTOFIX: SWEEP_S is above LEASE_S.", hint=hint, id="autofix.W014")


def _check_data_dir(data_dir: Path) -> Iterator[CheckMessage]:
    existing = next((place for place in (data_dir, *data_dir.absolute().parents) if _exists(place)), None)
    if existing is None or not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        hint = "Mirrors and worktrees of repositories are kept there."
        yield Warning("AUTOFIX: DATA_DIR cannot be written to.", hint=hint, id="autofix.W015")


def _exists(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:
        return True  # it is there and closed to us: the answer is that it cannot be written to


def _check_database() -> Iterator[CheckMessage]:
    mode = connection.settings_dict.get("OPTIONS", {}).get("transaction_mode") or ""
    if connection.vendor == "sqlite" and mode.upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        yield Warning(
            "SQLite without immediate transactions fails with 'database is locked' as soon as two processes write.",
            hint="Set DATABASES['default']['OPTIONS']['transaction_mode'] = 'IMMEDIATE'.",
            id="autofix.W016",
        )


def _make(path: str) -> tuple[object, str]:
    """An instance of the class at this dotted path, or what is in the way: a path's module is foreign code."""
    try:
        return import_string(path)(), ""
    except ImportError as exc:
        return None, f"{path!r} cannot be imported: {exc}."
    except Exception as exc:  # noqa: BLE001  # foreign code may raise anything; a check reports it
        return None, f"{path!r} cannot be made: {type(exc).__name__}."


def _members(protocol: type) -> list[str]:
    """The public methods, properties and flags of a protocol."""
    names = [name for name in vars(protocol) if not name.startswith("_")]
    return [*names, *(name for name in inspect.get_annotations(protocol) if name not in names)]
