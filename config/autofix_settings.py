"""AUTOFIX, read from environment variables. A variable that is not set leaves autofix's own default in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from environ import Env

from config.secret_key import fernet_key

Cast = Callable[[str], Any]


def words(value: str) -> list[str]:
    """Comma-separated words, without blanks and empty ones."""
    return [word.strip() for word in value.split(",") if word.strip()]


def truth(value: str) -> bool:
    """Whether the word says yes."""
    return value.strip().lower() in Env.BOOLEAN_TRUE_STRINGS


# Where each variable goes: AUTOFIX_<name> -> AUTOFIX[section][key]. Numbers stay strings: autofix.conf validates them and
# reports a wrong one as a system check error instead of a traceback at import.
TOP: Mapping[str, Cast] = {
    "LEASE_S": str,
    "SWEEP_S": str,
    "MAX_ARTIFACT_REPAIRS": str,
    "QUOTA_RUNS_PER_MONTH": str,
    "PROTECTED_PATHS": words,
    "SECRET_KEYS": words,
}
TURN: Mapping[str, Cast] = {"MAX_REQUESTS": str, "MAX_TOKENS": str, "MAX_COST_USD": str, "TIMEOUT_S": str}
VERIFY: Mapping[str, Cast] = {"ENABLED": truth, "TIMEOUT_S": str, "MEMORY_MB": str}
WEBHOOKS: Mapping[str, Cast] = {
    "ALLOW_HTTP": truth,
    "ALLOWED_NETWORKS": words,
    "ALLOWED_PORTS": words,
    "SCHEDULE": words,
    "MAX_ENDPOINTS": str,
    "SITE_URL": str,
    "KEEP_ATTEMPTS_DAYS": str,
}


def section(env: Env, prefix: str, casts: Mapping[str, Cast]) -> dict[str, Any]:
    """The variables ``<prefix><key>`` that are set and not empty."""
    given = {key: env.str(f"{prefix}{key}", default="") for key in casts}
    return {key: casts[key](value) for key, value in given.items() if value}


# Options of the explorers: the local one's agent, the remote one's service.
OPTIONS: Mapping[str, str] = {
    "AUTOFIX_AGENT": "AGENT",
    "AUTOFIX_SCRIPT": "SCRIPT",
    "AUTOFIX_LLM_MODEL": "LLM_MODEL",
    "AUTOFIX_LLM_BASE_URL": "LLM_BASE_URL",
    "AUTOFIX_LLM_API_KEY": "LLM_API_KEY",
    "AUTOFIX_LLM_PRICES": "LLM_PRICES",
    "AUTOFIX_LLM_CONTEXT_TOKENS": "LLM_CONTEXT_TOKENS",
    "AUTOFIX_EXPLORER_URL": "URL",
    "AUTOFIX_EXPLORER_SECRET": "SECRET",
}


def explorer(env: Env) -> dict[str, Any]:
    """Remote when AUTOFIX_EXPLORER_URL names a service, else local; the agent is ``llm`` when a model is named."""
    given = {option: env.str(variable, default="") for variable, option in OPTIONS.items()}
    options = {option: value for option, value in given.items() if value}
    if "LLM_MODEL" in options:
        options.setdefault("AGENT", "llm")
    backend = "remote.RemoteExplorer" if "URL" in options else "local.LocalExplorer"
    return {"BACKEND": f"autofix.explorer.{backend}", "OPTIONS": options}


def from_environment(env: Env, data_dir: Path, secret_key: str) -> dict[str, Any]:
    """AUTOFIX for ``config.settings``."""
    roots = words(env.str("AUTOFIX_SCM_LOCAL_ROOTS", default="")) or [str(data_dir / "repositories")]
    return {
        "HOST": "tracker.host.TrackerHost",
        "AUTHENTICATION_CLASSES": [
            "tracker.authentication.TokenAuthentication",
            "rest_framework.authentication.SessionAuthentication",
        ],
        "DATA_DIR": data_dir,
        "EXPLORER": explorer(env),
        "TURN": section(env, "AUTOFIX_TURN_", TURN),
        "VERIFY": section(env, "AUTOFIX_VERIFY_", VERIFY),
        "WEBHOOKS": section(env, "AUTOFIX_WEBHOOKS_", WEBHOOKS),
        "SCM": {"local": {"ROOTS": roots}},
        "SECRET_KEYS": [fernet_key(secret_key)],
        **section(env, "AUTOFIX_", TOP),
    }
