"""AUTOFIX from environment variables."""

from __future__ import annotations

from pathlib import Path

import pytest
from environ import Env

from autofix.conf import Settings
from config.autofix_settings import from_environment


def settings_for(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """What autofix reads when exactly these variables are set."""
    for name in [name for name in Env.ENVIRON if name.startswith("AUTOFIX_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.model_validate(from_environment(Env(), Path("var"), "a secret key"))


def test_an_empty_environment_gives_the_offline_agent_and_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing set: local explorer, offline agent, autofix's own limits, HTTPS only."""
    settings = settings_for(monkeypatch)
    assert settings.explorer.backend == "autofix.explorer.local.LocalExplorer"
    assert settings.explorer.options.agent == "offline"
    assert settings.turn == Settings(host="x").turn
    assert settings.webhooks == Settings(host="x").webhooks
    assert len(settings.secret_keys) == 1


def test_a_model_chooses_the_llm_agent_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """AUTOFIX_LLM_MODEL alone means the llm agent; AUTOFIX_AGENT has the last word."""
    model = {"AUTOFIX_LLM_MODEL": "openai:some-model"}
    assert settings_for(monkeypatch, **model).explorer.options.agent == "llm"
    assert settings_for(monkeypatch, **model, AUTOFIX_AGENT="offline").explorer.options.agent == "offline"


def test_an_explorer_url_chooses_the_remote_explorer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL and the secret reach the remote explorer's options."""
    settings = settings_for(
        monkeypatch, AUTOFIX_EXPLORER_URL="https://explorer.example", AUTOFIX_EXPLORER_SECRET="shared"
    )
    assert settings.explorer.backend == "autofix.explorer.remote.RemoteExplorer"
    assert settings.explorer.options.url == "https://explorer.example"
    assert settings.explorer.options.secret == "shared"


def test_limits_webhooks_and_roots_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, words and truths arrive with their types."""
    settings = settings_for(
        monkeypatch,
        AUTOFIX_LEASE_S="5",
        AUTOFIX_SWEEP_S="1",
        AUTOFIX_TURN_TIMEOUT_S="30",
        AUTOFIX_QUOTA_RUNS_PER_MONTH="0",
        AUTOFIX_SECRET_KEYS="new, old",
        AUTOFIX_WEBHOOKS_ALLOW_HTTP="true",
        AUTOFIX_WEBHOOKS_ALLOWED_NETWORKS="127.0.0.0/8, ::1/128",
        AUTOFIX_WEBHOOKS_ALLOWED_PORTS="443,9000",
        AUTOFIX_WEBHOOKS_SCHEDULE="0,0.5,1",
        AUTOFIX_SCM_LOCAL_ROOTS="/srv/git, /srv/more",
    )
    assert (settings.lease_s, settings.sweep_s, settings.turn.timeout_s) == (5, 1, 30)
    assert settings.quota_runs_per_month == 0
    assert settings.secret_keys == ("new", "old")
    assert settings.webhooks.allow_http is True
    assert [str(network) for network in settings.webhooks.allowed_networks] == ["127.0.0.0/8", "::1/128"]
    assert settings.webhooks.allowed_ports == (443, 9000)
    assert list(settings.webhooks.schedule) == [0, 0.5, 1]
    assert settings.scm["local"]["ROOTS"] == ["/srv/git", "/srv/more"]


def test_a_wrong_number_is_left_for_the_system_check_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word where a number belongs passes through to autofix, which names the key; importing the settings survives it."""
    with pytest.raises(ValueError, match="LEASE_S"):
        settings_for(monkeypatch, AUTOFIX_LEASE_S="soon")
