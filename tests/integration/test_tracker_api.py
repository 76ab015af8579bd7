"""Reading issues over HTTP, as a user of Sentry's API expects it."""

from __future__ import annotations

import re

import pytest

from tests.integration.tenants import Tenant, crash, make_tenant
from tracker.models import Activity, ApiToken, Issue, Membership, Project
from tracker.scopes import Role
from tracker.signals import new_issue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """New issues start nothing here."""
    monkeypatch.setattr(new_issue, "receivers", [])
    new_issue.sender_receivers_cache.clear()


@pytest.fixture
def tenant() -> Tenant:
    """A tenant with one issue of two events."""
    made = make_tenant()
    made.store(crash(user={"id": 1}, environment="production", tags={"till": 7}))
    made.store(crash(user={"id": 1}, release="shop@2", environment="production"))
    return made


def test_a_list_has_what_sentrys_has(tenant: Tenant) -> None:
    """Names and types of the fields: ids and counts are strings, numbers of users are not."""
    answer = tenant.get("issues/")
    assert answer.status_code == 200
    (issue,) = answer.json()
    expected = {
        "shortId": "SHOP-1", "title": "KeyError: 'sum'", "culprit": "shop.cart in total", "level": "error",
        "status": "unresolved", "platform": "python", "count": "2", "userCount": 1,
        "metadata": {"type": "KeyError", "value": "'sum'"},
        "permalink": "http://testserver/organizations/acme/issues/SHOP-1/",
        "project": {"id": str(tenant.project.pk), "name": "Shop", "slug": "shop", "platform": "python"},
    }  # fmt: skip
    assert {key: issue[key] for key in expected} == expected
    assert issue["id"] == str(Issue.objects.get().pk)
    assert issue["firstSeen"] <= issue["lastSeen"]


def test_an_issue_is_found_by_id_and_short_id(tenant: Tenant) -> None:
    """Both give the same answer, with tags and time line; the organization may be named by its id, too."""
    row = Issue.objects.get()
    Activity.objects.create(issue=row, text="seen")
    by_id, by_short_id = tenant.get(f"issues/{row.pk}/").json(), tenant.get("issues/SHOP-1/").json()
    assert by_id == by_short_id
    tags = {tag["key"]: (tag["totalValues"], tag["topValues"]) for tag in by_id["tags"]}
    assert tags["environment"] == (2, [{"value": "production", "count": 2}])
    assert tags["till"] == (1, [{"value": "7", "count": 1}])
    assert [note["data"]["text"] for note in by_id["activity"]] == ["seen"]
    answer = tenant.client.get(
        f"/api/0/organizations/{tenant.organization.pk}/issues/shop-1/", headers=tenant.bearer()
    )
    assert answer.json() == by_id


def test_the_latest_event(tenant: Tenant) -> None:
    """The newest event with its entries, tags and context."""
    event = tenant.get("issues/SHOP-1/events/latest/").json()
    assert (event["release"], event["groupID"]) == ("shop@2", str(Issue.objects.get().pk))
    assert {"key": "release", "value": "shop@2"} in event["tags"]
    (entry,) = event["entries"]
    assert entry["type"] == "exception"
    assert entry["data"]["values"][0]["type"] == "KeyError"


def test_an_issue_without_events_has_no_latest_one(tenant: Tenant) -> None:
    """404, in the same words as an issue that is not there."""
    Issue.objects.get().events.all().delete()
    answer = tenant.get("issues/SHOP-1/events/latest/")
    assert (answer.status_code, answer.json()) == (404, tenant.get("issues/SHOP-99/").json())


def test_a_list_can_be_narrowed(tenant: Tenant) -> None:
    """By project (id or slug) and by status; what does not exist is an error with the field's name."""
    other = Project.objects.create(organization=tenant.organization, slug="till", name="Till")
    row = Issue.objects.get()
    assert len(tenant.get("issues/", project="shop").json()) == 1
    assert len(tenant.get("issues/", project=[str(other.pk), "shop"]).json()) == 1
    assert tenant.get("issues/", project=str(other.pk)).json() == []
    assert tenant.get("issues/", status="resolved").json() == []
    Issue.objects.filter(pk=row.pk).update(status="resolved")
    assert len(tenant.get("issues/", status=["resolved", "ignored"]).json()) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"project": "none"}, {"project": "\x00"}, {"status": "lost"}, {"limit": "0"}, {"limit": "101"}, {"limit": "-1"},
        {"limit": "x"}, {"cursor": "x"}, {"cursor": "1:x"}, {"cursor": "9" * 99}, {"cursor": "\x00"},
    ],
)  # fmt: skip
def test_a_bad_query_names_its_field(tenant: Tenant, query: dict[str, str]) -> None:
    """400 with the contract's error body."""
    answer = tenant.get("issues/", **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["errors"]) == list(query)


