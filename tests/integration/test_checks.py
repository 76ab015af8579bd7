"""Every wrong setting is a system check message with an id and a hint; none is a traceback, none quotes a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.checks import CheckMessage, run_checks
from django.db import connection
from django.test import override_settings

from autofix.automation import connect
from autofix.checks import check_autofix, require_valid_settings

GOOD: dict[str, Any] = {
    "HOST": f"{__name__}.WholeHost",
    "SECRET_KEYS": [Fernet.generate_key().decode()],
}
SECRET = "hunter2-is-not-a-key"


class BareHost:
    """A class that is no host."""


class WholeHost:
    """Has every name that a host must have, and no optional ability."""

    supports_organizations = supports_similar_issues = supports_repositories = supports_suspect_commits = (
        False
    )
    supports_activity = supports_representative_event = False
    actor = is_member = can = resolve_issue = resolve_organization = resolve_project = latest_event = None
    events = tag_distribution = connect_new_issue = None


class BoastingHost(WholeHost):
    """Says that it can find similar issues but cannot."""

    supports_similar_issues = True


class BrokenHost:
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError(SECRET)


def messages(**wrong: Any) -> list[CheckMessage]:
    """What the checks say of good settings with these changes."""
    with override_settings(AUTOFIX={**GOOD, **wrong}):
        return check_autofix()


@pytest.fixture(autouse=True)
def immediate_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the database is set to does not matter here, except to its own test."""
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"transaction_mode": "IMMEDIATE"})


def test_good_settings_pass() -> None:
    """A host and a key are all that must be given."""
    assert messages() == []


def test_the_stand_alone_project_passes() -> None:
    """The project's own settings have nothing wrong with them, asked as the command line asks."""
    assert run_checks(tags=["autofix"]) == []


def explorer(backend: str | None = None, **options: Any) -> dict[str, Any]:
    """EXPLORER with these options."""
    return {"EXPLORER": {**({"BACKEND": backend} if backend else {}), "OPTIONS": options}}


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"HOST": None}, "autofix.E001"),
        ({"NO_SUCH_KEY": 1}, "autofix.E001"),
        ({"LEASE_S": "soon"}, "autofix.E001"),
        ({"TURN": {"TIMEOUT_S": 0}}, "autofix.E001"),
        ({"WEBHOOKS": {"ALLOWED_NETWORKS": ["10.0.0.0/99"]}}, "autofix.E001"),
        ({"WEBHOOKS": {"SCHEDULE": []}}, "autofix.E001"),
        (explorer(AGENT="clever"), "autofix.E001"),
        ({"HOST": "no.such.Host"}, "autofix.E002"),
        ({"HOST": "undotted"}, "autofix.E002"),
        ({"HOST": f"{__name__}.BrokenHost"}, "autofix.E002"),
        ({"HOST": f"{__name__}.BareHost"}, "autofix.E003"),
        ({"HOST": f"{__name__}.BoastingHost"}, "autofix.E003"),
        ({"AUTHENTICATION_CLASSES": []}, "autofix.E004"),
        ({"AUTHENTICATION_CLASSES": ["no.such.Class"]}, "autofix.E004"),
        ({"AUTHENTICATION_CLASSES": [f"{__name__}.BareHost"]}, "autofix.E004"),
        ({"SECRET_KEYS": []}, "autofix.E005"),
        ({"SECRET_KEYS": [SECRET]}, "autofix.E006"),
        ({"SECRET_KEYS": ["schlüssel"]}, "autofix.E006"),
        ({"SCM": {"sourceforge": {}}}, "autofix.E007"),
        ({"SCM": {"own": {"BACKEND": "no.such.Provider"}}}, "autofix.E007"),
        ({"SCM": {"own": {"BACKEND": f"{__name__}.BareHost"}}}, "autofix.E007"),
        (explorer("no.such.Explorer"), "autofix.E008"),
        (explorer(f"{__name__}.BareHost"), "autofix.E008"),
        (explorer(AGENT="llm"), "autofix.E010"),
        (explorer(AGENT="scripted"), "autofix.E011"),
        (explorer(AGENT="scripted", SCRIPT="/no/such/script.json"), "autofix.E011"),
        ({"LEASE_S": 900}, "autofix.E013"),
        ({"SWEEP_S": 61}, "autofix.W014"),
        ({"DATA_DIR": __file__}, "autofix.W015"),
    ],
)
def test_a_wrong_value_is_named(wrong: dict[str, Any], expected: str) -> None:
    """Each wrong value gives messages of its kind alone, with a hint, and shows nothing that may be secret."""
    found = messages(**wrong)
    assert {message.id for message in found} == {expected}
    assert all(message.hint for message in found)
    assert SECRET not in str([(message.msg, message.hint) for message in found])


