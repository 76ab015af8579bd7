"""URLs of the API, below its base."""

from django.urls import include, path

from autofix import endpoints, project_endpoints, rpc_endpoints

ISSUE = [
    path("", endpoints.AutofixEndpoint.as_view(), name="autofix"),
    path("runs/", endpoints.RunsEndpoint.as_view(), name="autofix-runs"),
    path("cancel/", endpoints.CancelEndpoint.as_view(), name="autofix-cancel"),
    path("update/", endpoints.UpdateEndpoint.as_view(), name="autofix-update"),
    path("diff/", endpoints.DiffEndpoint.as_view(), name="autofix-diff"),
    path("stream/", endpoints.StreamEndpoint.as_view(), name="autofix-stream"),
    path("setup/", endpoints.SetupEndpoint.as_view(), name="autofix-setup"),
]

urlpatterns = [
    path("organizations/<str:organization>/issues/<str:issue>/autofix/", include(ISSUE)),
    path("issues/<str:issue>/autofix/", include(ISSUE)),
    path(
        "projects/<str:organization>/<str:project>/autofix/preferences/",
        project_endpoints.PreferencesEndpoint.as_view(),
        name="autofix-preferences",
    ),
    path("internal/seer-rpc/<str:method>/", rpc_endpoints.RpcEndpoint.as_view(), name="autofix-rpc"),
    path("", include("autofix.webhook_urls")),
]
