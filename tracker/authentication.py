"""Bearer tokens: ``Authorization: Bearer <token>``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from tracker.models import ApiToken, token_digest

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from rest_framework.request import Request


class TokenAuthentication(BaseAuthentication):
    """The token's user in ``request.user``, the :class:`~tracker.models.ApiToken` itself in ``request.auth``."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken] | None:
        """None without a bearer header; AuthenticationFailed for a token that is unknown or whose user is inactive."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        try:
            _, sent = words
        except ValueError:
            raise AuthenticationFailed("Send the header as: Authorization: Bearer <token>.") from None
        digest = token_digest(sent.decode("latin-1"))
        token = ApiToken.objects.select_related("user", "organization").filter(digest=digest).first()
        if token is None or not token.user.is_active:
            raise AuthenticationFailed("This token is not valid.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What 401 answers carry in WWW-Authenticate."""
        return 'Bearer realm="api"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself with drf-spectacular
    """How the API's schema describes these tokens."""

    target_class = TokenAuthentication
    name = "trackerToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """HTTP bearer authentication."""
        return {"type": "http", "scheme": "bearer"}
