"""Who visits the pages, where they are, and how a form is sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.test import Client

from tracker.models import Membership, Organization
from tracker.scopes import Role

PANEL = "/organizations/acme/issues/SHOP-1/"
START = "/autofix/organizations/acme/issues/SHOP-1/start/"


def visitor(role: Role | None = Role.OWNER, *, csrf: bool = False) -> Client:
    """Somebody with this role in acme; None: a member of another organization only."""
    user = User.objects.create_user(f"someone-{User.objects.count()}", password="x")
    slug = "acme" if role else "other"
    organization, _ = Organization.objects.get_or_create(slug=slug, defaults={"name": slug})
    Membership.objects.create(organization=organization, user=user, role=role or Role.OWNER)
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(user)
    return client


def post(client: Client, path: str, **fields: Any) -> Any:
    """Send a form."""
    return client.post(path, urlencode(fields, doseq=True), content_type="application/x-www-form-urlencoded")
