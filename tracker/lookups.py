"""Finding things by what people and URLs call them: an id, a slug, a short id. The words come from outside."""

from __future__ import annotations

import re

from django.db.models import Q

from autofix import rows
from tracker.models import Issue, Organization, Project

MAX_ID_DIGITS = 18  # fits the database's 64 bits
SHORT_ID = re.compile(r"(?P<slug>[A-Za-z0-9-]{1,50})-(?P<number>[0-9]{1,9})", re.ASCII)
SLUG = re.compile(r"[A-Za-z0-9-]{1,50}", re.ASCII)


def find_organization(word: str) -> Organization | None:
    """The organization with this id or slug."""
    match = _id_or_slug(word)
    return Organization.objects.filter(match).first() if match else None


def find_project(organization: Organization, word: str) -> Project | None:
    """The organization's project with this id or slug."""
    match = _id_or_slug(word)
    return organization.projects.select_related("organization").filter(match).first() if match else None


def find_issue(word: str, organization: Organization | str | None = None) -> Issue | None:
    """The issue with this id or short id, of the organization (or the one that the word names).

    Without an organization a short id that several tenants use names none of their issues.
    """
    of: Q | None = Q()
    if isinstance(organization, str):
        issue_id, organization_id = _as_id(word), _as_id(organization)
        if issue_id is not None and organization_id is not None:
            return _find_by_ids(issue_id, organization_id)
        of = _id_or_slug(organization, "project__organization__")
    elif organization is not None:
        of = Q(project__organization=organization)
    if (number := _as_id(word)) is not None:
        named = Q(pk=number)
    elif (short := SHORT_ID.fullmatch(word)) is not None:
        named = Q(project__slug=short["slug"].lower(), number=int(short["number"]))
    else:
        return None
    if of is None:
        return None
    found = Issue.objects.select_related("project__organization").filter(of, named)[:2]
    return found[0] if len(found) == 1 else None


def _find_by_ids(issue_id: int, organization_id: int) -> Issue | None:
    """As a worker asks for each run's issue: three rows by their keys are a third of what building the query of all costs."""
    project_id = rows.Of(Issue, "project_id", {"pk": issue_id})
    issues, projects, organizations = rows.ask(
        rows.finding(Issue, pk=issue_id),
        rows.finding(Project, pk=project_id, organization_id=organization_id),
        rows.finding(Organization, pk=organization_id),
    )
    if not (issues and projects and organizations):
        return None
    issue: Issue = issues[0]
    issue.project = projects[0]
    issue.project.organization = organizations[0]
    return issue


def _as_id(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) <= MAX_ID_DIGITS else None


def _id_or_slug(word: str, prefix: str = "") -> Q | None:
    # What can be neither never reaches the database: PostgreSQL refuses to be asked for NUL.
    if (number := _as_id(word)) is not None:
        return Q((f"{prefix}pk", number))
    return Q((f"{prefix}slug", word.lower())) if SLUG.fullmatch(word) else None
