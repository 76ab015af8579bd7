"""Webhooks as pages: the endpoints of an organization, what became of each delivery, and sending one again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.db.models import Count, Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from autofix.models.webhooks import DeliveryStatus, Endpoint, EndpointFormat
from autofix.ui.refused_forms import wrong_fields
from autofix.ui.views import PageView
from autofix.webhook_endpoints import (
    DeliveryPages,
    EnableEndpointView,
    EndpointsView,
    EndpointView,
    RecoverView,
    ReplayView,
    RotateSecretView,
    TestEndpointView,
    deliveries_page,
)
from autofix.webhooks import EVENT_TYPES

DELIVERY_WORDS: Final = {
    DeliveryStatus.PENDING: "Waiting",
    DeliveryStatus.DELIVERED: "Delivered",
    DeliveryStatus.DEAD: "Given up",
}
USUAL_OUTAGE: Final = timedelta(hours=24)


class WebhooksPage(PageView, EndpointsView):
    """The organization's endpoints; a form makes a new one, and the answer shows its secret once."""

    http_method_names = ["get", "post"]

    def get(self, request: Request, **_kwargs: Any) -> Any:
        return self._page()

    def post(self, request: Request, **kwargs: Any) -> Any:
        try:
            made = super().post(request, **kwargs)
        except ValidationError as exc:
            return self._page(wrong=wrong_fields(exc), typed=request.data, status=400)
        return self._page(secret=made.data["secret"], secret_of=made.data["url"], status=201)

    def _page(self, *, status: int = 200, **more: Any) -> HttpResponse:
        organization_id = self.organization("org:read")
        endpoints = Endpoint.objects.filter(organization_id=organization_id).order_by("pk")
        delivered = Count("deliveries", filter=Q(deliveries__status=DeliveryStatus.DELIVERED))
        waiting = Count("deliveries", filter=Q(deliveries__status=DeliveryStatus.PENDING))
        context = {
            "organization_word": self.kwargs["organization"],
            "endpoints": endpoints.annotate(delivered=delivered, waiting=waiting),
            "event_types": EVENT_TYPES,
            "formats": EndpointFormat.choices,
            "may_write": self.host.can(self.actor(), "org:write", organization_id),
            **more,
        }
        return self.page("autofix/webhooks.html", context, status=status)


class EndpointPage(PageView, EndpointView):
    """One endpoint with its deliveries and their attempts, newest first; ``?type=`` and ``?status=`` say which."""

    http_method_names = ["get"]

    def get(self, request: Request, **_kwargs: Any) -> Any:
        return endpoint_page(self, self.endpoint("org:read"))


class EndpointForm(PageView):
    """Base of the forms on an endpoint's page: do what the API's view does, then back to the page."""

    http_method_names = ["post"]

    def endpoint_path(self) -> str:
        """The endpoint's page."""
        named = {"organization": self.kwargs["organization"], "endpoint": self.kwargs["endpoint"]}
        return reverse("autofix_ui:webhook", kwargs=named)

    def way_back(self) -> str:
        """The page of deliveries that the form was on."""
        wanted = super().way_back()
        return wanted if urlsplit(wanted).path == self.endpoint_path() else self.endpoint_path()


class TestForm(EndpointForm, TestEndpointView):
    """Send a ping."""

    def post(self, request: Request, **kwargs: Any) -> Any:
        super().post(request, **kwargs)
        return self.back("#deliveries")


class EnableForm(EndpointForm, EnableEndpointView):
    """Make it active again."""

    def post(self, request: Request, **kwargs: Any) -> Any:
        super().post(request, **kwargs)
        return self.back()


class RotateForm(EndpointForm, RotateSecretView):
    """A new secret, shown once."""

    def post(self, request: Request, **kwargs: Any) -> Any:
        made = super().post(request, **kwargs)
        return endpoint_page(self, self.endpoint("org:read"), secret=made.data["secret"])


class DeleteForm(EndpointForm, EndpointView):
    """Delete the endpoint."""

    def post(self, request: Request, **kwargs: Any) -> Any:
        super().delete(request, **kwargs)
        return self.back()

    def way_back(self) -> str:
        return reverse("autofix_ui:webhooks", kwargs={"organization": self.kwargs["organization"]})


class ReplayForm(EndpointForm, ReplayView):
    """Send a delivery again."""

    def post(self, request: Request, **kwargs: Any) -> Any:
        super().post(request, **kwargs)
        return self.back(f"#delivery-{self.kwargs['delivery']}")


class RecoverForm(EndpointForm, RecoverView):
    """Send everything again that was not delivered since a time."""

    def post(self, request: Request, **kwargs: Any) -> Any:
        done = super().post(request, **kwargs)
        return self.back(f"?recovered={done.data['recovered']}#deliveries")


def endpoint_page(view: PageView, endpoint: Endpoint, **more: Any) -> HttpResponse:
    """The endpoint's page."""
    query, pages = view.request.query_params, DeliveryPages()
    context = {
        "organization_word": view.kwargs["organization"],
        "endpoint": endpoint,
        "deliveries": deliveries_page(endpoint, view.request, pages),
        "newer": _query_of(pages.get_previous_link()),
        "older": _query_of(pages.get_next_link()),
        "types": EVENT_TYPES,
        "states": [(status.value, words) for status, words in DELIVERY_WORDS.items()],
        "wanted": {"type": query.get("type", ""), "status": query.get("status", "")},
        "recover_from": endpoint.failing_since or timezone.now() - USUAL_OUTAGE,
        "recovered": number if (number := query.get("recovered", "")).isdecimal() else "",
        "may_write": view.host.can(view.actor(), "org:write", endpoint.organization_id),
        **more,
    }
    return view.page("autofix/webhook.html", context)


def _query_of(link: str | None) -> str:
    return urlsplit(link).query if link else ""
