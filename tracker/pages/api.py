"""The page of the API: every call with its fields and answers, out of the same document that programs read."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View
from drf_spectacular.generators import SchemaGenerator

from tracker.models import Organization
from tracker.reference.calls import Reference, reference


class ApiView(View):
    """The API for people; open to everybody, as its document is. Who is logged in can try it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        mine = Organization.objects.filter(memberships__user__username=request.user.get_username())
        organization = mine.order_by("slug").first()
        project = organization.projects.order_by("slug").first() if organization else None
        known: dict[str, Any] = {
            "organization": organization.slug if organization else "",
            "project": project.slug if project else "",
        }
        context = {
            "reference": api_reference(),
            "organization": organization,
            "site": request.build_absolute_uri("/").rstrip("/"),
            "known": known,
        }
        answer = render(request, "tracker/api.html", context)
        answer["Cache-Control"] = "private, no-store"
        return answer


@cache  # what the code says does not change while it runs
def api_reference() -> Reference:
    """The API of this project."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # the library's
    return reference(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]  # the library's
