"""Recording: what is written into the outbox, and for whom."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from autofix import webhooks
from autofix.delivery.bodies import MAX_BODY, encode
from autofix.models import Run
from autofix.models.webhooks import Delivery, EndpointStatus, WebhookEvent
from autofix.steps import STEPS, Step
from autofix.testing import wakeup_queue
from autofix.wakeups import DELIVER
from tests.integration.outbox_rows import make_endpoint, make_run, record


def test_the_catalogue_is_the_published_one() -> None:
    """Derived from the steps, it is what the documentation of the webhooks lists."""
    steps = ("root_cause", "solution", "coding", "impact_assessment", "triage")
    others = (
        "pr_created",
        "pr_failed",
        "run_completed",
        "run_failed",
        "run_cancelled",
        "endpoint_disabled",
        "ping",
    )
    names = [f"{step}_{outcome}" for step in steps for outcome in ("started", "completed", "failed")]
    assert set(webhooks.EVENT_TYPES) == {f"autofix.{name}" for name in (*names, *others)}
    assert len(webhooks.EVENT_TYPES) == len(set(webhooks.EVENT_TYPES)) == 3 * len(STEPS) + 7


def test_code_changes_are_called_coding() -> None:
    """The step's word in event types is not its own name."""
    assert webhooks.event_type(Step.CODE_CHANGES, "failed") == "autofix.coding_failed"


@pytest.mark.django_db
class TestBody:
    def test_body_is_exactly_the_published_one(self) -> None:
        """Keys in order, ids as strings, numbers as numbers, the time in UTC."""
        run = make_run()
        body = record(run, "root_cause_completed", root_cause={"one_line_description": "x"}).body
        assert re.fullmatch(r"evt_[0-9a-f]{32}", body["id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
        del body["id"], body["timestamp"]
        assert body == {
            "type": "autofix.root_cause_completed",
            "schema_version": 1,
            "organization_id": "1",
            "project_id": "2",
            "issue_id": "3",
            "run_id": run.pk,
            "run_uuid": str(run.uuid),
            "sequence": 1,
            "data": {"root_cause": {"one_line_description": "x"}},
        }

    def test_too_large_bodies_are_sent_thin(self) -> None:
        """Over 256 KiB the data gives way to the place where it can be read."""
        run = make_run()
        fits = record(run, data="x" * (MAX_BODY - 600))
        thin = record(run, data="é" * (MAX_BODY // 2))
        assert "truncated" not in fits.body["data"]
        url = f"/api/0/organizations/1/issues/3/autofix/?run_id={run.pk}"
        assert thin.body["data"] == {"truncated": True, "url": url}

    def test_what_parsers_and_databases_refuse_is_replaced(self) -> None:
        """NUL, lone surrogates and NaN in an agent's output neither break the transaction nor the consumer."""
        event = record(make_run(), text="a\0b\ud800", number=float("nan"), deep=[{"\udfff": float("inf")}])
        event.refresh_from_db()
        assert event.body["data"] == {"text": "a\ufffdb\ufffd", "number": None, "deep": [{"\ufffd": None}]}
        assert json.loads(encode(event.body)) == event.body

    def test_a_type_outside_of_the_catalogue_is_refused(self) -> None:
        """A misspelt type is an error at once, not an event that nobody gets."""
        with pytest.raises(ValueError, match=r"autofix\.oops"):
            record(make_run(), "oops")


@pytest.mark.django_db
class TestFanOut:
    def test_everyone_who_wants_it_and_no_one_else(self) -> None:
        """By filter, by organization, by status and by what the format has."""
        wanting = [
            make_endpoint(),
            make_endpoint(events=["autofix.root_cause_failed"]),
            make_endpoint(status=EndpointStatus.OPEN),
        ]
        make_endpoint(events=["autofix.root_cause_started"])
        make_endpoint(status=EndpointStatus.DISABLED)
        make_endpoint(organization_id="2")
        make_endpoint(format="sentry")
        event = record(make_run(), "root_cause_failed")
        assert set(event.deliveries.values_list("endpoint_id", flat=True)) == {e.pk for e in wanting}

    def test_number_of_queries_does_not_grow_with_endpoints(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        """30 endpoints cost as many queries as one."""
        run = make_run()
        make_endpoint()
        with CaptureQueriesContext(connection) as one:
            record(run)
        for _ in range(29):
            make_endpoint()
        with django_assert_num_queries(len(one)):
            event = record(run)
        assert event.deliveries.count() == 30

    def test_a_ping_goes_to_its_endpoint_alone(self) -> None:
        """Whatever its filter says, and to nobody else."""
        make_endpoint()
        endpoint = make_endpoint(events=["autofix.pr_created"])
        assert [d.endpoint for d in webhooks.ping(endpoint).deliveries.all()] == [endpoint]


@pytest.mark.django_db(transaction=True)
class TestOnce:
    def test_the_same_key_again_changes_nothing(self) -> None:
        """The first event is returned; no sequence is used up, no delivery is added, nobody is woken."""
        run = make_run()
        make_endpoint()
        common: dict[str, Any] = {"key": "k", "organization_id": "1", "run": run}
        with wakeup_queue() as queue:
            first = webhooks.record("autofix.pr_created", data={"n": 1}, **common)
            second = webhooks.record("autofix.pr_created", data={"n": 2}, **common)
        assert second.pk == first.pk
        assert second.body["data"] == {"n": 1}
        assert run.event_sequence == 1
        assert Delivery.objects.count() == 1
        assert [message.task for message in queue.messages] == [DELIVER]

    def test_another_organization_has_keys_of_its_own(self) -> None:
        """The same key in two organizations names two happenings."""
        first = webhooks.record("autofix.ping", key="k", organization_id="1", data={})
        assert webhooks.record("autofix.ping", key="k", organization_id="2", data={}).pk != first.pk

    def test_a_rollback_takes_everything_back(self) -> None:
        """No event, no delivery, no wake-up and no gap after a transaction that did not happen."""
        run = make_run()
        make_endpoint()

        def fail_after_recording() -> None:
            with transaction.atomic():
                record(Run.objects.select_for_update().get(pk=run.pk))
                raise ZeroDivisionError

        with wakeup_queue() as queue, pytest.raises(ZeroDivisionError):
            fail_after_recording()
        assert (WebhookEvent.objects.count(), Delivery.objects.count(), queue.messages) == (0, 0, [])
        assert record(Run.objects.get(pk=run.pk)).sequence == 1

    def test_sequence_has_no_gaps_under_concurrency(self) -> None:
        """20 transactions at once, each with the run locked, number their events 1 to 20."""
        run = make_run()

        def advance(number: int) -> None:
            try:
                with transaction.atomic():
                    locked = Run.objects.select_for_update().get(pk=run.pk)
                    webhooks.record(
                        "autofix.pr_created", key=f"k{number}", organization_id="1", data={}, run=locked
                    )
                    locked.save()
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(advance, range(20)))
        numbers = WebhookEvent.objects.order_by("sequence").values_list("sequence", flat=True)
        assert list(numbers) == list(range(1, 21))

    def test_an_unlocked_run_is_noticed(self) -> None:
        """A caller with a stale run gets an error instead of a second event with the same number."""
        run = make_run()
        stale = Run.objects.get(pk=run.pk)
        record(run)
        with pytest.raises(IntegrityError):
            webhooks.record("autofix.pr_created", key="other", organization_id="1", data={}, run=stale)
