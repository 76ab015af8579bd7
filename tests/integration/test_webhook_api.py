"""The API of webhook endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from autofix import secrets
from autofix.delivery import relay
from autofix.models.webhooks import Delivery, Endpoint, WebhookEvent
from tests.integration.outbox_rows import SECRET, make_due, make_endpoint, make_run, record
from tests.integration.receiver import Receiver, answering, listening
from tracker.models import ApiToken, Membership, Organization
from tracker.scopes import SCOPES_OF_ROLE, Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queue")]


class Caller:
    """Somebody with a token, calling the API of one organization's webhooks."""

    def __init__(self, organization: Organization, role: Role, scopes: list[str] | None = None) -> None:
        user = get_user_model().objects.create(username=f"{organization.slug}-{role}-{scopes}")
        Membership.objects.create(organization=organization, user=user, role=role)
        _, self._token = ApiToken.issue(
            user=user, organization=organization, name="t", scopes=scopes or sorted(SCOPES_OF_ROLE[role])
        )
        self.base = f"/api/0/organizations/{organization.slug}/autofix/webhooks/"

    def __call__(self, method: str, path: str = "", body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self._token}"}
        url = path if path.startswith(("/", "http")) else self.base + path
        return Client(headers=headers).generic(
            method, url, b"" if body is None else json.dumps(body).encode(), content_type="application/json"
        )


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(slug="acme", name="Acme")


