"""Preferences of a project, and whether everything that a run needs is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from autofix.hosts import Issue
from autofix.models import OrganizationSettings, ProjectPreference, QuotaUsage, Repository
from tests.integration.api.conftest import Caller, Join, Rows
from tests.repositories import bare_repository

pytestmark = pytest.mark.django_db
PATH = "projects/acme/shop/autofix/preferences/"
DEFAULTS = {
    "tuning": "off",
    "stopping_point": "code_changes",
    "side_steps": ["impact_assessment", "triage"],
    "repositories": [],
    "handoff": None,
}
SHOP = {"name": "acme/shop", "provider": "forge", "url": "https://forge.example.org/acme/shop.git"}


@pytest.fixture(autouse=True)
def _forge(settings: Settings) -> None:
    """A second provider beside the local one."""
    scm = {**settings.AUTOFIX["SCM"], "forge": {"BACKEND": "autofix.scm.local.LocalProvider"}}
    settings.AUTOFIX = {**settings.AUTOFIX, "SCM": scm}


def test_defaults_are_shown_and_not_stored(api: Caller, rows: Rows) -> None:
    """A project that said nothing has the defaults; reading them stores nothing."""
    before = rows()
    answer = api.get(PATH)
    assert (answer.status, answer.body) == (200, DEFAULTS)
    assert rows() == before


def test_what_is_put_is_kept(api: Caller, issue: Issue) -> None:
    """Everything can be set, in camelCase as well, and what is left out stays as it is."""
    repository = {**SHOP, "branch": "main", "stackRoot": "/srv/app/", "sourceRoot": "src/"}
    wanted = {
        "tuning": "high",
        "stopping_point": "open_pr",
        "side_steps": ["triage", "triage"],
        "repositories": [repository],
        "handoff": {"provider": "claude"},
    }
    kept = {
        **wanted,
        "side_steps": ["triage"],
        "repositories": [{**SHOP, "branch": "main", "stack_root": "/srv/app/", "source_root": "src/"}],
    }
    answer = api.ask("PUT", PATH, body=wanted)
    assert (answer.status, answer.body) == (200, kept)
    assert api.ask("PUT", PATH, body={"tuning": "off", "handoff": None}).body == {
        **kept, "tuning": "off", "handoff": None,
    }  # fmt: skip
    by_id = f"projects/{issue.organization_id}/{issue.project_id}/autofix/preferences/"
    assert api.get(by_id).body == api.get(PATH).body
    assert ProjectPreference.objects.count() == 1


def test_repositories_are_replaced_in_their_order(api: Caller) -> None:
    """The list is the whole truth: names that are gone are deleted, the others keep their rows."""
    other = {**SHOP, "name": "acme/other"}
    api.ask("PUT", PATH, body={"repositories": [SHOP, other]})
    row = Repository.objects.get(name="acme/other")
    third = {**SHOP, "name": "acme/third"}
    answer = api.ask("PUT", PATH, body={"repositories": [third, other]})
    assert [repository["name"] for repository in answer.body["repositories"]] == ["acme/third", "acme/other"]
    assert Repository.objects.get(name="acme/other").pk == row.pk


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"tuning": "extreme"}, "tuning"),
        ({"stopping_point": "triage"}, "stopping_point"),
        ({"side_steps": ["root_cause"]}, "side_steps.0"),
        ({"side_steps": "triage"}, "side_steps"),
        ({"handoff": {}}, "handoff.provider"),
        ({"handoff": "claude"}, "handoff"),
        ({"repositories": {}}, "repositories"),
        ({"repositories": [{}]}, "repositories.0.name"),
        ({"repositories": [{**SHOP, "name": "shop"}]}, "repositories.0.name"),
        ({"repositories": [{**SHOP, "name": "../shop"}]}, "repositories.0.name"),
        ({"repositories": [{**SHOP, "name": "acme/--upload-pack=x"}]}, "repositories.0.name"),
        ({"repositories": [SHOP, SHOP]}, "repositories"),
        ({"repositories": [{**SHOP, "name": f"acme/{n}"} for n in range(51)]}, "repositories"),
        ({"repositories": [{**SHOP, "provider": "elsewhere"}]}, "repositories.0.provider"),
        ({"repositories": [{**SHOP, "branch": "--orphan"}]}, "repositories.0.branch"),
        ({"repositories": [{**SHOP, "branch": "a..b"}]}, "repositories.0.branch"),
        ({"repositories": [{**SHOP, "source_root": "../up"}]}, "repositories.0.source_root"),
        ({"repositories": [{**SHOP, "source_root": "/etc"}]}, "repositories.0.source_root"),
        *(
            ({"repositories": [{**SHOP, "url": url}]}, "repositories.0.url")
            for url in (
                "http://forge.example.org/acme/shop.git",
                "ssh://git@forge.example.org/acme/shop.git",
                "git@forge.example.org:acme/shop.git",
                "ext::sh -c id",
                "file:///etc",
                "/etc",
                "https://",
                "https://user:secret@forge.example.org/acme/shop.git",
                "https://[::1/acme/shop.git",
                "https://forge.example.org/a b",
                "--upload-pack=id",
            )
        ),
        ({"repositories": [{**SHOP, "provider": "local", "url": "shop.git"}]}, "repositories.0.url"),
        (
            {"repositories": [{**SHOP, "provider": "local", "url": "file://elsewhere/shop.git"}]},
            "repositories.0.url",
        ),
    ],
)
def test_bad_preferences(api: Caller, rows: Rows, body: dict[str, Any], named: str) -> None:
    """What cannot be kept is refused, named by its path; nothing is stored and no secret is repeated."""
    before = rows()
    answer = api.ask("PUT", PATH, body=body)
    assert (answer.status, answer.code) == (400, "invalid"), answer.content
    assert named in answer.body["errors"], answer.body
    assert "secret" not in answer.content.decode()
    assert rows() == before


def test_who_may(api: Caller, join: Join, rows: Rows) -> None:
    """Members read, admins write, strangers see nothing."""
    before = rows()
    member, stranger = join("mel", role="member"), join("eve", organization="evil")
    assert member.get(PATH).status == 200
    refused = member.ask("PUT", PATH, body={"tuning": "high"})
    assert (refused.status, refused.code) == (403, "permission_denied")
    hidden, missing = stranger.get(PATH), stranger.get("projects/acme/none/autofix/preferences/")
    assert (hidden.status, hidden.content) == (404, missing.content)
    assert stranger.ask("PUT", PATH, body={"tuning": "high"}).status == 404
    assert rows() == before


def test_setup(api: Caller, issue: Issue) -> None:
    """Set-up says what is on, what is left of the quota, which repositories can be read, and which agent runs."""
    Repository.objects.create(
        organization_id=issue.organization_id,
        project_id=issue.project_id,
        name="acme/shop",
        provider="gone",
        url="x",
    )
    OrganizationSettings.objects.create(
        organization_id=issue.organization_id, coding_enabled=False, quota_runs_per_month=5
    )
    answer = api.get("setup/")
    assert answer.status == 200
    body = answer.body
    assert (body["ai_enabled"], body["coding_enabled"], body["quota"]) == (
        True,
        False,
        {"limit": 5, "used": 0},
    )
    assert body["explorer"] == {"name": "offline", "ok": True, "reason": ""}
    (repository,) = body["repositories"]
    assert (repository["name"], repository["ok"]) == ("acme/shop", False)
    assert "gone" in repository["reason"]
    assert not QuotaUsage.objects.exists()


def test_local_paths_need_the_operators_approval(api: Caller, issue: Issue, tmp_path: Path) -> None:
    """A path that a tenant names is kept but not read; one that the operator approved works, until its address changes."""
    local = {"name": "acme/shop", "provider": "local", "url": bare_repository(tmp_path).url}
    setup = f"organizations/acme/issues/{issue.id}/autofix/setup/"
    assert api.ask("PUT", PATH, body={"repositories": [local]}).status == 200
    (refused,) = api.get(setup).body["repositories"]
    assert not refused["ok"]
    assert "approved" in refused["reason"]
    Repository.objects.update(approved=True)
    api.ask("PUT", PATH, body={"repositories": [{**local, "name": "acme/renamed"}]})
    assert [found["ok"] for found in api.get(setup).body["repositories"]] == [True]
    api.ask("PUT", PATH, body={"repositories": [{**local, "url": str(tmp_path / "work")}]})
    assert [found["ok"] for found in api.get(setup).body["repositories"]] == [False]
