"""What operators and organizations may rely on: limits, filters, metrics, pruning, rotation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from autofix import secrets, webhooks
from autofix.delivery import relay, upkeep
from autofix.delivery.signing import sentry_signature
from autofix.models.webhooks import Attempt, Delivery, Endpoint, EndpointRecord
from tests.integration.outbox_rows import SECRET, make_due, make_endpoint, make_run, record
from tests.integration.receiver import Receiver, answering, listening
from tests.integration.test_webhook_api import Caller
from tracker.models import Organization
from tracker.scopes import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queue")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A consumer that says 200 until the test makes it behave otherwise."""
    with listening() as running:
        yield running


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(slug="acme", name="Acme")


@pytest.fixture
def admin(organization: Organization) -> Caller:
    """May do everything in acme."""
    return Caller(organization, Role.ADMIN)


def test_an_organization_has_so_many_endpoints(
    admin: Caller, organization: Organization, settings: Settings
) -> None:
    """409 beyond MAX_ENDPOINTS; other organizations' endpoints do not count."""
    settings.AUTOFIX = {**settings.AUTOFIX, "WEBHOOKS": {"MAX_ENDPOINTS": 2}}
    make_endpoint(organization_id="other")
    answers = [admin("POST", body={"url": "https://93.184.215.14/"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[2].json()["code"] == "too_many_endpoints"
    assert Endpoint.objects.filter(organization_id=str(organization.pk)).count() == 2


def test_deliveries_by_type_and_status(admin: Caller, organization: Organization) -> None:
    """Filters combine; a word that is none is refused."""
    endpoint = make_endpoint(organization_id=str(organization.pk))
    run = make_run(organization_id=str(organization.pk))
    for kind in ("root_cause_started", "root_cause_completed", "root_cause_completed"):
        record(run, kind)
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(status="dead")

    def count(query: str) -> int:
        return len(admin("GET", f"{endpoint.pk}/deliveries/?{query}").json()["results"])

    assert [count(""), count("type=autofix.root_cause_completed"), count("status=pending")] == [3, 2, 2]
    assert count("type=autofix.root_cause_completed&status=dead") == 1
    assert admin("GET", f"{endpoint.pk}/deliveries/?status=lost").status_code == 400


def test_opting_out_of_order_lets_everything_go(admin: Caller, organization: Organization) -> None:
    """What waited behind an earlier event waits no longer."""
    endpoint = make_endpoint(organization_id=str(organization.pk))
    run = make_run(organization_id=str(organization.pk))
    for _ in range(3):
        record(run)
    assert Delivery.objects.filter(next_attempt_at=None).count() == 2
    assert admin("PATCH", f"{endpoint.pk}/", {"ordered": False}).json()["ordered"] is False
    assert Delivery.objects.filter(next_attempt_at=None).count() == 0


def test_metrics_are_for_who_has_the_token(settings: Settings) -> None:
    """Without the setting there is no page; with it only for its bearer."""
    assert Client().get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "let me in"
    assert Client().get("/metrics").status_code == 404
    assert Client(headers={"authorization": "Bearer let me out"}).get("/metrics").status_code == 404
    assert Client(headers={"authorization": "Bearer let me in"}).get("/metrics").status_code == 200


def test_metrics_say_what_the_database_says(receiver: Receiver, settings: Settings) -> None:
    """Backlog, age, endpoints, attempts by result and their time."""
    make_endpoint(receiver.url)
    receiver.behaviour = answering(200, 500)
    for number in range(2):
        webhooks.record("autofix.ping", key=f"k{number}", organization_id="1", data={"endpoint_id": 1})
    relay.deliver_due()
    Delivery.objects.filter(status="pending").update(next_attempt_at=timezone.now() - timedelta(seconds=90))
    settings.METRICS_TOKEN = "t"
    page = Client(headers={"authorization": "Bearer t"}).get("/metrics").content.decode()
    lines = dict(line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("autofix_webhook"))
    assert lines["autofix_webhook_backlog"] == "1.0"
    assert 90 <= float(lines["autofix_webhook_oldest_due_seconds"]) < 150
    assert lines['autofix_webhook_endpoints{status="active"}'] == "1.0"
    assert lines['autofix_webhook_attempts_total{result="delivered"}'] == "1.0"
    assert lines['autofix_webhook_attempts_total{result="rejected"}'] == "1.0"
    assert lines['autofix_webhook_attempt_seconds_bucket{le="+Inf",result="delivered"}'] == "1.0"


def test_old_attempts_go_in_batches(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oldest first, no more than a batch at a time; deliveries and totals stay."""
    make_endpoint(receiver.url)
    for number in range(5):
        webhooks.record("autofix.ping", key=f"k{number}", organization_id="1", data={"endpoint_id": 1})
    relay.deliver_due()
    oldest = list(Attempt.objects.order_by("pk").values_list("pk", flat=True)[:3])
    Attempt.objects.filter(pk__in=oldest).update(created_at=timezone.now() - timedelta(days=31))
    monkeypatch.setattr(upkeep, "BATCH", 2)
    assert [upkeep.prune_attempts(timezone.now()) for _ in range(3)] == [2, 1, 0]
    assert (Attempt.objects.count(), Delivery.objects.count()) == (2, 5)
    assert EndpointRecord.objects.get().totals["delivered"][0] == 5


def test_a_rotating_secret_of_format_sentry(receiver: Receiver) -> None:
    """One signature has room: the first attempt has the new secret's, the second the old one's."""
    new = secrets.new_webhook_secret()
    make_endpoint(
        receiver.url,
        format="sentry",
        secret=secrets.encrypt(new),
        previous_secret=secrets.encrypt(SECRET),
        previous_secret_until=timezone.now() + timedelta(hours=1),
    )
    receiver.behaviour = answering(401)
    record(make_run())
    for _ in range(3):
        relay.deliver_due()
        make_due()
    given = [request.headers["sentry-hook-signature"] for request in receiver.requests]
    body = receiver.requests[0].body
    assert given == [sentry_signature(secret, body) for secret in (new, SECRET, new)]
