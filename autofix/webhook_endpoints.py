"""The API of webhook endpoints: who wants which events, what became of them, and sending them again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from autofix import conf, secrets, webhook_schemas, webhooks
from autofix.api import AutofixView, validated
from autofix.delivery import endpoint_health, lanes, repeating
from autofix.delivery.errors import EndpointIsDisabled, TooManyEndpoints
from autofix.exceptions import InvalidRequest, NotFound
from autofix.hosts.base import Permission
from autofix.models.webhooks import Attempt, Delivery, Endpoint, EndpointStatus
from autofix.wakeups import DELIVER, wake
from autofix.webhook_serializers import (
    DeliveriesRequest,
    DeliverySerializer,
    EndpointRequest,
    EndpointSerializer,
    EndpointWithSecretSerializer,
    RecoveredSerializer,
    RecoverRequest,
)

ROTATION_OVERLAP = timedelta(hours=24)


class WebhookView(AutofixView):
    """Base of these views: finds the endpoint in the URL among those of the organization in the URL."""

    def endpoint(self, permission: Permission) -> Endpoint:
        """The endpoint; NotFound when the organization has none with this id."""
        found = Endpoint.objects.filter(
            organization_id=self.organization(permission), pk=self.kwargs["endpoint"]
        ).first()
        if found is None:
            raise NotFound
        return found


class EndpointsView(WebhookView):
    """An organization's endpoints."""

    @extend_schema(responses=EndpointSerializer(many=True))
    def get(self, request: Request, **_kwargs: Any) -> Response:
        """List the endpoints, oldest first."""
        endpoints = Endpoint.objects.filter(organization_id=self.organization("org:read")).order_by("pk")
        return Response(EndpointSerializer(endpoints, many=True).data)

    @extend_schema(request=EndpointRequest, responses={201: EndpointWithSecretSerializer})
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Create an endpoint. The answer holds its secret, and is the only one that does."""
        organization_id = self.organization("org:write")
        wanted = validated(EndpointRequest, request.data)
        secret = secrets.new_webhook_secret()
        with transaction.atomic():
            there = Endpoint.objects.filter(organization_id=organization_id)
            # One after the other, so that two requests at once do not both find room for one more.
            list(there.order_by("pk").select_for_update(no_key=True)[:1])
            if there.count() >= conf.settings().webhooks.max_endpoints:
                raise TooManyEndpoints
            endpoint = Endpoint.objects.create(
                organization_id=organization_id, secret=secrets.encrypt(secret), **wanted
            )
        return _with_secret(endpoint, secret, status=201)


class EndpointView(WebhookView):
    """One endpoint."""

    @extend_schema(responses=EndpointSerializer)
    def get(self, request: Request, **_kwargs: Any) -> Response:
        """The endpoint, without its secret."""
        return Response(EndpointSerializer(self.endpoint("org:read")).data)

    @extend_schema(request=EndpointRequest(partial=True), responses=EndpointSerializer)
    def patch(self, request: Request, **_kwargs: Any) -> Response:
        """Change its URL, its events, its format or whether a run's events come in order."""
        endpoint = self.endpoint("org:write")
        changes = EndpointRequest(data=request.data, partial=True)
        changes.is_valid(raise_exception=True)
        for name, value in changes.validated_data.items():
            setattr(endpoint, name, value)
        with transaction.atomic():
            endpoint.save(update_fields=[*changes.validated_data])
            if not endpoint.ordered:
                lanes.release_all(endpoint, timezone.now())
                wake(DELIVER)
        return Response(EndpointSerializer(endpoint).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **_kwargs: Any) -> Response:
        """Delete the endpoint and everything that was to be delivered to it."""
        self.endpoint("org:write").delete()
        return Response(status=204)


