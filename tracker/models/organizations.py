"""Organizations, who belongs to them, and the tokens that act for members."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from tracker.scopes import ALL_SCOPES, Role

# Never only digits, so that a slug cannot be taken for an id.
slug_validator = RegexValidator(
    r"^(?=[a-z0-9-]*[a-z])[a-z0-9]+(-[a-z0-9]+)*\Z",
    "Use lower-case letters, digits and single hyphens, with at least one letter.",
)


def token_digest(token: str) -> str:
    """The form in which a token is stored: SHA-256, hex. Tokens are long and random, so no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def validate_scopes(scopes: Any) -> None:
    """Raise ValidationError unless this is a list of known scopes."""
    if not isinstance(scopes, list) or not all(scope in ALL_SCOPES for scope in scopes):
        raise ValidationError(f"Scopes are a list of: {', '.join(ALL_SCOPES)}.")


class Organization(models.Model):
    """A tenant: nothing of it is visible from another one."""

    slug = models.CharField(max_length=50, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=100)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """A user in an organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="tracker_one_membership")
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role} of {self.organization})"


class ApiToken(models.Model):
    """A bearer token of a user, good for one organization and some scopes; only its digest is stored."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="tokens")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, blank=True)
    scopes = models.JSONField(default=list, validators=[validate_scopes])
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.name or 'token'} of {self.user} in {self.organization}"

    @classmethod
    def issue(
        cls, organization: Organization, user: Any, scopes: list[str], *, name: str = ""
    ) -> tuple[ApiToken, str]:
        """A new token: its row, and the token itself, which cannot be read again later."""
        token = secrets.token_hex(32)
        row = cls(organization=organization, user=user, scopes=scopes, name=name, digest=token_digest(token))
        row.full_clean()
        row.save()
        return row, token
