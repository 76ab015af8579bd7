"""The Django app: registers the completion hook, the system checks and the listener for new issues."""

from __future__ import annotations

from django.apps import AppConfig


class AutofixConfig(AppConfig):
    """Autofix for an issue tracker."""

    name = "autofix"
    verbose_name = "Autofix"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models can be imported only now that the registry is ready; checks register themselves by being imported.
        from autofix import automation, checks, on_completion_hook, step_executions  # noqa: F401, PLC0415 - as said
        from autofix.explorer import hooks  # noqa: PLC0415 - as said

        hooks.register(step_executions.COMPLETION_HOOK, on_completion_hook.on_completion_hook)
        automation.connect()
