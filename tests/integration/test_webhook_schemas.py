"""The published schemas hold for what is really sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from autofix import webhook_schemas, webhooks
from autofix.autofix_agent import cancel_run, trigger_autofix_agent
from autofix.delivery import endpoint_health
from autofix.hosts import Issue
from autofix.models import Repository, Run
from autofix.models.webhooks import WebhookEvent
from autofix.steps import STEPS, Lane, Step, StoppingPoint
from autofix.testing import WakeupQueue
from tests.integration.outbox_rows import make_endpoint, make_run, record
from tests.pipeline import Play
from tests.repositories import Snapshot, bare_repository, local_roots

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "reference" / "webhook-schemas.json"


def violations(event: WebhookEvent) -> list[str]:
    """What the event's body has that its schema does not allow."""
    schema = webhook_schemas.schemas()[event.type]
    return [
        f"{event.type}: {error.message}" for error in Draft202012Validator(schema).iter_errors(event.body)
    ]


def test_there_is_one_for_every_type() -> None:
    """None is missing, and each is a valid schema."""
    schemas = webhook_schemas.schemas()
    assert set(schemas) == set(webhooks.EVENT_TYPES)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


def test_the_documentation_has_the_same() -> None:
    """docs/reference/webhook-schemas.json is what the code says; the message says how to write it again."""
    written = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert written == webhook_schemas.schemas(), (
        "python manage.py autofix_deliveries --schemas > " + PUBLISHED.name
    )


@pytest.mark.django_db
def test_anybody_may_read_them() -> None:
    """Without a token: they are documentation."""
    answer = Client().get("/api/0/autofix/webhooks/schemas/")
    assert (answer.status_code, answer.json()) == (200, webhook_schemas.schemas())


@pytest.mark.django_db(transaction=True)
class TestWhatIsSent:
    def test_a_whole_run(self, issue: Issue, play: Play, queue: WakeupQueue) -> None:
        """Every body of a run through all steps, and of one that is cancelled."""
        trigger_autofix_agent(issue, stopping_point=StoppingPoint.CODE_CHANGES)
        queue.drain()
        for step in (Step.TRIAGE, Step.IMPACT_ASSESSMENT):
            trigger_autofix_agent(issue, step, run_id=Run.objects.get().pk)
            queue.drain()
        second = trigger_autofix_agent(issue)
        cancel_run(issue, second.run.pk)
        events = list(WebhookEvent.objects.all())
        assert {event.type for event in events} >= {
            f"autofix.{name}"
            for name in (
                "root_cause_started", "root_cause_completed", "solution_completed", "coding_completed",
                "triage_completed", "impact_assessment_completed", "run_completed", "run_cancelled",
            )
        }  # fmt: skip
        assert [line for event in events for line in violations(event)] == []

    @pytest.mark.parametrize("step", Step)
    def test_a_step_that_fails(self, issue: Issue, play: Play, queue: WakeupQueue, step: Step) -> None:
        """Each step's failure, and that of the run whose pipeline it ends."""
        play(**{step.value: [{"blocks": [], "end": "error", "error": "out of ideas"}]})
        run = trigger_autofix_agent(issue, stopping_point=StoppingPoint.CODE_CHANGES).run
        queue.drain()
        if STEPS[step].lane is Lane.SIDE:
            trigger_autofix_agent(issue, step, run_id=run.pk)
            queue.drain()
        types = set(WebhookEvent.objects.values_list("type", flat=True))
        assert webhooks.event_type(step, "failed") in types
        assert ("autofix.run_failed" in types) is (STEPS[step].lane is Lane.PIPELINE)
        assert [line for event in WebhookEvent.objects.all() for line in violations(event)] == []

    @pytest.mark.parametrize("outcome", ["created", "failed"])
    def test_a_pull_request(
        self, issue: Issue, play: Play, queue: WakeupQueue, tmp_path: Path, outcome: str
    ) -> None:
        """One that is opened, and one whose patch does not fit the repository."""
        content = "x = 1\n" if outcome == "created" else "something else\n"
        reference = bare_repository(tmp_path / "git", [Snapshot({"a.py": content}, "Begin")])
        with local_roots(tmp_path):
            Repository.objects.create(
                organization_id=issue.organization_id, project_id=issue.project_id,
                name=reference.name, provider="local", url=reference.url,
            )  # fmt: skip
            trigger_autofix_agent(issue, stopping_point=StoppingPoint.OPEN_PR)
            queue.drain()
        events = list(WebhookEvent.objects.all())
        assert f"autofix.pr_{outcome}" in {event.type for event in events}
        assert [line for event in events for line in violations(event)] == []

    def test_what_endpoints_are_told(self, queue: WakeupQueue) -> None:
        """A ping, the news of a disabled endpoint, and a body that was too large."""
        endpoint = make_endpoint()
        ping = webhooks.ping(endpoint)
        endpoint_health.disable(ping.deliveries.get(), "No delivery succeeded for 5 days.")
        thin = record(make_run(), "run_completed", stop_reason="x" * 300_000)
        assert thin.body["data"]["truncated"] is True
        events = list(WebhookEvent.objects.all())
        assert {event.type for event in events} == {
            "autofix.ping", "autofix.endpoint_disabled", "autofix.run_completed",
        }  # fmt: skip
        assert [line for event in events for line in violations(event)] == []

    def test_the_schemas_are_strict(self, queue: WakeupQueue) -> None:
        """A body with a wrong field does not pass: the tests above could fail."""
        event = webhooks.ping(make_endpoint())
        event.body = event.body | {"data": {"endpoint_id": "one"}}
        assert violations(event) != []
