"""A project's settings as a page: how readily automation starts, how far it goes, and where the code is."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from autofix import conf
from autofix.api import validated
from autofix.exceptions import RequestRefused
from autofix.models import Repository
from autofix.models.preferences import Tuning
from autofix.preferences import store_preference
from autofix.project_views import CheckView, RepositoryView, preferences_view, repository_check
from autofix.refusals import as_refusal
from autofix.serializers import PreferencesRequest
from autofix.step_executions import reference_to
from autofix.steps import SIDE_STEPS, STEPS
from autofix.ui.panel import STOPPING_WORDS
from autofix.ui.views import PageView

TUNING_WORDS: Final = {
    Tuning.OFF: "Never by itself",
    Tuning.SUPER_LOW: "Only what is all but certain to be fixable",
    Tuning.LOW: "What is very likely fixable",
    Tuning.MEDIUM: "What is likely fixable",
    Tuning.HIGH: "What may be fixable",
    Tuning.ALWAYS: "Every new issue",
}
EMPTY: Final = RepositoryView(name="", provider="", url="", branch="", stack_root="", source_root="")


class SettingsPage(PageView):
    """Read and change a project's preferences by a form; ``check`` tries the repositories instead."""

    http_method_names = ["get", "post"]

    def get(self, request: Request, **_kwargs: Any) -> Any:
        return self._page(saved="saved" in request.query_params)

    def post(self, request: Request, **kwargs: Any) -> Any:
        wanted = dict(request.data)
        if wanted.pop("check", None):
            return self._page(checks=self._checks())
        rows = wanted.get("repositories", [])
        # The row for one more always names a provider: only with something else in it is it a repository.
        wanted["repositories"] = [row for row in rows if set(row) - {"provider"}]
        project = self.project("project:write")
        try:
            changes = validated(PreferencesRequest, wanted)
        except ValidationError as exc:
            return self._page(refused=as_refusal(exc), status=400)
        store_preference(project.organization_id, project.project_id, changes)
        return self.back("?saved=yes")

    def way_back(self) -> str:
        """This page."""
        return self.request.path if self.request.method == "POST" else super().way_back()

    def _checks(self) -> dict[str, CheckView]:
        project = self.project("project:write")
        rows = Repository.objects.filter(
            organization_id=project.organization_id, project_id=project.project_id
        )
        return {row.name: repository_check(reference_to(row)) for row in rows}

    def _page(
        self,
        *,
        saved: bool = False,
        checks: dict[str, CheckView] | None = None,
        refused: RequestRefused | None = None,
        status: int = 200,
    ) -> HttpResponse:
        project = self.project("project:read")
        preferences = preferences_view(project)
        context = {
            "organization_word": self.kwargs["organization"],
            "project_word": self.kwargs["project"],
            "preferences": preferences,
            "repositories": [*preferences.repositories, EMPTY],
            "tunings": list(TUNING_WORDS.items()),
            "points": list(STOPPING_WORDS.items()),
            "side_steps": [(step.value, STEPS[step].title) for step in SIDE_STEPS],
            "providers": sorted(conf.settings().scm),
            "may_write": self.host.can(
                self.actor(), "project:write", project.organization_id, project.project_id
            ),
            "checks": checks or {},
            "saved": saved,
            "refused": refused,
        }
        return self.page("autofix/settings.html", context, status=status)
