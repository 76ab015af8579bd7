"""What every view of ours is built on: who may ask, what may be sent, and how a refusal reads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.http import HttpRequest
from django.utils.module_loading import import_string
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from autofix import conf
from autofix.exceptions import (
    BodyTooLarge,
    NotFound,
    PermissionRefused,
)
from autofix.hosts import Actor, Host, HostIssueNotFound, Issue, ProjectRef, get_host
from autofix.hosts.base import Permission
from autofix.parsing import MAX_BODY_BYTES, parse_object, read_bounded
from autofix.refusals import answer_for
from autofix.run_views import ErrorView
from autofix.throttles import RequestThrottle

if TYPE_CHECKING:
    from rest_framework.views import AsView, GenericView  # only the stubs have them

logger = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])

SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
}


class IsIdentified(BasePermission):
    """Somebody asks: a user who is logged in or, where hosts keep tokens apart from users, an identity in ``auth``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.auth is not None or bool(getattr(request.user, "is_authenticated", False))


class StrictJSONParser(BaseParser):
    """A JSON object of at most 64 KiB as :mod:`autofix.parsing` reads it."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = read_bounded(stream)
        return parse_object(body) if body else {}


class StreamedRequest(Request):
    """A request whose body is read even when it comes in chunks, without a length."""

    def _load_stream(self) -> None:
        super()._load_stream()  # type: ignore[misc]  # missing in the stubs
        length = str(self._request.META.get("CONTENT_LENGTH") or "")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.")
        stream: Any = self._stream
        if stream is None and not length:
            self._stream = _chunked_body(self._request)


def _chunked_body(request: HttpRequest) -> Any:
    if "chunked" not in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None
    if isinstance(request, WSGIRequest):
        # Django gives an empty stream for a missing length; only a server that ends the input itself may be read.
        return request.environ["wsgi.input"] if request.environ.get("wsgi.input_terminated") else None
    return request


def operation(
    operation_word: str, *, errors: Iterable[int] = (), responses: Mapping[Any, Any], **described: Any
) -> Callable[[F], F]:
    """Describe a view's method in the OpenAPI schema; the refusals that every view knows are added."""
    refusals = dict.fromkeys(sorted({400, 401, 403, 404, 406, 429, *errors}), ErrorView)

    def described_method(method: F) -> F:
        described_as = extend_schema(responses={**responses, **refusals}, **described)
        wrapped: F = described_as(method)
        wrapped.operation_word = operation_word  # type: ignore[attr-defined]  # read by AutofixSchema
        return wrapped

    return described_method


def validated(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """The fields that ``serializer`` makes of ``data``; InvalidRequest names each bad field."""
    bound = serializer(data=data)
    bound.is_valid(raise_exception=True)
    return dict(bound.validated_data)


class AutofixSchema(AutoSchema):
    """Describes our views whatever schema class and authentication classes the host has chosen."""

    def get_operation_id(self) -> str:
        """The word that the method was given; the same method below another URL needs another one."""
        word = (
            getattr(getattr(self.view, self.method.lower()), "operation_word", None)
            or super().get_operation_id()
        )
        return f"{word}_by_issue" if "/0/issues/" in self.path else word

    def get_tags(self) -> list[str]:
        """One group for all of ours."""
        return ["autofix"]

    def get_auth(self) -> list[dict[str, list[str]]]:
        for name, scheme in SECURITY_SCHEMES.items():
            self.registry.register_on_missing(
                ResolvedComponent(  # type: ignore[no-untyped-call]  # the library's
                    name=name, type=ResolvedComponent.SECURITY_SCHEMA, object=name, schema=scheme
                )
            )
        return [{name: []} for name in SECURITY_SCHEMES]


class AutofixView(APIView):
    """Base of all views. It names everything that a host's REST_FRAMEWORK settings could otherwise change."""

    permission_classes: Sequence[type[BasePermission]] = (IsIdentified,)
    parser_classes: Sequence[type[BaseParser]] = (StrictJSONParser,)
    renderer_classes: Sequence[type[BaseRenderer]] = (JSONRenderer,)
    throttle_classes: Sequence[type[BaseThrottle]] = (RequestThrottle,)
    content_negotiation_class = DefaultContentNegotiation
    versioning_class = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    metadata_class = None
    schema = AutofixSchema()

    @classmethod
    def as_view(cls, **initkwargs: Any) -> AsView[GenericView]:
        """Each use case is a transaction of its own: a host's ATOMIC_REQUESTS must not put one around all of them."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    @property
    def host(self) -> Host:
        return get_host()

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [import_string(path)() for path in conf.settings().authentication_classes]

    def get_authenticate_header(self, request: Request) -> str:
        """The first challenge that an authentication class names: a session alone names none, and 401 needs one."""
        named = (authenticator.authenticate_header(request) for authenticator in self.get_authenticators())
        return next((header for header in named if header), "Session")

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        return answer_for

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        return StreamedRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, throttle and read the body: what cannot be read is refused before anything is looked up."""
        super().initial(request, *args, **kwargs)
        if any("\0" in str(part) for part in kwargs.values()):
            raise NotFound
        if request.method in ("POST", "PUT", "PATCH"):
            _ = request.data

    # --- what the URL names, and may the caller do this there -----------------------------------------------------------
    def actor(self) -> Actor:
        """Who asks."""
        return self.host.actor(self.request)

    def issue(self, permission: Permission) -> Issue:
        """The issue in the URL; NotFound, or PermissionRefused for a member without the permission."""
        try:
            issue = self.host.resolve_issue(self.kwargs["issue"], self.kwargs.get("organization"))
        except HostIssueNotFound:
            raise NotFound from None
        self.require(permission, issue.organization_id, issue.project_id)
        return issue

    def organization(self, permission: Permission) -> str:
        """The id of the organization in the URL; raises like :meth:`issue`."""
        try:
            organization_id = self.host.resolve_organization(self.kwargs["organization"])
        except HostIssueNotFound:
            raise NotFound from None
        self.require(permission, organization_id)
        return organization_id

    def project(self, permission: Permission) -> ProjectRef:
        """The project in the URL; raises like :meth:`issue`."""
        try:
            project = self.host.resolve_project(self.kwargs["organization"], self.kwargs["project"])
        except HostIssueNotFound:
            raise NotFound from None
        self.require(permission, project.organization_id, project.project_id)
        return project

    def require(self, permission: Permission, organization_id: str, project_id: str | None = None) -> None:
        """PermissionRefused for a member without it; NotFound for everybody else, as if there were nothing."""
        actor = self.actor()
        if self.host.can(actor, permission, organization_id, project_id):
            return
        if self.host.is_member(actor, organization_id):
            raise PermissionRefused(f"This needs the permission {permission}.")
        raise NotFound