class RotateSecretView(WebhookView):
    """A new secret for an endpoint."""

    @extend_schema(request=None, responses=EndpointWithSecretSerializer)
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Make a new secret; the one before signs along for 24 hours."""
        endpoint = self.endpoint("org:write")
        secret = secrets.new_webhook_secret()
        with transaction.atomic():
            endpoint = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
            endpoint.previous_secret = endpoint.secret
            endpoint.previous_secret_until = timezone.now() + ROTATION_OVERLAP
            endpoint.secret = secrets.encrypt(secret)
            endpoint.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
        return _with_secret(endpoint, secret)


class TestEndpointView(WebhookView):
    """Try an endpoint out."""

    __test__ = False  # no test case, whatever pytest makes of the name

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Send one ``autofix.ping`` to this endpoint now. 409 ``endpoint_disabled`` when it is disabled."""
        endpoint = self.endpoint("org:write")
        if endpoint.status == EndpointStatus.DISABLED:
            raise EndpointIsDisabled
        event = webhooks.ping(endpoint)
        return Response(DeliverySerializer(event.deliveries.get()).data, status=202)


class EnableEndpointView(WebhookView):
    """Make a disabled endpoint active again."""

    @extend_schema(request=None, responses=EndpointSerializer)
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Active again; what was pending when it was disabled is sent now."""
        endpoint = self.endpoint("org:write")
        endpoint_health.enable(endpoint)
        return Response(EndpointSerializer(endpoint).data)


class RecoverView(WebhookView):
    """Catch up after an outage."""

    @extend_schema(request=RecoverRequest, responses={202: RecoveredSerializer})
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Send everything again that has not been delivered since the given time."""
        endpoint = self.endpoint("org:write")
        since = validated(RecoverRequest, request.data)["since"]
        return Response({"recovered": repeating.recover(endpoint, since)}, status=202)


class DeliveryPages(CursorPagination):
    """Deliveries, newest first."""

    ordering = "-id"
    page_size = 50


def deliveries_page(endpoint: Endpoint, request: Request, pages: DeliveryPages) -> list[Delivery]:
    """The page of the endpoint's deliveries that the query asks for, with their events and attempts."""
    query = {name: word for name, word in request.query_params.dict().items() if word}
    wanted = validated(DeliveriesRequest, query)
    attempts = Prefetch("tries", queryset=Attempt.objects.order_by("number"))
    deliveries = endpoint.deliveries.select_related("event").prefetch_related(attempts)
    if "type" in wanted:
        deliveries = deliveries.filter(event__type=wanted["type"])
    if "status" in wanted:
        deliveries = deliveries.filter(status=wanted["status"])
    try:
        return pages.paginate_queryset(deliveries, request) or []
    except ValueError as exc:  # a made-up cursor whose inside is no id
        raise InvalidRequest("This cursor is not one of ours.", errors={"cursor": ["Not valid."]}) from exc


class DeliveriesView(WebhookView):
    """What became of an endpoint's events."""

    @extend_schema(parameters=[DeliveriesRequest], responses=DeliverySerializer(many=True))
    def get(self, request: Request, **_kwargs: Any) -> Response:
        """The endpoint's deliveries with their attempts, newest first, cursor-paginated; ``?type=`` and ``?status=`` filter."""
        pages = DeliveryPages()
        page = deliveries_page(self.endpoint("org:read"), request, pages)
        return pages.get_paginated_response(DeliverySerializer(page, many=True).data)


class ReplayView(WebhookView):
    """Send one delivery again."""

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, **_kwargs: Any) -> Response:
        """Send the delivery again now, under the same webhook id."""
        found = Delivery.objects.filter(endpoint=self.endpoint("org:write"), pk=self.kwargs["delivery"])
        delivery = found.select_related("event").first()
        if delivery is None:
            raise NotFound
        repeating.replay(delivery)
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery).data, status=202)


class SchemasView(AutofixView):
    """What webhooks look like, for everyone: nothing here belongs to anybody."""

    permission_classes = ()

    def get_authenticators(self) -> list[BaseAuthentication]:
        """None are needed."""
        return []

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """The JSON Schema of every event type's body in format ``standard``, by type."""
        return Response(webhook_schemas.schemas())


def _with_secret(endpoint: Endpoint, secret: str, *, status: int = 200) -> Response:
    return Response({**EndpointSerializer(endpoint).data, "secret": secret}, status=status)
