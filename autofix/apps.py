"""The Django app: registers the completion hook and listens for new issues."""

from __future__ import annotations

from django.apps import AppConfig


class AutofixConfig(AppConfig):
    """Autofix for an issue tracker."""

    name = "autofix"
    verbose_name = "Autofix"
    default_auto_field = "django.db.models.BigAutoField"
