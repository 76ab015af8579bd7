"""Who may see and do what on the panel; the settings and the webhook pages; what carries which headers."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from autofix.hosts import Issue
from autofix.models import (
    Attempt,
    Delivery,
    Endpoint,
    ProjectPreference,
    Repository,
    Run,
)
from autofix.testing import WakeupQueue
from autofix.webhook_endpoints import DeliveryPages
from tests.integration.outbox_rows import make_endpoint, make_run, record
from tests.integration.ui.visitors import PANEL, START, post, visitor
from tests.pipeline import Play
from tracker.scopes import Role

pytestmark = pytest.mark.django_db

SETTINGS = "/autofix/projects/acme/shop/settings/"
WEBHOOKS = "/autofix/organizations/acme/webhooks/"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
PAGES = [
    "/autofix/organizations/acme/issues/SHOP-1/panel/",
    "/autofix/organizations/acme/issues/SHOP-1/blocks/",
    SETTINGS,
    WEBHOOKS,
]


class TestWhoMay:
    @pytest.mark.parametrize("path", PAGES)
    def test_a_stranger_is_sent_to_the_login(self, issue: Issue, path: str) -> None:
        """And from there to where they wanted to go."""
        answer = Client().get(path)
        assert answer.status_code == 302
        assert answer["Location"] == f"/login/?next={path}"

    @pytest.mark.parametrize("path", PAGES)
    def test_other_tenants_find_nothing(self, issue: Issue, path: str) -> None:
        """The same page as for what is not there at all."""
        client = visitor(None)
        there, nowhere = client.get(path), client.get(path.replace("acme", "nobody"))
        assert there.status_code == nowhere.status_code == 404
        assert TOKEN.sub("", there.content.decode()) == TOKEN.sub("", nowhere.content.decode())

    @pytest.mark.parametrize("path", [START, SETTINGS, WEBHOOKS])
    def test_a_form_without_its_token_changes_nothing(self, issue: Issue, path: str) -> None:
        """The forms are guarded against other sites."""
        answer = post(visitor(csrf=True), path, tuning="high", url="https://example.com/")
        assert answer.status_code == 403
        assert [
            model for model in (Run, Endpoint, ProjectPreference) if model._default_manager.exists()
        ] == []

    def test_the_form_of_a_real_page_passes(self, issue: Issue, queue: WakeupQueue, play: Play) -> None:
        """With the token of the page, the run starts and the way leads back."""
        client = visitor(csrf=True)
        page = client.get(PANEL).content.decode()
        token = TOKEN.findall(page)[-1]
        answer = post(client, START, csrfmiddlewaretoken=token, next=PANEL, stopping_point="solution")
        assert answer["Location"] == f"{PANEL}#autofix"
        assert Run.objects.get().stopping_point == "solution"

    def test_a_member_reads_settings_and_changes_none(self, issue: Issue) -> None:
        """Fields are disabled, and the form is refused."""
        client = visitor(Role.MEMBER)
        assert "disabled" in client.get(SETTINGS).content.decode()
        assert post(client, SETTINGS, tuning="always").status_code == 403
        assert post(client, WEBHOOKS, url="https://example.com/").status_code == 403

    def test_the_way_back_stays_on_this_site(self, issue: Issue, queue: WakeupQueue, play: Play) -> None:
        """An address that somebody slipped into the form is not followed."""
        answer = post(visitor(), START, next="https://evil.example/")
        assert answer["Location"] == "/#autofix"


class TestDeliveries:
    def test_pages_filters_and_odd_queries(self, issue: Issue, queue: WakeupQueue) -> None:
        """Fifty a page with a way to the older ones; filters narrow; a made-up cursor or filter is refused with a page."""
        endpoint = make_endpoint(organization_id=issue.organization_id)
        run = make_run(organization_id=issue.organization_id)
        for _ in range(DeliveryPages.page_size + 1):
            record(run)
        client, page = visitor(), f"{WEBHOOKS}{endpoint.pk}/"
        first = client.get(page).content.decode()
        assert first.count('id="delivery-') == DeliveryPages.page_size
        older = re.search(r'rel="next" href="([^"#]+)', first)
        assert older is not None
        rest = client.get(older[1].replace("&amp;", "&")).content.decode()
        assert rest.count('id="delivery-') == 1
        assert 'rel="prev"' in rest
        assert "No delivery is like that" in client.get(f"{page}?status=dead").content.decode()
        assert client.get(f"{page}?type=nonsense").status_code == 400
        made_up = base64.b64encode(b"p=no-number").decode()
        assert client.get(f"{page}?cursor={made_up}").status_code == 400

    def test_an_attempt_says_what_came_of_it(self, issue: Issue, queue: WakeupQueue) -> None:
        """The last answer's status and how long it took stand in the row; no answer is said, too."""
        endpoint = make_endpoint(organization_id=issue.organization_id)
        record(make_run(organization_id=issue.organization_id))
        delivery, client = Delivery.objects.get(), visitor()
        for number, status in ((1, None), (2, 503)):
            Attempt.objects.create(
                delivery=delivery,
                number=number,
                response_status=status,
                latency_ms=40 + number,
            )
            page = client.get(f"{WEBHOOKS}{endpoint.pk}/").content.decode()
            assert (", no answer in 41 ms", ", last 503 in 42 ms")[number - 1] in page
            assert page.count(" ms, <time") == number

    def test_the_next_attempt_is_said_by_how_soon(self, issue: Issue, queue: WakeupQueue) -> None:
        """With the exact time on hover; no script counts it as something past."""
        endpoint = make_endpoint(organization_id=issue.organization_id)
        record(make_run(organization_id=issue.organization_id))
        client, now = visitor(), timezone.now()
        for ahead, words in (
            (timedelta(hours=2, minutes=1), "in 2\xa0hours"),
            (timedelta(seconds=20), "in a moment"),
        ):
            Delivery.objects.update(next_attempt_at=now + ahead)
            page = client.get(f"{WEBHOOKS}{endpoint.pk}/").content.decode()
            found = re.search(rf"next <time datetime=[^>]*>{words}</time>", page)
            assert found is not None
            assert "title=" in found[0]
            assert "data-autofix-ago" not in found[0]

    def test_recovering_says_how_many(self, issue: Issue, queue: WakeupQueue) -> None:
        """What is undelivered since the given time is sent again; what is no time is refused; a reader may not."""
        endpoint = make_endpoint(organization_id=issue.organization_id)
        record(make_run(organization_id=issue.organization_id))
        Delivery.objects.update(status="dead")
        client, form = visitor(), f"{WEBHOOKS}{endpoint.pk}/recover/"
        answer = post(client, form, since="2020-01-01T00:00")
        assert answer["Location"] == f"{WEBHOOKS}{endpoint.pk}/?recovered=1#deliveries"
        assert Delivery.objects.get().status == "pending"
        assert "on their way again" in client.get(answer["Location"]).content.decode()
        assert post(client, form, since="yesterday").status_code == 400
        assert post(visitor(Role.MEMBER), form, since="2020-01-01T00:00").status_code == 403


