"""Callbacks of a remote explorer, signed over the raw body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from autofix import conf
from autofix.api import AutofixView, validated
from autofix.exceptions import NotFound, PermissionRefused
from autofix.explorer import hooks
from autofix.models import ACTIVE_STEP, StepExecution
from autofix.parsing import parse_object, read_bounded
from autofix.serializers import RpcRequest

SCHEME = "Rpcsignature rpc0:"


def signature(body: bytes, secret: str) -> str:
    """The value of the Authorization header for this body."""
    return SCHEME + hmac.digest(secret.encode(), body, hashlib.sha256).hex()


class SignedJSONParser(BaseParser):
    """A JSON object whose signature holds; PermissionRefused before anything of it is read."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = read_bounded(stream)
        secret = conf.settings().explorer.options.secret
        given = (parser_context or {})["request"].META.get("HTTP_AUTHORIZATION", "")
        if not secret or not hmac.compare_digest(signature(body, secret).encode(), given.encode()):
            raise PermissionRefused("The signature does not hold.")
        return parse_object(body)


class RpcEndpoint(AutofixView):
    """One method of ours that a remote explorer may call."""

    permission_classes = ()
    throttle_classes = ()
    parser_classes = (SignedJSONParser,)

    def get_authenticators(self) -> list[BaseAuthentication]:
        """None: the signature says who calls."""
        return []

    @extend_schema(exclude=True)
    def post(self, request: Request, method: str) -> Response:
        """Call the method; names come from our registries, never from an import path."""
        if not request.data:
            raise PermissionRefused("A call is signed over its body.")
        called = METHODS.get(method)
        if called is None:
            raise NotFound
        called(validated(RpcRequest, request.data)["args"])
        return Response({})


def call_on_completion_hook(args: Mapping[str, Any]) -> None:
    """A turn of the session ``run_id`` has ended. A call about none that is active changes nothing."""
    try:
        hook = hooks.get(args["module_path"])
    except KeyError:
        raise NotFound from None
    turns = (
        StepExecution.objects.filter(
            session_id=args["run_id"], run__organization_id=args["organization_id"], status__in=ACTIVE_STEP
        )
        .exclude(turn_id="")
        .values_list("turn_id", flat=True)
    )
    for turn_id in turns:
        hook(args["organization_id"], args["run_id"], turn_id)


METHODS: dict[str, Callable[[Mapping[str, Any]], None]] = {"call_on_completion_hook": call_on_completion_hook}
