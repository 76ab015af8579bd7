"""The pages: what they show, to whom, and that hostile events stay text."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.integration.tenants import Tenant, crash, make_tenant
from tracker.host import TrackerHost
from tracker.models import Issue
from tracker.signals import new_issue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """New issues start nothing here."""
    monkeypatch.setattr(new_issue, "receivers", [])
    new_issue.sender_receivers_cache.clear()


@pytest.fixture
def tenant() -> Tenant:
    """A tenant with one issue, somebody logged in."""
    made = make_tenant()
    made.store(crash(tags={"till": 7}, breadcrumbs=[{"category": "cart", "message": "added"}]))
    made.client.force_login(made.user)
    return made


def test_the_root_leads_to_the_issues(tenant: Tenant) -> None:
    """Logged in: to the organization's list. Not logged in: by the log-in page, and then there."""
    assert tenant.client.get("/")["Location"] == "/organizations/acme/issues/"
    tenant.client.logout()
    answer = tenant.client.get("/")
    assert answer["Location"] == f"{reverse('tracker:login')}?next=/"
    form = {"username": tenant.user.username, "password": "open sesame", "next": "/"}
    answer = tenant.client.post(reverse("tracker:login"), form, follow=True)
    assert b"SHOP-1" in answer.content


def test_a_user_without_organization_is_told(tenant: Tenant) -> None:
    """Instead of an error."""
    tenant.user.memberships.all().delete()
    assert b"no organization" in tenant.client.get("/").content


def test_logging_out_ends_the_session(tenant: Tenant) -> None:
    """By POST, and then the pages are closed."""
    tenant.client.post(reverse("tracker:logout"))
    assert tenant.client.get("/organizations/acme/issues/").status_code == 302


def test_the_list_shows_the_chosen_issues(tenant: Tenant) -> None:
    """Unresolved ones unless another status or project is asked for; nonsense in the query is no error."""
    assert b"KeyError" in tenant.client.get("/organizations/acme/issues/").content
    for query in ("status=resolved", "page=99", "project=none&page=x", "status=%00&project=%00"):
        assert tenant.client.get(f"/organizations/acme/issues/?{query}").status_code == 200
    assert b"KeyError" not in tenant.client.get("/organizations/acme/issues/?status=resolved").content
    Issue.objects.update(status="resolved")
    assert b"KeyError" not in tenant.client.get("/organizations/acme/issues/").content
    assert b"KeyError" in tenant.client.get("/organizations/acme/issues/?status=all&project=shop").content


def test_many_issues_come_in_pages(tenant: Tenant) -> None:
    """Fifty to a page, and the link to the next one keeps the filter."""
    for number in range(51):
        tenant.store(crash(kind=f"Error{number}"))
    page = tenant.client.get("/organizations/acme/issues/?status=all").content.decode()
    assert 'rel="next" href="?status=all&amp;page=2"' in page
    assert "SHOP-1 " in tenant.client.get("/organizations/acme/issues/?status=all&page=2").content.decode()


def test_an_issue_shows_its_evidence(tenant: Tenant) -> None:
    """Trace with numbered lines, locals, tags, breadcrumbs and time line."""
    TrackerHost().add_activity(TrackerHost().resolve_issue("SHOP-1", "acme"), "Autofix found the root cause.")
    page = tenant.client.get("/organizations/acme/issues/SHOP-1/").content.decode()
    for shown in (
        "shop/cart.py", '1</span><i class="k">def ', '    <i class="k">return </i>cart[<i class="s">&#x27;sum&#x27;</i>]',
        "<code>cart</code>", "till",
        "added", "Autofix found the root cause.", "/api/0/organizations/acme/issues/",
    ):  # fmt: skip
        assert shown in page