def test_pages_follow_each_other(tenant: Tenant) -> None:
    """Following the Link header meets every issue once, newest first, though new ones arrive in between."""
    for number in range(6):
        tenant.store(crash(kind=f"Error{number}"))
    met: list[str] = []
    path: str | None = "/api/0/organizations/acme/issues/?limit=3&project=shop"
    while path:
        answer = tenant.client.get(path, headers=tenant.bearer())
        met += [issue["shortId"] for issue in answer.json()]
        path = following(answer["Link"])
        tenant.store(crash(kind=f"Later{len(met)}"))
    assert met == [f"SHOP-{number}" for number in range(7, 0, -1)]


def following(link: str) -> str | None:
    """The next page's address, None after the last one."""
    match = re.search(r'<http://testserver([^>]*)>; rel="next"; results="true"', link)
    return match[1] if match else None


PATHS = ["issues/", "issues/SHOP-1/", "issues/SHOP-1/events/latest/"]


@pytest.mark.parametrize("path", PATHS)
def test_another_tenants_things_are_not_there(tenant: Tenant, path: str) -> None:
    """A stranger with a good token gets, for an organization that exists, what nobody's organization answers."""
    stranger = make_tenant("other")
    theirs = tenant.client.get(f"/api/0/organizations/acme/{path}", headers=stranger.bearer())
    nobodys = tenant.client.get(f"/api/0/organizations/nobody/{path}", headers=stranger.bearer())
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content == nobodys.content
    assert theirs.headers.keys() == nobodys.headers.keys()


def test_an_id_does_not_reach_across_tenants(tenant: Tenant) -> None:
    """Another tenant's issue id below one's own organization is not found."""
    stranger = make_tenant("other")
    assert stranger.get(f"issues/{Issue.objects.get().pk}/").status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_member_without_the_scope_is_forbidden(tenant: Tenant, path: str) -> None:
    """A member knows that the organization is there: 403, not 404."""
    _, token = ApiToken.issue(tenant.organization, tenant.user, ["org:read"])
    answer = tenant.client.get(f"/api/0/organizations/acme/{path}", headers=tenant.bearer(token))
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Bearer a b", "Bearer \xff", "bearer " + "0" * 64])
def test_a_token_that_is_none_is_unauthorized(tenant: Tenant, header: str) -> None:
    """401 with the challenge."""
    answer = tenant.client.get("/api/0/organizations/acme/issues/", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_who_left_gets_nothing(tenant: Tenant) -> None:
    """A token acts for its user: without the membership it sees nothing, and of an inactive user it is no token."""
    Membership.objects.filter(user=tenant.user).update(role=Role.MEMBER)
    assert tenant.get("issues/").status_code == 200
    Membership.objects.filter(user=tenant.user).delete()
    assert tenant.get("issues/").status_code == 404
    tenant.user.is_active = False
    tenant.user.save()
    assert tenant.get("issues/").status_code == 401


def test_a_token_is_good_for_its_organization_only(tenant: Tenant) -> None:
    """A user of two organizations: the token of one does not open the other."""
    other = make_tenant("other")
    Membership.objects.create(organization=other.organization, user=tenant.user, role=Role.OWNER)
    answer = tenant.client.get("/api/0/organizations/other/issues/", headers=tenant.bearer())
    assert answer.status_code == 404


def test_tokens_are_not_kept(tenant: Tenant) -> None:
    """The database holds a digest; the token is in no column."""
    assert tenant.token not in str(ApiToken.objects.values().get())


def test_a_session_works_too(tenant: Tenant) -> None:
    """Somebody who is logged in needs no token; nobody at all is unauthorized."""
    assert tenant.client.get("/api/0/organizations/acme/issues/").status_code == 401
    tenant.client.force_login(tenant.user)
    assert tenant.client.get("/api/0/organizations/acme/issues/").status_code == 200
