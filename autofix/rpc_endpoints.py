"""Callbacks of a remote explorer, signed over the raw body."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from autofix import conf
from autofix.api import AutofixView, validated
from autofix.exceptions import NotFound, PermissionRefused
from autofix.explorer import hooks
from autofix.explorer.client import get_client
from autofix.explorer.tools import catalogue
from autofix.explorer.tools.toolbox import Toolbox
from autofix.hosts import get_host
from autofix.models import ACTIVE_STEP, StepExecution
from autofix.parsing import camel_case, parse_object, read_bounded
from autofix.redaction import redact
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
        given: Any = request.data
        known = validated(RpcRequest, given)["args"]
        taken = {*known, *map(camel_case, known)}
        return Response(called(known, {k: v for k, v in given["args"].items() if k not in taken}))


def call_on_completion_hook(args: Mapping[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    """A turn of the session ``run_id`` has ended. A call about none that is active changes nothing."""
    try:
        hook = hooks.get(args["module_path"])
    except KeyError:
        raise NotFound from None
    for step in _active(args).exclude(turn_id="").select_related("run"):
        turn = get_client().turn(step.session_id, step.turn_id)
        run = step.run
        hook(hooks.TurnEnd(run.organization_id, run.project_id, run.issue_id, step.session_id, turn))
    return {}


def call_custom_tool(args: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """What a tool of the host says to these parameters, about the issue that the session ``run_id`` works on.

    Wrong parameters and a tool that breaks are answers, too, as they are in a turn of our own.
    """
    tool = catalogue.host_tool(args["module_path"])
    step = _active(args).select_related("run").first()
    if tool is None or step is None:
        raise NotFound
    issue = get_host().resolve_issue(step.run.issue_id, step.run.organization_id)
    return redact(tool.call(Toolbox(issue, get_host(), {}), json.dumps(parameters)).text)


def _active(args: Mapping[str, Any]) -> QuerySet[StepExecution]:
    """The steps that this session of this organization works on now."""
    return StepExecution.objects.filter(
        session_id=args["run_id"], run__organization_id=args["organization_id"], status__in=ACTIVE_STEP
    )


METHODS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], object]] = {
    "call_on_completion_hook": call_on_completion_hook,
    "call_custom_tool": call_custom_tool,
}
