"""Every URL of the stand-alone project."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from config import metrics

urlpatterns = [
    path("metrics", metrics.view, name="metrics"),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="tracker/api.html"),
        name="docs",
    ),
    path("api/0/", include("autofix.urls")),
    path("autofix/", include("autofix.ui.urls")),
    path("", include("tracker.urls")),
]
