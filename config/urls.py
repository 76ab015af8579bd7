"""Every URL of the stand-alone project."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

from config import metrics
from tracker.pages.api import ApiView

urlpatterns = [
    path("metrics", metrics.view, name="metrics"),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/docs/", ApiView.as_view(), name="docs"),
    path("api/0/", include("autofix.urls")),
    path("autofix/", include("autofix.ui.urls")),
    path("", include("tracker.urls")),
]