def test_frozen_modules_are_no_code_of_the_program(tenant: Tenant) -> None:
    """They are folded away with the libraries, although SDKs call them the program's own."""
    payload = crash(kind="Other")
    frames = payload["exception"]["values"][0]["stacktrace"]["frames"]
    frames.insert(0, {"filename": "<frozen runpy>", "function": "_run_code", "in_app": True})
    tenant.store(payload)
    page = tenant.client.get("/organizations/acme/issues/SHOP-2/").content.decode()
    assert "1 frame of libraries" in page
    assert page.index("1 frame of libraries") < page.index("&lt;frozen runpy&gt;")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (1_700_000_000.5, '22:13:20</time> <span class="level'),
        ("2023-11-14T22:13:20Z", 'title="14 Nov 2023 22:13:20 UTC"'),
        ("soon", "soon"),
        (None, "added"),
    ],
)
def test_a_breadcrumb_has_its_time(tenant: Tenant, sent: object, shown: str) -> None:
    """To the second, the whole of it on hover; what is no time is shown as it came."""
    tenant.store(crash(kind="Other", breadcrumbs=[{"timestamp": sent, "message": "added"}]))
    assert shown in tenant.client.get("/organizations/acme/issues/SHOP-2/").content.decode()


def test_hostile_events_stay_text(tenant: Tenant) -> None:
    """Markup in any part of an event is escaped, and tags and locals may have any name."""
    evil = "<script>alert(1)</script>"
    payload = crash(
        kind=evil, function=evil, tags={evil: evil, "items": evil}, transaction=evil, message=evil
    )
    frame = payload["exception"]["values"][0]["stacktrace"]["frames"][0]
    frame |= {
        "vars": {"items": evil, evil: {"deep": evil}},
        "filename": evil,
        "context_line": evil,
        "pre_context": [evil],
    }
    payload |= {"breadcrumbs": [{"message": evil, "category": evil}], "level": evil}
    assert tenant.store(payload).status_code == 200
    for path in ("SHOP-2/", ""):
        page = tenant.client.get(f"/organizations/acme/issues/{path}").content.decode()
        assert evil not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"message": "said"},
        {"exception": [{"type": "E"}]},
        {"exception": [{"stacktrace": {"frames": [{}]}}]},
    ],
)
def test_poor_events_have_a_page(tenant: Tenant, payload: dict[str, object]) -> None:
    """Without frames, lines or even an exception."""
    tenant.store(payload)
    assert tenant.client.get("/organizations/acme/issues/SHOP-2/").status_code == 200


def test_an_issue_without_events_has_a_page(tenant: Tenant) -> None:
    """Events may be gone while the issue stays."""
    Issue.objects.get().events.all().delete()
    assert b"No event is stored yet" in tenant.client.get("/organizations/acme/issues/SHOP-1/").content


@pytest.mark.parametrize("path", ["", "SHOP-1/"])
def test_pages_of_other_tenants_are_not_there(tenant: Tenant, path: str) -> None:
    """A stranger gets 404 for an organization that exists as for one that does not."""
    stranger = make_tenant("other")
    stranger.client.force_login(stranger.user)
    for organization in ("acme", "nobody", "%00"):
        assert stranger.client.get(f"/organizations/{organization}/issues/{path}").status_code == 404
    assert stranger.client.get(f"/organizations/other/issues/{Issue.objects.get().pk}/").status_code == 404


def test_the_admin_shows_what_there_is(tenant: Tenant) -> None:
    """Every list of the tracker opens; tokens and events cannot be made there."""
    tenant.user.is_staff = tenant.user.is_superuser = True
    tenant.user.save()
    for model in ("organization", "membership", "apitoken", "project", "issue", "event", "activity"):
        assert tenant.client.get(reverse(f"admin:tracker_{model}_changelist")).status_code == 200
    for model in ("apitoken", "event"):
        assert tenant.client.get(reverse(f"admin:tracker_{model}_add")).status_code == 403
    event = Issue.objects.get().events.get()
    assert tenant.client.post(reverse("admin:tracker_event_change", args=[event.pk]), {}).status_code == 403