@pytest.fixture
def admin(organization: Organization) -> Caller:
    """May do everything in acme."""
    return Caller(organization, Role.ADMIN)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A consumer that says 200 until the test makes it behave otherwise."""
    with listening() as running:
        yield running


def create(admin: Caller, url: str, **more: Any) -> dict[str, Any]:
    """A new endpoint, as the API answered."""
    answer = admin("POST", body={"url": url, **more})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


class TestLifecycle:
    def test_create_read_change_delete(self, admin: Caller) -> None:
        """The whole life of an endpoint; the fields are the published ones."""
        made = create(admin, "https://93.184.215.14/hook")
        secret = made.pop("secret")
        assert secret.startswith("whsec_")
        assert {k: v for k, v in made.items() if k not in ("id", "created_at")} == {
            "url": "https://93.184.215.14/hook",
            "events": ["*"],
            "format": "standard",
            "ordered": True,
            "status": "active",
            "disabled_reason": "",
        }
        one = f"{made['id']}/"
        assert admin("GET").json() == [made]
        assert admin("GET", one).json() == made
        changed = admin("PATCH", one, {"events": ["autofix.pr_created"], "format": "sentry"}).json()
        assert (changed["events"], changed["format"], changed["url"]) == (
            ["autofix.pr_created"], "sentry", made["url"],
        )  # fmt: skip
        assert admin("DELETE", one).status_code == 204
        assert admin("GET", one).status_code == 404

    def test_the_secret_is_shown_once_and_stored_encrypted(self, admin: Caller) -> None:
        """Neither the list nor the endpoint nor the row itself shows it again."""
        made = create(admin, "https://93.184.215.14/hook")
        endpoint = Endpoint.objects.get()
        assert made["secret"] not in endpoint.secret
        assert secrets.decrypt(endpoint.secret) == made["secret"]
        assert "secret" not in admin("GET", f"{made['id']}/").json()
        assert "secret" not in admin("GET").json()[0]
        assert "secret" not in admin("PATCH", f"{made['id']}/", {"events": ["*"]}).json()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "url"),
            ({"url": "http://example.com/"}, "url"),
            ({"url": "ftp://example.com/"}, "url"),
            ({"url": "https://me:secret@example.com/"}, "url"),
            ({"url": "https://example.com:22/"}, "url"),
            ({"url": "https://127.0.0.1/"}, "url"),
            ({"url": "https://2130706433/"}, "url"),
            ({"url": "https://[::1]/"}, "url"),
            ({"url": "https://[::ffff:10.0.0.1]/"}, "url"),
            ({"url": "https://169.254.169.254/latest"}, "url"),
            ({"url": "https://localhost/"}, "url"),
            ({"url": "https://example.com\\@127.0.0.1/"}, "url"),
            ({"url": "https://exa mple.com/"}, "url"),
            ({"url": "https://93.184.215.14/" + "a" * 2048}, "url"),
            ({"url": "https://93.184.215.14/", "events": []}, "events"),
            ({"url": "https://93.184.215.14/", "events": "*"}, "events"),
            ({"url": "https://93.184.215.14/", "events": ["autofix.oops"]}, "events.0"),
            ({"url": "https://93.184.215.14/", "format": "xml"}, "format"),
        ],
        ids=str,
    )
    def test_bad_fields_are_named(self, admin: Caller, body: dict[str, Any], field: str) -> None:
        """400 with the field at fault, and no row."""
        answer = admin("POST", body=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert any(name.split(".")[0] == field.split(".", maxsplit=1)[0] for name in answer.json()["errors"])
        assert Endpoint.objects.count() == 0

    def test_a_bad_url_cannot_be_patched_in(self, admin: Caller) -> None:
        """The rules of creation hold for changes."""
        made = create(admin, "https://93.184.215.14/hook")
        assert admin("PATCH", f"{made['id']}/", {"url": "https://10.0.0.1/"}).status_code == 400
        assert admin("PATCH", f"{made['id']}/", {"status": "disabled"}).json()["status"] == "active"


class TestTenants:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", ""), ("POST", ""), ("GET", "{id}/"), ("PATCH", "{id}/"), ("DELETE", "{id}/"),
            ("POST", "{id}/rotate-secret/"), ("POST", "{id}/test/"), ("POST", "{id}/enable/"),
            ("POST", "{id}/recover/"), ("GET", "{id}/deliveries/"), ("POST", "{id}/deliveries/{delivery}/replay/"),
        ],
    )  # fmt: skip
    def test_strangers_see_nothing(
        self, admin: Caller, organization: Organization, method: str, path: str
    ) -> None:
        """Another organization's member gets the answer for what does not exist, by either organization's URL."""
        endpoint = make_endpoint(organization_id=str(organization.pk))
        delivery = record(make_run(organization_id=str(organization.pk))).deliveries.get()
        stranger = Caller(Organization.objects.create(slug="other", name="Other"), Role.OWNER)
        where = path.format(id=endpoint.pk, delivery=delivery.pk)
        body = {"url": "https://93.184.215.14/", "since": "2026-01-01T00:00:00Z"}
        urls = [admin.base + where] if not path else [admin.base + where, where]
        for url in urls:
            answer = stranger(method, url, None if method == "GET" else body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert Endpoint.objects.count() == 1
        assert WebhookEvent.objects.count() == 1

    def test_members_read_and_do_not_write(self, organization: Organization) -> None:
        """403, not 404: they may know that it is there."""
        endpoint = make_endpoint(organization_id=str(organization.pk))
        member = Caller(organization, Role.MEMBER)
        assert member("GET", f"{endpoint.pk}/").status_code == 200
        assert member("POST", body={"url": "https://93.184.215.14/"}).status_code == 403
        assert member("DELETE", f"{endpoint.pk}/").status_code == 403

    def test_one_endpoint_s_deliveries_are_not_another_s(
        self, admin: Caller, organization: Organization
    ) -> None:
        """Replaying by the wrong endpoint's URL finds nothing."""
        own = {"organization_id": str(organization.pk)}
        first, second = make_endpoint(**own), make_endpoint(**own)
        record(make_run(**own))
        path = f"{second.pk}/deliveries/{first.deliveries.get().pk}/replay/"
        assert admin("POST", path).status_code == 404

    def test_nobody_without_a_token(self, organization: Organization) -> None:
        """401 before anything is looked up."""
        assert Client().get(f"/api/0/organizations/{organization.slug}/autofix/webhooks/").status_code == 401

    @pytest.mark.parametrize("endpoint", [0, 2**63, 10**30])
    def test_ids_beyond_the_database_do_not_exist(self, admin: Caller, endpoint: int) -> None:
        """Numbers that no row can have are 404, not an error."""
        assert admin("GET", f"{endpoint}/").status_code == 404

    def test_a_token_is_bound_by_its_scopes(self, organization: Organization) -> None:
        """An admin's token that may only read only reads."""
        reader = Caller(organization, Role.ADMIN, ["org:read"])
        assert reader("GET").status_code == 200
        assert reader("POST", body={"url": "https://93.184.215.14/"}).status_code == 403


