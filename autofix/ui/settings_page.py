"""A project's settings as a page: how readily automation starts, how far it goes, and where the code is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.http import HttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from autofix import conf
from autofix.api import validated
from autofix.models import Repository
from autofix.models.preferences import Tuning
from autofix.preferences import store_preference
from autofix.project_views import CheckView, preferences_view, repository_check
from autofix.serializers import MAX_REPOSITORIES, PreferencesRequest
from autofix.step_executions import reference_to
from autofix.steps import SIDE_STEPS, STEPS
from autofix.ui.panel import STOPPING_WORDS
from autofix.ui.refused_forms import REPOSITORY_LABELS, Wrong, input_id, wrong_fields
from autofix.ui.views import PageView

TUNING_WORDS: Final = {
    Tuning.OFF: "Never by itself",
    Tuning.SUPER_LOW: "Only what is all but certain to be fixable",
    Tuning.LOW: "What is very likely fixable",
    Tuning.MEDIUM: "What is likely fixable",
    Tuning.HIGH: "What may be fixable",
    Tuning.ALWAYS: "Every new issue",
}


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
        wanted["repositories"] = [row for row in rows if not isinstance(row, dict) or set(row) - {"provider"}]
        project = self.project("project:write")
        try:
            changes = validated(PreferencesRequest, wanted)
        except ValidationError as exc:
            return self._page(typed=wanted, wrong=wrong_fields(exc), status=400)
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
        typed: Mapping[str, Any] | None = None,
        wrong: Sequence[Wrong] = (),
        status: int = 200,
    ) -> HttpResponse:
        project = self.project("project:read")
        stored = preferences_view(project)
        rows = [row.model_dump() for row in stored.repositories] if typed is None else typed["repositories"]
        context = {
            "organization_word": self.kwargs["organization"],
            "project_word": self.kwargs["project"],
            "preferences": {**stored.model_dump(), **(typed or {})},
            "repositories": shown_rows([*rows[:MAX_REPOSITORIES], {}], wrong),
            "tunings": list(TUNING_WORDS.items()),
            "points": list(STOPPING_WORDS.items()),
            "side_steps": [(step.value, STEPS[step].title) for step in SIDE_STEPS],
            "providers": sorted(conf.settings().scm),
            "may_write": self.host.can(
                self.actor(), "project:write", project.organization_id, project.project_id
            ),
            "checks": checks or {},
            "saved": saved,
            "wrong": wrong,
        }
        return self.page("autofix/settings.html", context, status=status)


def shown_rows(rows: Sequence[Any], wrong: Sequence[Wrong]) -> list[dict[str, Any]]:
    """The repositories' rows, each with the names of its fields that were refused."""
    anchors = {field.anchor for field in wrong}
    return [
        {name: row.get(name, "") if isinstance(row, dict) else "" for name in REPOSITORY_LABELS}
        | {"wrong": {name for name in REPOSITORY_LABELS if input_id(name, number) in anchors}}
        for number, row in enumerate(rows)
    ]
