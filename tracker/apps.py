"""The Django app of the reference tracker."""

from __future__ import annotations

from django.apps import AppConfig


class TrackerConfig(AppConfig):
    """An issue tracker, small and complete."""

    name = "tracker"
    verbose_name = "Issue tracker"
    default_auto_field = "django.db.models.BigAutoField"
