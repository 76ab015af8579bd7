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
WEBHOOKS: Mapping[str, Cast] = {
    "ALLOW_HTTP": truth,
    "ALLOWED_NETWORKS": words,
    "ALLOWED_PORTS": words,
    "SCHEDULE": words,
}


def section(env: Env, prefix: str, casts: Mapping[str, Cast]) -> dict[str, Any]:
    """The variables ``<prefix><key>`` that are set and not empty."""
    given = {key: env.str(f"{prefix}{key}", default="") for key in casts}
    return {key: casts[key](value) for key, value in given.items() if value}


def explorer(env: Env) -> dict[str, Any]:
    """Remote when AUTOFIX_EXPLORER_URL names a service, else local."""
    url = env.str("AUTOFIX_EXPLORER_URL", default="")
    if not url:
        return {"BACKEND": "autofix.explorer.local.LocalExplorer", "OPTIONS": {}}
    secret = env.str("AUTOFIX_EXPLORER_SECRET", default="")
    return {"BACKEND": "autofix.explorer.remote.RemoteExplorer", "OPTIONS": {"URL": url, "SECRET": secret}}


def agent(env: Env) -> dict[str, Any]:
    """AUTOFIX_AGENT, else ``llm`` when a model is named, else ``offline``."""
    model = env.str("AUTOFIX_LLM_MODEL", default="")
    return {
        "NAME": env.str("AUTOFIX_AGENT", default="") or ("llm" if model else "offline"),
        "SCRIPT": env.str("AUTOFIX_SCRIPT", default="") or None,
        "LLM_MODEL": model,
        "LLM_BASE_URL": env.str("AUTOFIX_LLM_BASE_URL", default=""),
        "LLM_API_KEY": env.str("AUTOFIX_LLM_API_KEY", default=""),
    }


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
        "AGENT": agent(env),
        "TURN": section(env, "AUTOFIX_TURN_", TURN),
        "WEBHOOKS": section(env, "AUTOFIX_WEBHOOKS_", WEBHOOKS),
        "SCM": {"local": {"ROOTS": roots}},
        "SECRET_KEYS": [fernet_key(secret_key)],
        **section(env, "AUTOFIX_", TOP),
    }