class TestDeliveries:
    def test_a_test_sends_one_ping(self, admin: Caller, receiver: Receiver) -> None:
        """Signed with the secret from the answer of creation, whatever the endpoint asked for."""
        made = create(admin, receiver.url, events=["autofix.pr_created"])
        answer = admin("POST", f"{made['id']}/test/")
        assert (answer.status_code, answer.json()["type"]) == (202, "autofix.ping")
        relay.deliver_due()
        (received,) = receiver.requests
        assert (
            Webhook(made["secret"]).verify(received.body.decode(), received.headers)["type"] == "autofix.ping"
        )

    def test_a_disabled_endpoint_is_not_tested(self, admin: Caller, organization: Organization) -> None:
        """409 says why nothing would arrive."""
        endpoint = make_endpoint(organization_id=str(organization.pk), status="disabled")
        answer = admin("POST", f"{endpoint.pk}/test/")
        assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")
        assert Delivery.objects.count() == 0

    def test_deliveries_are_listed_with_their_attempts(self, admin: Caller, receiver: Receiver) -> None:
        """Newest first, each with status, latency and the beginning of the response."""
        made = create(admin, receiver.url)
        receiver.behaviour = answering(500, 200, body=b"x" * 5000)
        for _ in range(2):
            admin("POST", f"{made['id']}/test/")
        relay.deliver_due()
        make_due()
        relay.deliver_due()
        page = admin("GET", f"{made['id']}/deliveries/").json()
        assert [delivery["status"] for delivery in page["results"]] == ["delivered", "delivered"]
        tries = [attempt for delivery in page["results"] for attempt in delivery["attempts"]]
        assert sorted(attempt["response_status"] for attempt in tries) == [200, 200, 500]
        assert all(
            attempt["latency_ms"] >= 0 and len(attempt["response_excerpt"]) == 4096 for attempt in tries
        )

    def test_deliveries_come_in_pages(self, admin: Caller, organization: Organization) -> None:
        """50 at a time; the pages together hold each delivery once."""
        endpoint = make_endpoint(organization_id=str(organization.pk))
        run = make_run(organization_id=str(organization.pk))
        for _ in range(60):
            record(run)
        seen: list[int] = []
        url = f"{endpoint.pk}/deliveries/"
        while url:
            page = admin("GET", url).json()
            seen += [delivery["id"] for delivery in page["results"]]
            url = page["next"]
        assert len(seen) == len(set(seen)) == 60
        assert seen == sorted(seen, reverse=True)

    def test_replay_sends_the_same_id_again(self, admin: Caller, receiver: Receiver) -> None:
        """A delivered event goes out once more, under its own id."""
        made = create(admin, receiver.url)
        delivery = admin("POST", f"{made['id']}/test/").json()
        relay.deliver_due()
        answer = admin("POST", f"{made['id']}/deliveries/{delivery['id']}/replay/")
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        relay.deliver_due()
        assert [r.headers["webhook-id"] for r in receiver.requests] == [delivery["webhook_id"]] * 2
        assert [r.headers["webhook-attempt"] for r in receiver.requests] == ["1", "2"]

    def test_recover_sends_what_was_missed(
        self, admin: Caller, organization: Organization, receiver: Receiver
    ) -> None:
        """Dead deliveries, and events that came while it was disabled; not what had arrived, nor what is older."""
        own = str(organization.pk)
        made = create(admin, receiver.url)
        run = make_run(organization_id=own)
        old, arrived, dead = (record(run) for _ in range(3))
        relay.deliver_due()
        Delivery.objects.filter(event__in=[old, dead]).update(status="dead")
        WebhookEvent.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
        Endpoint.objects.update(status="disabled", disabled_reason="gone")
        missed = record(run)
        assert missed.deliveries.count() == 0
        enabled = admin("POST", f"{made['id']}/enable/").json()
        assert (enabled["status"], enabled["disabled_reason"]) == ("active", "")
        receiver.requests.clear()
        since = (timezone.now() - timedelta(days=1)).isoformat()
        assert admin("POST", f"{made['id']}/recover/", {"since": since}).json() == {"recovered": 2}
        relay.deliver_due()
        expected = [dead.public_id, missed.public_id]
        assert [r.headers["webhook-id"] for r in receiver.requests] == expected
        assert arrived.public_id not in expected

    def test_rotation_lets_both_secrets_sign(self, admin: Caller, receiver: Receiver) -> None:
        """The new secret is shown once; for the overlap both verify."""
        made = create(admin, receiver.url)
        rotated = admin("POST", f"{made['id']}/rotate-secret/").json()
        assert rotated["secret"] not in (made["secret"], SECRET)
        admin("POST", f"{made['id']}/test/")
        relay.deliver_due()
        (received,) = receiver.requests
        for secret in (made["secret"], rotated["secret"]):
            assert Webhook(secret).verify(received.body.decode(), received.headers)
        until = Endpoint.objects.get().previous_secret_until
        assert until is not None
        assert timedelta(hours=23) < until - timezone.now() <= timedelta(hours=24)
