"""The admin pages: each opens, none shows a secret, and what the work wrote cannot be rewritten."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

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

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SECRET = "gAAAA-encrypted-secret"
MINE = {"organization_id": "1", "project_id": "1"}
EDITABLE = {OrganizationSettings, ProjectPreference, Repository}
OURS = [model for model in admin.site._registry if model._meta.app_label in {"autofix", "autofix_explorer"}]


@pytest.fixture
def staff(client: Client) -> Client:
    """A superuser's browser."""
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def rows() -> dict[type[Model], Model]:
    """One row of every kind."""
    run = Run.objects.create(
        **MINE, issue_id="1", stopping_point="open_pr", referrer="api.web", explorer="offline"
    )
    endpoint = Endpoint.objects.create(
        organization_id="1", url="https://hooks.example/", secret=SECRET, previous_secret=SECRET
    )
    event = WebhookEvent.objects.create(
        public_id="evt_1", organization_id="1", key="k", type="autofix.ping", run=run, sequence=1, body={}
    )
    delivery = Delivery.objects.create(event=event, endpoint=endpoint)
    Attempt.objects.create(delivery=delivery, number=1, latency_ms=5, response_status=500)
    session = Session.objects.create(**MINE, issue_id="1")
    turn = Turn.objects.create(session=session, key="t", prompt="p", hook="h", deadline=NOW)
    Block.objects.create(session=session, turn=turn, index=0, content={})
    made: list[Model] = [
        run, endpoint, event, delivery, session, turn,
        StepExecution.objects.create(
            run=run, sequence=1, step="root_cause", lane="pipeline", lane_slot="pipeline", referrer="api.web"
        ),
        PullRequest.objects.create(run=run, repo_name="acme/shop", provider="local", branch="b"),
        AutomationDecision.objects.create(**MINE, issue_id="1", wake_at=NOW, run=run),
        QuotaUsage.objects.create(organization_id="1", month="2026-11"),
        OrganizationSettings.objects.create(organization_id="1"),
        ProjectPreference.objects.create(**MINE),
        Repository.objects.create(**MINE, name="acme/shop", provider="local", url="/srv/shop.git"),
    ]  # fmt: skip
    return {type(row): row for row in made}


def page(model: type[Model], name: str, *args: object) -> str:
    """The address of a model's admin page."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


@pytest.mark.parametrize("model", OURS)
def test_every_page_opens_without_secrets(
    staff: Client, rows: dict[type[Model], Model], model: type[Model]
) -> None:
    """List and detail of every registered model answer 200; an endpoint's secret is on neither."""
    for address in (page(model, "changelist"), page(model, "change", rows[model].pk)):
        answer = staff.get(address)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("model", OURS)
def test_only_what_people_decide_may_be_changed(
    staff: Client, rows: dict[type[Model], Model], model: type[Model]
) -> None:
    """Runs, events and decisions are records: adding, changing and deleting are refused; preferences stay editable."""
    expected = 200 if model in EDITABLE else 403
    assert staff.get(page(model, "add")).status_code == expected
    assert staff.get(page(model, "delete", rows[model].pk)).status_code == expected
    changed = staff.post(page(model, "change", rows[model].pk), {}).status_code
    assert changed == expected


def act(browser: Client, row: Model, action: str) -> int:
    """Choose this action for one row of a list; the answer's status."""
    chosen = {"action": action, "_selected_action": [row.pk]}
    return browser.post(page(type(row), "changelist"), chosen).status_code


@pytest.mark.usefixtures("queue")
def test_operators_replay_and_enable(
    staff: Client, client: Client, rows: dict[type[Model], Model], django_user_model: type[User]
) -> None:
    """The two actions do what the API does; who may only look does not get them."""
    Delivery.objects.update(status="dead")
    Endpoint.objects.update(status="disabled", disabled_reason="gone")
    looking = Client()
    looking.force_login(reader := django_user_model.objects.create_user("reader", is_staff=True))
    reader.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    for browser, status in ((looking, "dead"), (staff, "pending")):
        act(browser, rows[Delivery], "replay")
        act(browser, rows[Endpoint], "enable")
        assert Delivery.objects.get().status == status
    endpoint = Endpoint.objects.get()
    assert (endpoint.status, endpoint.disabled_reason) == ("active", "")
