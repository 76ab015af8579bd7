"""The explorer is an app of its own, so that its memory has its own migrations."""

from django.apps import AppConfig


class ExplorerConfig(AppConfig):
    """Sessions, turns, blocks."""

    name = "autofix.explorer"
    label = "autofix_explorer"
    verbose_name = "Autofix explorer"
    default_auto_field = "django.db.models.BigAutoField"