@pytest.mark.parametrize("given", [None, "tracker.host.TrackerHost", [], {}])
def test_settings_of_the_wrong_shape(given: Any) -> None:
    """A project that forgot AUTOFIX, or made it something else than a dict, reads so in the first line."""
    with override_settings(AUTOFIX=given):
        assert {message.id for message in check_autofix()} == {"autofix.E001"}


def test_several_wrong_values_are_named_at_once() -> None:
    """Nobody has to start the program once per mistake."""
    found = messages(LEASE_S=900, SECRET_KEYS=[SECRET], AUTHENTICATION_CLASSES=["no.such.Class"])
    assert [message.id for message in found] == ["autofix.E004", "autofix.E006", "autofix.E013"]


@pytest.mark.parametrize(
    ("content", "expected"), [("{}", []), ("[]", ["autofix.E011"]), ("not json", ["autofix.E011"])]
)
def test_a_script_must_be_a_json_object(tmp_path: Path, content: str, expected: list[str]) -> None:
    """The scripted agent's file is read at start."""
    script = tmp_path / "script.json"
    script.write_text(content)
    assert [m.id for m in messages(**explorer(AGENT="scripted", SCRIPT=str(script)))] == expected


def test_the_remote_explorer_needs_an_address_and_a_secret() -> None:
    """Without a secret nothing would be sent."""
    found = messages(**explorer("autofix.explorer.remote.RemoteExplorer", URL="https://explorer.example"))
    assert "autofix.E012" in [message.id for message in found]


def test_the_local_explorer_needs_its_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables belong to an app of its own."""
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "autofix.explorer")
    assert [message.id for message in messages()] == ["autofix.E009"]


def test_sqlite_without_immediate_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default mode fails as soon as a second process writes; the check says what to set."""
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    monkeypatch.setattr(connection, "vendor", "sqlite")
    assert [message.id for message in messages()] == ["autofix.W016"]


def test_a_process_with_wrong_settings_does_not_start() -> None:
    """Servers and workers end with every sentence, id and hint, and without a traceback."""
    with (
        override_settings(AUTOFIX={**GOOD, "LEASE_S": 900, "SECRET_KEYS": [SECRET]}),
        pytest.raises(SystemExit) as ended,
    ):
        require_valid_settings()
    assert all(word in str(ended.value) for word in ("autofix.E006", "autofix.E013", "HINT"))
    assert SECRET not in str(ended.value)


def test_a_process_with_a_warning_starts(caplog: pytest.LogCaptureFixture) -> None:
    """A warning is logged and stops nothing."""
    with override_settings(AUTOFIX={**GOOD, "SWEEP_S": 61}):
        require_valid_settings()
    assert "autofix.W014" in caplog.text


@pytest.mark.parametrize("host", ["no.such.Host", f"{__name__}.BrokenHost", None])
def test_the_app_gets_ready_without_a_host(host: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong host must not keep Django from getting as far as the checks that explain it."""
    with override_settings(AUTOFIX={**GOOD, "HOST": host}):
        connect()
    assert "automation is not connected" in caplog.text


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["-m", "uvicorn", "config.asgi:application", "--port", "0"],
        ["-m", "celery", "-A", "config", "worker", "-P", "solo", "-l", "warning"],
    ],
    ids=["command", "server", "worker"],
)
def test_every_kind_of_process_refuses_wrong_settings(command: list[str], tmp_path: Path) -> None:
    """The real programs, started with a wrong environment, end with the message and without a traceback."""
    wrong = {
        "AUTOFIX_LEASE_S": "900",
        "AUTOFIX_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    ended = subprocess.run(  # it ends by itself; the limit is for one that wrongly goes on
        [sys.executable, *command],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **wrong},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "autofix.E013" in ended.stderr
    assert "Traceback" not in ended.stderr
