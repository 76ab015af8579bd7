"""People with tokens who talk to the API, and a count of all rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from autofix.hosts import Issue
from tracker import models as tracker
from tracker.scopes import ALL_SCOPES


@dataclass
class Answer:
    """An answer of the API; ``body`` is its JSON, None when it has none."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None

    @property
    def code(self) -> str:
        return str(self.body["code"])


@dataclass
class Caller:
    """Somebody with a token. Paths are below ``/api/0/``."""

    token: str
    base: str = ""
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def get(self, path: str = "", *, headers: dict[str, str] | None = None, **query: Any) -> Answer:
        return self.ask("GET", path, headers=headers, query=query)

    def post(self, path: str = "", body: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, body={} if body is None else body, headers=headers)

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        given = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = body if isinstance(body, bytes | str) else json.dumps(body) if body is not None else ""
        answer: Any = self.client.generic(
            method,
            f"/api/0/{path if path.startswith(('organizations/', 'projects/', 'issues/', 'internal/')) else self.base + path}",
            data,
            content_type=content_type,
            headers={**given, **(headers or {})},
            query_params=query or {},
        )
        content = b"".join(answer) if answer.streaming else answer.content
        return Answer(answer.status_code, dict(answer.headers), content)


Join = Callable[..., Caller]


@pytest.fixture(autouse=True)
def _no_counted_requests() -> None:
    cache.clear()


@pytest.fixture
def join(issue: Issue) -> Join:
    """``join("ann", role=…, scopes=…, organization=…)`` makes a user with a token; paths start at the issue's autofix URL."""

    def make(
        name: str,
        *,
        role: str = "admin",
        scopes: list[str] | None = None,
        organization: str = "acme",
        member: bool = True,
    ) -> Caller:
        user, _ = get_user_model().objects.get_or_create(username=name)
        row, _ = tracker.Organization.objects.get_or_create(
            slug=organization, defaults={"name": organization}
        )
        if member:
            tracker.Membership.objects.get_or_create(organization=row, user=user, defaults={"role": role})
        _, token = tracker.ApiToken.issue(row, user, list(ALL_SCOPES) if scopes is None else scopes)
        return Caller(token, base=f"organizations/acme/issues/{issue.short_id}/autofix/")

    return make


@pytest.fixture
def api(join: Join) -> Caller:
    """An admin of the issue's organization."""
    return join("ann")


Rows = Callable[[], dict[str, list[dict[str, Any]]]]


@pytest.fixture
def rows(db: None) -> Rows:
    """``rows()`` is everything that autofix has stored, by table."""

    def read() -> dict[str, list[dict[str, Any]]]:
        models = [
            *apps.get_app_config("autofix").get_models(),
            *apps.get_app_config("autofix_explorer").get_models(),
        ]
        return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}

    return read
