"""Typed settings: the only reader of ``django.conf.settings.AUTOFIX``. Read live, so that test overrides work."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from django.conf import settings as django_settings
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from autofix.exceptions import Misconfigured

PositiveInt = Annotated[int, Field(gt=0)]
HOUR_S = 3_600
MINUTE_S = 60


class Section(BaseModel):
    """A group of settings; keys are the upper-case words of the documentation, an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=str.upper, populate_by_name=True)


Price = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
"""US dollars for a million tokens in, and for a million out."""


def written_prices(given: Any) -> Any:
    """``model=in/out, model=in/out`` as a dict; whatever is no text is left to the validation."""
    if not isinstance(given, str):
        return given
    pairs = (entry.strip().rpartition("=") for entry in given.split(",") if entry.strip())
    return {model.strip(): tuple(price.split("/")) for model, _, price in pairs}


class ExplorerOptions(Section):
    """Options of the shipped explorers: AGENT, SCRIPT and LLM_… of the local one, URL and SECRET of a remote one.

    LLM_MODEL: one model, or several with commas between them, the first that answers is taken.
    """

    agent: Literal["offline", "llm", "scripted"] = "offline"
    script: Path | None = None
    llm_model: str = ""
    llm_base_url: str = ""
    llm_api_key: str = Field(default="", repr=False)
    llm_prices: Annotated[dict[str, Price], BeforeValidator(written_prices)] = {}
    llm_context_tokens: Annotated[int, Field(ge=4_000)] = 128_000
    url: str = ""
    secret: str = Field(default="", repr=False)


class ExplorerSettings(Section):
    """Which explorer investigates, by dotted path."""

    backend: str = "autofix.explorer.local.LocalExplorer"
    options: ExplorerOptions = ExplorerOptions()


class TurnSettings(Section):
    """Limits of one turn."""

    max_requests: PositiveInt = 64
    max_tokens: PositiveInt = 400_000
    max_cost_usd: Annotated[float, Field(gt=0)] | None = None
    timeout_s: PositiveInt = 900


class VerifySettings(Section):
    """Whether the repository's own linter and tests run on a change, in a sandbox, and within which limits."""

    enabled: bool = False
    timeout_s: PositiveInt = 300
    memory_mb: PositiveInt = 2_048


SCHEDULE_S = (
    *(0, 5, 5 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S),
    *(5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S),
)


class WebhookSettings(Section):
    """Where webhooks may go, when they are tried, and what is kept of it. SCHEDULE: waits in seconds before each attempt."""

    allow_http: bool = False
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    allowed_ports: tuple[Annotated[int, Field(gt=0, lt=65_536)], ...] = (443, 80, 8443, 8080)
    schedule: tuple[Annotated[float, Field(ge=0)], ...] = Field(default=SCHEDULE_S, min_length=1)
    max_endpoints: PositiveInt = 50
    site_url: Annotated[str, Field(pattern=r"^(https?://[^/\s]+/?)?$")] = ""
    keep_attempts_days: PositiveInt = 30


class Settings(Section):
    """All of ``AUTOFIX``."""

    host: str
    explorer: ExplorerSettings = ExplorerSettings()
    authentication_classes: tuple[str, ...] = ("rest_framework.authentication.SessionAuthentication",)
    scm: dict[str, dict[str, Any]] = {"local": {}}
    max_artifact_repairs: Annotated[int, Field(ge=0)] = 2
    turn: TurnSettings = TurnSettings()
    verify: VerifySettings = VerifySettings()
    tools: dict[str, str] = {}
    lease_s: PositiveInt = 60
    sweep_s: PositiveInt = 10
    webhooks: WebhookSettings = WebhookSettings()
    secret_keys: tuple[str, ...] = Field(default=(), repr=False)
    quota_runs_per_month: Annotated[int, Field(ge=0)] | None = None
    protected_paths: tuple[str, ...] = (
        ".github/workflows/**",
        ".gitlab-ci.yml",
        "**/.git/**",
        ".env",
        "**/.env",
    )
    data_dir: Path = Path("var")


def settings() -> Settings:
    """The settings as they are now; Misconfigured (with every problem) when they do not validate."""
    return _parse(getattr(django_settings, "AUTOFIX", None))


def problems() -> list[tuple[str, str]]:
    """What is wrong with the settings: pairs of a key's path (``TURN.TIMEOUT_S``) and a sentence. Secrets are never quoted."""
    given = getattr(django_settings, "AUTOFIX", None)
    if not isinstance(given, Mapping):
        return [("AUTOFIX", "must be a dict with at least HOST")]
    try:
        Settings.model_validate(given)
    except ValidationError as exc:
        return [(_place(e["loc"]), e["msg"]) for e in exc.errors(include_input=False)]
    return []


def _place(loc: tuple[int | str, ...]) -> str:
    """A key's path as people write it, without the parts that pydantic adds for the branches of a union."""
    return ".".join(str(part) for part in loc if "[" not in str(part))


_parsed: list[tuple[object, Settings]] = []


def _parse(given: object) -> Settings:
    # One remembered result: override_settings swaps the dict, so identity is the key.
    if _parsed and _parsed[0][0] is given:
        return _parsed[0][1]
    if not isinstance(given, Mapping):
        raise Misconfigured("AUTOFIX must be a dict with at least HOST")
    try:
        parsed = Settings.model_validate(given)
    except ValidationError as exc:
        found = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors(include_input=False)
        )
        raise Misconfigured(f"AUTOFIX is wrong: {found}") from exc
    _parsed[:] = [(given, parsed)]
    return parsed
