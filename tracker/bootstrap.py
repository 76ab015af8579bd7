"""An organization with an administrator, a project to report to and, if wanted, its repository and automation.

Tokens are stored as digests and passwords as hashes, so neither can be read back. Both are derived from SECRET_KEY and the
organization: a second call derives the same ones, changes nothing and can still tell them.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from autofix.models import ProjectPreference, Repository
from autofix.models.preferences import Tuning
from autofix.steps import StoppingPoint
from tracker.models import ApiToken, Membership, Organization, Project, ProjectKey, token_digest
from tracker.scopes import ALL_SCOPES, Role

PROVIDERS: Final = {"github.com": "github", "gitlab.com": "gitlab"}


@dataclass(frozen=True)
class Access:
    """What a person and a program need to begin. ``password`` is None when somebody changed it."""

    organization: str
    project_id: int
    project: str
    dsn: str
    token: str
    username: str
    password: str | None

    def as_dict(self) -> dict[str, str | int | None]:
        """For JSON."""
        return asdict(self)


@transaction.atomic
def bootstrap(organization: str, project: str, *, base_url: str) -> Access:
    """Create what is missing; ValidationError for a slug that cannot be one."""
    tenant = _organization(organization)
    row = _project(tenant, project)
    user, password = _administrator(tenant)
    key = row.keys.filter(is_active=True).order_by("pk").first() or ProjectKey.objects.create(project=row)
    return Access(
        organization=tenant.slug,
        project_id=row.pk,
        project=row.slug,
        dsn=key.dsn(base_url),
        token=_token(tenant, user),
        username=user.get_username(),
        password=password if user.check_password(password) else None,
    )


def map_repository(access: Access, address: str) -> Repository:
    """Map a repository (a path, ``file://…`` or an address at a known provider) to the project."""
    provider, url, path = _located(address)
    parts = [part for part in path.removesuffix(".git").split("/") if part]
    if not parts:
        raise ValidationError(f"{address!r} does not name a repository.")
    owner = parts[-2] if len(parts) > 1 else access.organization
    tenant = Organization.objects.get(slug=access.organization)
    repository, _ = Repository.objects.update_or_create(
        organization_id=str(tenant.pk),
        project_id=str(access.project_id),
        name=f"{owner}/{parts[-1]}",
        defaults={"provider": provider, "url": url, "approved": True},
    )
    return repository


def automate(access: Access, stopping_point: StoppingPoint) -> ProjectPreference:
    """Let automation start runs of every new issue by itself, and go as far as the stopping point."""
    tenant = Organization.objects.get(slug=access.organization)
    preference, _ = ProjectPreference.objects.update_or_create(
        organization_id=str(tenant.pk),
        project_id=str(access.project_id),
        defaults={"tuning": Tuning.ALWAYS, "stopping_point": stopping_point.value},
    )
    return preference


def _located(address: str) -> tuple[str, str, str]:
    """Provider, URL and path of a repository's address."""
    split = urlsplit(address)
    if split.scheme in {"", "file"}:
        path = Path(unquote(split.path) if split.scheme else address).resolve()
        return "local", str(path), path.as_posix()
    provider = PROVIDERS.get(split.hostname or "")
    if provider is None or split.scheme != "https":
        raise ValidationError(
            f"{address!r} is neither a path nor an https address at {' or '.join(PROVIDERS)}."
        )
    return provider, address, split.path


def _organization(slug: str) -> Organization:
    if found := Organization.objects.filter(slug=slug).first():
        return found
    tenant = Organization(slug=slug, name=slug)
    tenant.full_clean()
    tenant.save()
    return tenant


def _project(tenant: Organization, slug: str) -> Project:
    if found := tenant.projects.filter(slug=slug).first():
        return found
    row = Project(organization=tenant, slug=slug, name=slug)
    row.full_clean()
    row.save()
    return row


def _administrator(tenant: Organization) -> tuple[User, str]:
    password = _derived("password", tenant)[:32]
    user = User.objects.filter(username=f"{tenant.slug}-admin").first()
    if user is None:
        user = User.objects.create_user(f"{tenant.slug}-admin", password=password)
    Membership.objects.get_or_create(organization=tenant, user=user, defaults={"role": Role.OWNER})
    return user, password


def _token(tenant: Organization, user: User) -> str:
    token = _derived("token", tenant)
    ApiToken.objects.get_or_create(
        digest=token_digest(token),
        defaults={"organization": tenant, "user": user, "name": "bootstrap", "scopes": list(ALL_SCOPES)},
    )
    return token


def _derived(purpose: str, tenant: Organization) -> str:
    words = f"tracker.bootstrap:{purpose}:{tenant.slug}"
    return hmac.digest(settings.SECRET_KEY.encode(), words.encode(), "sha256").hex()
