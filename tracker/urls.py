"""Every URL of the tracker."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "tracker"

urlpatterns: list[URLPattern] = []
