"""Admin pages: what a run did may be looked at but not rewritten; what people decide may be changed. No secret is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from autofix.delivery import endpoint_health, repeating
from autofix.explorer.models import Block, Session, Turn
from autofix.models import (
    Attempt,
    AutomationDecision,
    Delivery,
    Endpoint,
    OrganizationSettings,
    ProjectPreference,
    PullRequest,
    QuotaUsage,
    Repository,
    Run,
    StepExecution,
    WebhookEvent,
)

if TYPE_CHECKING:  # Django's own classes take no type argument
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline


class Untouchable:
    """The work wrote these rows: people may read them, and nothing else."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Rows(Untouchable, TabularInline):
    """Rows under the one that they belong to."""

    fields: ClassVar[tuple[str, ...]] = ()
    extra = 0
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return self.fields  # times are no form fields; as something to read they may be shown


class StepRows(Rows):
    model = StepExecution
    fields = ("sequence", "step", "status", "attempt", "error_code", "started_at", "completed_at")


class PullRequestRows(Rows):
    model = PullRequest
    fields = ("repo_name", "state", "number", "url", "branch", "error_code")


class AttemptRows(Rows):
    model = Attempt
    fields = ("number", "response_status", "latency_ms", "error", "created_at")


class TurnRows(Rows):
    model = Turn
    fields = ("key", "status", "lease_owner", "lease_expires_at", "error_code", "created_at", "ended_at")


class BlockRows(Rows):
    model = Block
    fields = ("index", "turn", "content", "created_at")


class Record(Untouchable, ModelAdmin):
    """Newest first, without counting the whole table for every page."""

    ordering = ("-pk",)
    show_full_result_count = False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may change these rows may have the work go on; rewriting them stays closed to everybody."""
        name = f"{self.opts.app_label}.{get_permission_codename('change', self.opts)}"
        user = request.user
        return bool(user.is_active and user.is_staff and user.has_perm(name))


@admin.register(Run)
class RunAdmin(Record):
    list_display = ("id", "organization_id", "issue_id", "status", "stopping_point", "referrer", "updated_at")
    list_filter = ("status", "stopping_point", "referrer")
    search_fields = ("=issue_id", "=uuid")
    inlines = (StepRows, PullRequestRows)


@admin.register(StepExecution)
class StepExecutionAdmin(Record):
    list_display = ("id", "run", "sequence", "step", "status", "error_code", "created_at")
    list_filter = ("step", "status")
    list_select_related = ("run",)


@admin.register(PullRequest)
class PullRequestAdmin(Record):
    list_display = ("id", "run", "repo_name", "state", "number", "error_code", "updated_at")
    list_filter = ("state", "provider")
    list_select_related = ("run",)


@admin.register(AutomationDecision)
class AutomationDecisionAdmin(Record):
    list_display = ("id", "issue_id", "reason", "score", "stopping_point", "run", "decided_at")
    list_filter = ("started", "reason")
    list_select_related = ("run",)
    search_fields = ("=issue_id",)


@admin.register(Endpoint)
class EndpointAdmin(Record):
    """Endpoints are made and changed through the API, which shows a secret once; here it is never shown."""

    list_display = ("id", "organization_id", "url", "status", "last_success_at", "failing_since")
    list_filter = ("status", "format")
    exclude = ("secret", "previous_secret")
    actions = ("enable",)

    @admin.action(description="Enable the selected endpoints", permissions=["operate"])
    def enable(self, request: HttpRequest, endpoints: QuerySet[Endpoint]) -> None:
        """Active again, as by the API."""
        for endpoint in endpoints:
            endpoint_health.enable(endpoint)
        self.message_user(request, f"Enabled: {len(endpoints)}.")


@admin.register(WebhookEvent)
class WebhookEventAdmin(Record):
    list_display = ("public_id", "type", "run", "sequence", "created_at")
    list_filter = ("type",)
    list_select_related = ("run",)
    search_fields = ("=public_id",)


@admin.register(Delivery)
class DeliveryAdmin(Record):
    list_display = ("id", "event", "endpoint", "status", "attempts", "next_attempt_at", "delivered_at")
    list_filter = ("status", "event__type")
    list_select_related = ("event", "endpoint")
    inlines = (AttemptRows,)
    actions = ("replay",)

    @admin.action(description="Send the selected deliveries again", permissions=["operate"])
    def replay(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        """Under their own webhook ids, as by the API."""
        for delivery in deliveries:
            repeating.replay(delivery)
        self.message_user(request, f"Sent again: {len(deliveries)}.")


@admin.register(Session)
class SessionAdmin(Record):
    list_display = ("id", "organization_id", "issue_id", "forked_from", "created_at")
    search_fields = ("=issue_id",)
    inlines = (TurnRows,)


@admin.register(Turn)
class TurnAdmin(Record):
    list_display = ("id", "session", "status", "lease_expires_at", "error_code", "created_at", "ended_at")
    list_filter = ("status",)
    list_select_related = ("session",)
    inlines = (BlockRows,)


@admin.register(QuotaUsage)
class QuotaUsageAdmin(Record):
    list_display = ("organization_id", "month", "used")
    list_filter = ("month",)


@admin.register(OrganizationSettings)
class OrganizationSettingsAdmin(ModelAdmin):
    list_display = ("organization_id", "ai_enabled", "coding_enabled", "quota_runs_per_month")
    search_fields = ("=organization_id",)


@admin.register(ProjectPreference)
class ProjectPreferenceAdmin(ModelAdmin):
    list_display = ("project_id", "organization_id", "tuning", "stopping_point")
    list_filter = ("tuning", "stopping_point")
    search_fields = ("=project_id",)


@admin.register(Repository)
class RepositoryAdmin(ModelAdmin):
    list_display = ("name", "provider", "url", "branch", "project_id", "organization_id")
    list_filter = ("provider",)
    search_fields = ("name",)
