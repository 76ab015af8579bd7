"""What a project wants, with the defaults where it has said nothing."""

from __future__ import annotations

from autofix.models import ProjectPreference
from autofix.steps import Step


def preference_of(organization_id: str, project_id: str) -> ProjectPreference:
    """The project's preference; an unsaved one with the defaults when there is none."""
    mine = {"organization_id": organization_id, "project_id": project_id}
    return ProjectPreference.objects.filter(**mine).first() or ProjectPreference(**mine)


def wanted_side_steps(preference: ProjectPreference) -> list[Step]:
    """The side steps that the project wants, in the registry's order."""
    return [step for step in Step if step.value in preference.side_steps]
