"""Who asks: hosts authenticate in their own ways, and every view copes with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from autofix.hosts import Actor, Host, Issue, ProjectRef, get_host
from autofix.hosts.memory import MemoryHost
from autofix.models import Run
from tests.integration.api.conftest import Caller, Join

pytestmark = pytest.mark.django_db


class TokensApart(BaseAuthentication):
    """As Bugsink does it: nobody is logged in, and the identity is in ``request.auth``."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, str] | None:
        name = request.headers.get("X-Name")
        return (AnonymousUser(), name) if name else None

    def authenticate_header(self, request: Request) -> str:
        return "X-Name"


class HostWithWords(MemoryHost):
    """A host whose ids are words and whose callers are names."""

    def actor(self, request: Any) -> Actor:
        return Actor(id=request.auth, display=request.auth, request=request)


@pytest.fixture
def words(settings: Settings) -> HostWithWords:
    """Autofix embedded in :class:`HostWithWords`; framework settings that would break a view that relied on them."""
    settings.AUTOFIX = {
        **settings.AUTOFIX,
        "HOST": f"{__name__}.HostWithWords",
        "AUTHENTICATION_CLASSES": [f"{__name__}.TokensApart"],
    }
    host: Host = get_host()
    assert isinstance(host, HostWithWords)
    host.__init__()  # type: ignore[misc]  # hosts are made once; each test wants an empty one
    return host


def test_identity_in_auth(words: HostWithWords) -> None:
    """With an anonymous user and an identity in ``auth``, everything works, with and without organization in the URL."""
    organization = words.add_organization("acme")
    project: ProjectRef = words.add_project(organization, "shop")
    issue = words.add_issue(project, {"exception": {"values": [{"type": "KeyError", "value": "x"}]}})
    words.allow("ann", organization, "issue:read", "issue:write")
    client = Client(headers={"X-Name": "ann"})
    for path in (f"issues/{issue.id}", f"organizations/acme/issues/{issue.short_id}"):
        answer = client.get(f"/api/0/{path}/autofix/")
        assert (answer.status_code, answer.json()) == (200, {"autofix": None})
    answer = client.post(f"/api/0/issues/{issue.id}/autofix/", "{}", content_type="application/json")
    assert answer.status_code == 202, answer.content
    run = Run.objects.get()
    assert (run.organization_id, run.issue_id, run.actor) == (organization, issue.id, "ann")
    assert Client(headers={"X-Name": "eve"}).get(f"/api/0/issues/{issue.id}/autofix/").status_code == 404
    nobody = Client().get(f"/api/0/issues/{issue.id}/autofix/")
    assert (nobody.status_code, nobody.headers["WWW-Authenticate"]) == (401, "X-Name")


def test_sessions_need_a_csrf_token(api: Caller, issue: Issue) -> None:
    """A browser's session reads freely; it writes only with the CSRF token, else 403, and nothing starts."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(get_user_model().objects.get(username="ann"))
    url = f"/api/0/{api.base}"
    assert browser.get(url).status_code == 200
    refused = browser.post(url, "{}", content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert not Run.objects.exists()
    browser.cookies["csrftoken"] = "x" * 32
    headers = {"X-CSRFToken": "x" * 32}
    assert browser.post(url, "{}", content_type="application/json", headers=headers).status_code == 202


def test_a_token_of_another_organization(api: Caller, join: Join) -> None:
    """A member's token of one organization opens nothing in another one that the same user belongs to."""
    elsewhere = join("ann", organization="other")
    answer = elsewhere.get()
    assert (answer.status, json.loads(answer.content)["code"]) == (404, "not_found")
