"""What may be done, and which role may do it."""

from __future__ import annotations

from typing import Final

from django.db import models


class Role(models.TextChoices):
    """What a member is in an organization."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


_MEMBER: Final = frozenset({"org:read", "project:read", "issue:read", "issue:write"})
_ADMIN: Final = _MEMBER | {"org:write", "project:write", "project:admin", "issue:admin"}
_OWNER: Final = _ADMIN | {"org:admin"}

SCOPES_OF_ROLE: Final[dict[str, frozenset[str]]] = {
    Role.MEMBER: _MEMBER,
    Role.ADMIN: _ADMIN,
    Role.OWNER: _OWNER,
}
ALL_SCOPES: Final[tuple[str, ...]] = tuple(sorted(_OWNER))
