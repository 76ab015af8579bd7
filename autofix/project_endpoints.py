"""Projects over HTTP: how far automation may go, and where the code is."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from autofix.api import AutofixView, operation, validated
from autofix.preferences import store_preference
from autofix.project_views import PreferencesView, preferences_view
from autofix.serializers import PreferencesRequest


class PreferencesEndpoint(AutofixView):
    """A project's preferences."""

    @operation("autofix_preferences_read", responses={200: PreferencesView})
    def get(self, request: Request, **_kwargs: Any) -> Response:
        """Read a project's preferences."""
        return Response(preferences_view(self.project("project:read")).model_dump(mode="json"))

    @operation(
        "autofix_preferences_write",
        request=PreferencesRequest,
        responses={200: PreferencesView},
        errors=(413, 415),
    )
    def put(self, request: Request, **_kwargs: Any) -> Response:
        """Change a project's preferences. A field that is absent stays as it is; ``repositories`` replaces all."""
        project = self.project("project:write")
        store_preference(
            project.organization_id, project.project_id, validated(PreferencesRequest, request.data)
        )
        return Response(preferences_view(project).model_dump(mode="json"))
