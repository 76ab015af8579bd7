"""``manage.py bootstrap``: everything that is needed to begin, and nothing twice."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from autofix.models import ProjectPreference, Repository
from tests.integration.tenants import crash
from tracker.models import ApiToken, Issue, Membership, Organization, Project, ProjectKey
from tracker.scopes import ALL_SCOPES

pytestmark = pytest.mark.django_db


def run(*options: str, organization: str = "acme", project: str = "shop") -> dict[str, Any]:
    """What the command prints."""
    out = io.StringIO()
    call_command(
        "bootstrap",
        "--organization",
        organization,
        "--project",
        project,
        "--json",
        *options,
        stdout=out,
        stderr=io.StringIO(),
    )
    printed: dict[str, Any] = json.loads(out.getvalue())
    return printed


def rows() -> list[list[Any]]:
    """Every row that the command may write."""
    models: tuple[Any, ...] = (
        Organization,
        User,
        Membership,
        Project,
        ProjectKey,
        ApiToken,
        Repository,
        ProjectPreference,
    )
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_what_it_prints_works() -> None:
    """The DSN takes events, the token reads them with every scope, and the password opens the pages."""
    access = run("--base-url", "https://tracker.example.com/base/")
    assert list(access) == ["organization", "project_id", "project", "dsn", "token", "username", "password"]
    key = ProjectKey.objects.get().public_key
    assert access["dsn"] == f"https://{key}@tracker.example.com/base/{access['project_id']}"
    client = Client()
    sent = client.post(
        f"/api/{access['project_id']}/store/?sentry_key={key}", json.dumps(crash()), "application/json"
    )
    assert sent.status_code == 200
    read = client.get(
        "/api/0/organizations/acme/issues/", headers={"Authorization": f"Bearer {access['token']}"}
    )
    assert [issue["shortId"] for issue in read.json()] == ["SHOP-1"]
    assert ApiToken.objects.get().scopes == list(ALL_SCOPES)
    assert client.login(username=access["username"], password=access["password"])


def test_a_second_call_prints_the_same_and_changes_nothing(tmp_path: Path) -> None:
    """Secrets included, though only their hashes are stored."""
    options = ("--repository", str(tmp_path / "acme" / "shop.git"), "--stopping-point", "open_pr")
    first, before = run(*options), rows()
    assert run(*options) == first
    assert rows() == before
    stored = str(before)
    assert first["token"] not in stored
    assert first["password"] not in stored


def test_organizations_share_nothing() -> None:
    """A second organization has its own user, password and token, and sees nothing of the first."""
    acme, other = run(), run(organization="other")
    assert {acme[key] for key in ("dsn", "token", "username", "password")}.isdisjoint(other.values())
    answer = Client().get(
        "/api/0/organizations/acme/issues/", headers={"Authorization": f"Bearer {other['token']}"}
    )
    assert answer.status_code == 404


def test_a_second_project_keeps_the_first() -> None:
    """The same organization and token, another DSN."""
    shop, till = run(), run(project="till")
    assert (till["token"], till["username"]) == (shop["token"], shop["username"])
    assert till["dsn"] != shop["dsn"]


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "{path}.git", "{path}/"])
def test_a_repository_on_this_machine(tmp_path: Path, form: str) -> None:
    """A path or a file:// address; its last two parts are the name; the provider is ``local``."""
    path = tmp_path / "acme" / "shop"
    access = run("--repository", form.format(path=path))
    repository = Repository.objects.get()
    assert (repository.name, repository.provider) == ("acme/shop", "local")
    assert repository.url in {str(path), f"{path}.git"}
    assert repository.project_id == str(access["project_id"])
    assert not ProjectPreference.objects.exists()


def test_a_repository_at_a_provider() -> None:
    """An https address keeps its form."""
    run("--repository", "https://github.com/acme/shop.git")
    repository = Repository.objects.get()
    assert (repository.name, repository.provider) == ("acme/shop", "github")


def test_a_stopping_point_switches_automation_on() -> None:
    """``always``, as far as the point; without the option nothing starts by itself."""
    run()
    assert not ProjectPreference.objects.exists()
    run("--stopping-point", "solution")
    preference = ProjectPreference.objects.get()
    assert (preference.tuning, preference.stopping_point) == ("always", "solution")
    assert preference.project_id == str(Project.objects.get().pk)


def test_a_password_that_somebody_changed_stays() -> None:
    """It cannot be told, and it is not put back."""
    run()
    user = User.objects.get()
    user.set_password("mine")
    user.save()
    assert run()["password"] is None
    assert User.objects.get().check_password("mine")


@pytest.mark.parametrize(
    ("options", "slugs"),
    [
        ((), {"organization": "12"}), ((), {"organization": "A b"}), ((), {"project": "../x"}), ((), {"project": ""}),
        (("--repository", "ssh://example.com/acme/shop"), {}), (("--repository", "http://github.com/acme/shop"), {}),
        (("--repository", "/"), {}), (("--stopping-point", "moon"), {}),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_whole(options: tuple[str, ...], slugs: dict[str, str]) -> None:
    """A sentence instead of a traceback, and no row stays."""
    with pytest.raises(CommandError):
        run(*options, **slugs)
    assert not any(rows())
    assert not Issue.objects.exists()


def test_without_json_it_prints_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """For people: one line each."""
    call_command("bootstrap", "--organization", "acme", "--project", "shop")
    assert "organization: acme\n" in capsys.readouterr().out
