"""``{% load tracker %}``: what every page's head needs."""

from __future__ import annotations

from django import template

from tracker.models import Project

register = template.Library()


@register.simple_tag
def only_project(organization: str) -> str:
    """The slug of the organization's project when it has just one, else nothing: the one that a page must mean."""
    slugs = Project.objects.filter(organization__slug=organization).values_list("slug", flat=True)[:2]
    return slugs[0] if len(slugs) == 1 else ""
