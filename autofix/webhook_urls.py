"""URLs of the webhook endpoints' API, below the API's base."""

from django.urls import path

from autofix import webhook_endpoints as views

ALL = "organizations/<str:organization>/autofix/webhooks/"
ONE = f"{ALL}<int:endpoint>/"

urlpatterns = [
    path("autofix/webhooks/schemas/", views.SchemasView.as_view(), name="autofix-webhook-schemas"),
    path(ALL, views.EndpointsView.as_view(), name="autofix-webhooks"),
    path(ONE, views.EndpointView.as_view(), name="autofix-webhook"),
    path(f"{ONE}rotate-secret/", views.RotateSecretView.as_view(), name="autofix-webhook-rotate-secret"),
    path(f"{ONE}test/", views.TestEndpointView.as_view(), name="autofix-webhook-test"),
    path(f"{ONE}enable/", views.EnableEndpointView.as_view(), name="autofix-webhook-enable"),
    path(f"{ONE}recover/", views.RecoverView.as_view(), name="autofix-webhook-recover"),
    path(f"{ONE}deliveries/", views.DeliveriesView.as_view(), name="autofix-webhook-deliveries"),
    path(
        f"{ONE}deliveries/<int:delivery>/replay/",
        views.ReplayView.as_view(),
        name="autofix-webhook-replay",
    ),
]
