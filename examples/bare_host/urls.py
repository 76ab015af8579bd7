"""One page, the log-in, and the two things that the panel needs."""

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import include, path

from examples.bare_host.models import Bug


def bug_page(request: HttpRequest, key: str) -> HttpResponse:
    """A bug and its panel."""
    return render(request, "bug.html", {"bug": get_object_or_404(Bug, pk=key)})


urlpatterns = [
    path("bugs/<uuid:key>/", bug_page),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("api/0/", include("autofix.urls")),
    path("autofix/", include("autofix.ui.urls")),
]