class TestSettings:
    def test_preferences_and_repositories_are_stored(self, issue: Issue) -> None:
        """What the form says replaces what was there; a row without a name is none; no side step is none."""
        row = {
            "provider": "local",
            "name": "acme/shop",
            "url": "/srv/acme/shop.git",
            "branch": "main",
            "stack_root": "app/",
            "source_root": "",
        }
        form = {f"repositories.0.{name}": value for name, value in row.items()}
        form |= {"repositories.1.provider": "local", "side_steps[]": "", "tuning": "high"}
        client = visitor()
        answer = post(client, SETTINGS, **form, stopping_point="solution")
        assert answer.status_code == 303
        stored = ProjectPreference.objects.get()
        assert (stored.tuning, stored.stopping_point, stored.side_steps) == ("high", "solution", [])
        assert list(Repository.objects.values(*row)) == [row]
        cleared = form | {f"repositories.0.{name}": "" for name in row if name != "provider"}
        assert post(client, SETTINGS, **cleared).status_code == 303
        assert not Repository.objects.exists()

    @pytest.mark.parametrize("field", ["repositories", "repositories.x.name", "repositories.0.0.name"])
    def test_a_form_of_another_shape_is_refused(self, issue: Issue, field: str) -> None:
        """What is no list of repositories is named as wrong, and the page still renders."""
        answer = post(visitor(), SETTINGS, **{field: "x"})
        assert answer.status_code == 400
        assert "Repositor" in answer.content.decode()
        assert not ProjectPreference.objects.exists()


def test_no_page_allows_inline_code(issue: Issue) -> None:
    """Every page forbids inline scripts and styles, and has none."""
    client = visitor()
    for path in (
        PANEL,
        "/organizations/acme/issues/",
        SETTINGS,
        WEBHOOKS,
        "/login/",
        "/admin/login/",
        "/api/docs/",
    ):
        answer = client.get(path, follow=True)
        policy = answer["Content-Security-Policy"]
        assert "'unsafe-inline'" not in policy
        assert "script-src 'self'" in policy
        page = answer.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page), path


def test_what_is_not_there_has_a_page(issue: Issue) -> None:
    """With a way back, for people who are signed in and for strangers."""
    for client in (visitor(), Client()):
        answer = client.get("/nothing/like/it/")
        assert answer.status_code == 404
        assert "Not here" in answer.content.decode()
