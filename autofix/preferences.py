"""What a project wants, with the defaults where it has said nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from django.db import transaction

from autofix import rows
from autofix.asking import ask, knows
from autofix.models import OrganizationSettings, ProjectPreference, Repository
from autofix.steps import Step


def questions(organization_id: str, project_id: str) -> list[rows.Statement[Any]]:
    """What the functions below ask, unless it is known, to be asked ahead."""
    asked: list[rows.Statement[Any]] = []
    if not knows(_settings(organization_id)):
        asked.append(rows.finding(OrganizationSettings, organization_id=organization_id))
    if not knows(_preference(organization_id, project_id)):
        mine = {"organization_id": organization_id, "project_id": project_id}
        asked.append(rows.finding(ProjectPreference, lock=False, **mine))
    return asked


def settings_of(organization_id: str) -> OrganizationSettings:
    """The organization's switches; unsaved ones with the defaults when it has none."""

    def find() -> OrganizationSettings:
        found = rows.find(OrganizationSettings, organization_id=organization_id)
        return found or OrganizationSettings(organization_id=organization_id)

    return ask(_settings(organization_id), find)


def preference_of(organization_id: str, project_id: str) -> ProjectPreference:
    """The project's preference; an unsaved one with the defaults when there is none."""

    def find() -> ProjectPreference:
        found = rows.find(ProjectPreference, organization_id=organization_id, project_id=project_id)
        return found or ProjectPreference(organization_id=organization_id, project_id=project_id)

    return ask(_preference(organization_id, project_id), find)


def _settings(organization_id: str) -> Hashable:
    return "settings", organization_id


def _preference(organization_id: str, project_id: str) -> Hashable:
    return "preference", organization_id, project_id


def wanted_side_steps(preference: ProjectPreference) -> list[Step]:
    """The side steps that the project wants, in the registry's order."""
    return [step for step in Step if step.value in preference.side_steps]


@transaction.atomic
def store_preference(organization_id: str, project_id: str, changes: Mapping[str, Any]) -> None:
    """Change what ``changes`` names of the project's preference; ``repositories`` replaces all of its repositories."""
    mine = {"organization_id": organization_id, "project_id": project_id}
    ProjectPreference.objects.get_or_create(organization_id=organization_id, project_id=project_id)
    preference = ProjectPreference.objects.select_for_update().get(**mine)
    for name in ("tuning", "stopping_point", "side_steps", "handoff"):
        if name in changes:
            setattr(preference, name, changes[name])
    preference.save()
    if "repositories" in changes:
        wanted = changes["repositories"]
        rows = Repository.objects.filter(**mine)
        # Approval belongs to an address: a changed one has to be approved again.
        approved = set(rows.filter(approved=True).values_list("provider", "url"))
        rows.exclude(name__in=[repository["name"] for repository in wanted]).delete()
        for position, repository in enumerate(wanted):
            address = (repository["provider"], repository["url"])
            own = {"position": position, "approved": address in approved}
            rows.update_or_create(name=repository["name"], defaults={**mine, **repository, **own})
