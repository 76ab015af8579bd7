"""The tracker in Django's admin, for operators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from tracker import models


@admin.register(models.Organization)
class OrganizationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in its stubs
    """Tenants."""

    list_display = ("slug", "name", "created")
    search_fields = ("slug", "name")


@admin.register(models.Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in its stubs
    """Who belongs where."""

    list_display = ("user", "organization", "role")
    list_filter = ("role",)


@admin.register(models.ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in its stubs
    """Tokens can be seen and revoked here, not made: only the digest is stored."""

    list_display = ("name", "user", "organization", "created")
    readonly_fields = ("digest", "created")

    def has_add_permission(self, request: Any) -> bool:
        """Never: a token made here could not be shown."""
        return False


class ProjectKeyInline(admin.TabularInline):  # type: ignore[type-arg]  # generic only in its stubs
    """A project's keys beside it."""

    model = models.ProjectKey
    extra = 0


@admin.register(models.Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in its stubs
    """Projects with their keys."""

    list_display = ("slug", "organization", "issue_count", "created")
    inlines = (ProjectKeyInline,)


@admin.register(models.Issue)
class IssueAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in its stubs
    """Issues."""

    list_display = ("short_id", "title", "level", "status", "times_seen", "last_seen")
    list_filter = ("status", "level")
    list_select_related = ("project",)
    search_fields = ("title", "culprit")


@admin.register(models.Event)
class EventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in its stubs
    """Events; they are evidence and cannot be changed."""

    list_display = ("event_id", "issue", "timestamp")
    list_select_related = ("issue__project",)
    search_fields = ("event_id",)

    def has_add_permission(self, request: Any) -> bool:
        """Only SDKs add events."""
        return False

    def has_change_permission(self, request: Any, obj: models.Event | None = None) -> bool:
        """Never."""
        return False


@admin.register(models.Activity)
class ActivityAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in its stubs
    """The time lines' notes."""

    list_display = ("issue", "text", "created")
    list_select_related = ("issue__project",)
