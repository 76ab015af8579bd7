"""Tenants of the reference tracker for tests."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tracker.models import ApiToken, Membership, Organization, Project, ProjectKey
from tracker.scopes import ALL_SCOPES, Role

EVENT_ID = "0123456789abcdef0123456789abcdef"
_numbers = itertools.count(1)


@dataclass
class Tenant:
    """An organization with a member, a token and a project that programs report to."""

    organization: Organization
    user: User
    token: str
    project: Project
    key: ProjectKey
    client: Client = field(default_factory=Client)

    def bearer(self, token: str = "") -> dict[str, str]:
        """The header that a program sends."""
        return {"Authorization": f"Bearer {token or self.token}"}

    def get(self, path: str, **query: Any) -> Any:
        """GET below the organization's API with the token."""
        return self.client.get(
            f"/api/0/organizations/{self.organization.slug}/{path}", query, headers=self.bearer()
        )

    def store(self, payload: Any, **headers: str) -> Any:
        """Send one event to ``/store/``; bytes go as they are."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        path = f"/api/{self.project.pk}/store/?sentry_key={self.key.public_key}"
        return self.client.generic("POST", path, body, content_type="application/json", headers=headers)

    def envelope(self, body: bytes, **headers: str) -> Any:
        """Send an envelope with the key in X-Sentry-Auth."""
        auth = f"Sentry sentry_version=7, sentry_client=test/1, sentry_key={self.key.public_key}"
        path = f"/api/{self.project.pk}/envelope/"
        return self.client.generic(
            "POST", path, body, content_type="", headers={"X-Sentry-Auth": auth, **headers}
        )


def make_tenant(slug: str = "acme", project: str = "shop", role: Role = Role.OWNER) -> Tenant:
    """A new tenant; its member's token has every scope."""
    organization = Organization.objects.create(slug=slug, name=slug.title())
    user = User.objects.create_user(f"{slug}-{next(_numbers)}", password="open sesame")
    Membership.objects.create(organization=organization, user=user, role=role)
    row = Project.objects.create(organization=organization, slug=project, name=project.title())
    _, token = ApiToken.issue(organization, user, list(ALL_SCOPES))
    return Tenant(organization, user, token, row, ProjectKey.objects.create(project=row))


def crash(kind: str = "KeyError", function: str = "total", **rest: Any) -> dict[str, Any]:
    """An event with one in-app frame."""
    frame = {
        "module": "shop.cart", "filename": "shop/cart.py", "function": function, "lineno": 2, "in_app": True,
        "pre_context": ["def total(cart):"], "context_line": "    return cart['sum']", "vars": {"cart": "{}"},
    }  # fmt: skip
    exception = {"type": kind, "value": "'sum'", "stacktrace": {"frames": [frame]}}
    return {"platform": "python", "exception": {"values": [exception]}, **rest}


def item(payload: Any, *, kind: str = "event", length: bool = True) -> bytes:
    """An envelope's item."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    header = {"type": kind} | ({"length": len(body)} if length else {})
    return json.dumps(header).encode() + b"\n" + body + b"\n"


def in_thread(tenant: Tenant, **rest: Any) -> Any:
    """Store an event and close this thread's connection."""
    try:
        return tenant.store(crash(**rest))
    finally:
        connection.close()
