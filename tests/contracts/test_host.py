"""What every host must do, asked of the double in memory and of the reference tracker alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from autofix.hosts import Actor, Host, HostIssueNotFound, Issue
from autofix.hosts.base import Permission, ProjectRef
from autofix.hosts.memory import MemoryHost
from tracker.host import TrackerHost
from tracker.ingestion.store import store_event
from tracker.models import Activity, ApiToken, Membership, Organization, Project
from tracker.scopes import Role
from tracker.signals import new_issue

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class World:
    """A host, two organizations with one project each, and how to put things into it."""

    host: Host
    acme: ProjectRef
    other: ProjectRef
    report: Callable[[ProjectRef, Mapping[str, Any]], Issue]
    person: Callable[[ProjectRef, tuple[Permission, ...] | None], Actor]
    activities: Callable[[Issue], list[str]]


def crash(kind: str = "KeyError", frames: int = 1, **rest: Any) -> dict[str, Any]:
    """An event as an SDK sends it."""
    places = [
        {"function": f"f{i}", "module": "shop", "in_app": True, "vars": {"n": "1"}} for i in range(frames)
    ]
    return {
        "exception": {"values": [{"type": kind, "value": "no", "stacktrace": {"frames": places}}]},
        **rest,
    }


def memory_world() -> World:
    """The double."""
    host = MemoryHost()
    issues: dict[tuple[str, str], Issue] = {}

    def report(project: ProjectRef, payload: Mapping[str, Any]) -> Issue:
        key = (project.project_id, payload["exception"]["values"][0]["type"])
        if key in issues:
            host.add_event(issues[key], payload)
        else:
            issues[key] = host.add_issue(project, payload)
        return host.resolve_issue(issues[key].id)

    def person(project: ProjectRef, permissions: tuple[Permission, ...] | None) -> Actor:
        actor = host.actor(SimpleNamespace(user=f"person-{len(host._permissions)}-{permissions}"))
        if permissions is not None:
            host.allow(actor.id, project.organization_id, *permissions)
        return actor

    return World(
        host=host,
        acme=host.add_project(host.add_organization("acme"), "shop"),
        other=host.add_project(host.add_organization("other"), "shop"),
        report=report,
        person=person,
        activities=lambda issue: [text for key, text in host.activities if key == issue.id],
    )


def tracker_world() -> World:
    """The reference tracker, over its own ingestion."""
    host = TrackerHost()
    counter = iter(range(1_000_000))

    def project(slug: str) -> ProjectRef:
        organization = Organization.objects.create(slug=slug, name=slug)
        row = Project.objects.create(organization=organization, slug="shop", name="shop")
        return ProjectRef(organization_id=str(organization.pk), project_id=str(row.pk))

    def report(where: ProjectRef, payload: Mapping[str, Any]) -> Issue:
        row = Project.objects.select_related("organization").get(pk=where.project_id)
        event_id = f"{next(counter):032x}"
        # A fingerprint by the kind of error alone, so that both worlds group alike.
        kind = payload["exception"]["values"][0]["type"]
        store_event(row, event_id, {**payload, "fingerprint": [kind]})
        found = row.issues.get(events__event_id=event_id)
        return host.resolve_issue(str(found.pk))

    def person(where: ProjectRef, permissions: tuple[Permission, ...] | None) -> Actor:
        user = User.objects.create_user(f"person-{next(counter)}")
        if permissions is None:
            return host.actor(SimpleNamespace(user=user, auth=None))
        organization = Organization.objects.get(pk=where.organization_id)
        Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
        token, _ = ApiToken.issue(organization, user, list(permissions))
        return host.actor(SimpleNamespace(user=user, auth=token))

    def activities(issue: Issue) -> list[str]:
        return list(Activity.objects.filter(issue_id=issue.id).values_list("text", flat=True))

    return World(host, project("acme"), project("other"), report, person, activities)


@pytest.fixture(params=[memory_world, tracker_world], ids=["memory", "tracker"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    """A fresh world of each kind; nobody else listens for its issues."""
    monkeypatch.setattr(new_issue, "receivers", [])
    new_issue.sender_receivers_cache.clear()
    made: World = request.param()
    return made


def test_an_issue_is_found_by_id_and_by_short_id(world: World) -> None:
    """Both words name the same issue, with its organization by id or slug, and without one where only one has it."""
    issue = world.report(world.acme, crash())
    for organization in (None, world.acme.organization_id, issue.organization_slug):
        assert world.host.resolve_issue(issue.id, organization) == issue
        assert world.host.resolve_issue(issue.short_id, organization) == issue
    assert (issue.short_id, issue.title) == ("SHOP-1", "KeyError: no")
    assert (issue.organization_id, issue.project_id) == (world.acme.organization_id, world.acme.project_id)


def test_another_tenants_issue_is_not_there(world: World) -> None:
    """Neither id nor short id reach across organizations, and a short id that both use names neither without one."""
    mine, theirs = world.report(world.acme, crash()), world.report(world.other, crash())
    assert mine.short_id == theirs.short_id
    with pytest.raises(HostIssueNotFound):
        world.host.resolve_issue(theirs.id, world.acme.organization_id)
    with pytest.raises(HostIssueNotFound):
        world.host.resolve_issue(mine.short_id)
    assert world.host.resolve_issue(mine.short_id, world.acme.organization_id) == mine


@pytest.mark.parametrize(
    "word", ["", "0", "-1", "SHOP-", "SHOP-99", "\uff19", "9" * 40, "a\x00b", "\ud800", "SHOP-1 OR 1=1"]
)
def test_words_that_name_nothing_are_not_found(world: World, word: str) -> None:
    """Whatever stands in a URL ends in HostIssueNotFound, never in a database's error."""
    world.report(world.acme, crash())
    for lookup in (
        lambda: world.host.resolve_issue(word),
        lambda: world.host.resolve_issue(word, world.acme.organization_id),
        lambda: world.host.resolve_issue("SHOP-1", word),
        lambda: world.host.resolve_organization(word),
        lambda: world.host.resolve_project(world.acme.organization_id, word),
        lambda: world.host.resolve_project(word, "shop"),
    ):
        with pytest.raises(HostIssueNotFound):
            lookup()


def test_organizations_and_projects_are_found_by_id_and_slug(world: World) -> None:
    """Slugs resolve to ids, and ids to themselves; another organization's project is not there."""
    organization = world.acme.organization_id
    assert (
        world.host.resolve_organization("acme")
        == world.host.resolve_organization(organization)
        == organization
    )
    assert world.host.resolve_project("acme", "shop") == world.acme
    assert world.host.resolve_project(organization, world.acme.project_id) == world.acme
    with pytest.raises(HostIssueNotFound):
        world.host.resolve_project("acme", world.other.project_id)


def test_a_member_may_do_what_was_granted_and_a_stranger_nothing(world: World) -> None:
    """The difference between 403 and 404: a member without the scope is known, a stranger is not."""
    reader, stranger = world.person(world.acme, ("issue:read",)), world.person(world.acme, None)
    organization, project = world.acme.organization_id, world.acme.project_id
    assert world.host.is_member(reader, organization)
    assert world.host.can(reader, "issue:read", organization)
    assert world.host.can(reader, "issue:read", organization, project)
    assert not world.host.can(reader, "issue:write", organization)
    assert not world.host.can(reader, "issue:read", organization, world.other.project_id)
    for actor, where in ((stranger, world.acme), (reader, world.other)):
        assert not world.host.is_member(actor, where.organization_id)
        assert not world.host.can(actor, "issue:read", where.organization_id)
    assert not world.host.can(reader, "issue:read", "no-such-organization")


def test_events_come_newest_first(world: World) -> None:
    """The limit keeps the newest; the latest event is the first of them; every id is its own."""
    for release in ("1", "2", "3"):
        issue = world.report(world.acme, crash(release=release))
    assert [event.release for event in world.host.events(issue)] == ["3", "2", "1"]
    assert [event.release for event in world.host.events(issue, limit=2)] == ["3", "2"]
    latest = world.host.latest_event(issue)
    assert latest is not None
    assert latest.release == "3"
    assert len({event.id for event in world.host.events(issue)}) == 3
    assert issue.times_seen == 3


def test_an_event_keeps_what_was_sent(world: World) -> None:
    """The normal form has the frame, and its pointer leads to that frame in the raw payload."""
    event = world.host.latest_event(world.report(world.acme, crash(frames=2)))
    assert event is not None
    assert event.raised is not None
    frame = event.raised.raising_frame
    assert frame is not None
    assert (frame.function, frame.pointer) == ("f1", "/exception/values/0/stacktrace/frames/1")
    assert event.raw["exception"]["values"][0]["stacktrace"]["frames"][1]["function"] == "f1"


def test_tags_are_counted(world: World) -> None:
    """Environment, release and level count as tags; the most frequent value comes first."""
    for environment in ("staging", "production", "production"):
        issue = world.report(world.acme, crash(environment=environment, tags=[["till", "7"]], level="fatal"))
    found = world.host.tag_distribution(issue)
    assert [(tag.value, tag.count) for tag in found["environment"]] == [("production", 2), ("staging", 1)]
    assert [(tag.value, tag.count) for tag in found["till"]] == [("7", 3)]
    assert [(tag.value, tag.count) for tag in found["level"]] == [("fatal", 3)]
    assert "release" not in found


def test_a_new_issue_is_announced_once_with_its_event(world: World) -> None:
    """When the receiver is called the event can be read; more events of the issue announce nothing."""
    seen: list[tuple[str, bool]] = []

    def receiver(issue_id: str) -> None:
        assert not transaction.get_connection().in_atomic_block
        seen.append((issue_id, world.host.latest_event(world.host.resolve_issue(issue_id)) is not None))

    world.host.connect_new_issue(receiver)
    world.host.connect_new_issue(receiver)
    first = world.report(world.acme, crash())
    world.report(world.acme, crash())
    second = world.report(world.acme, crash(kind="ValueError"))
    assert seen == [(first.id, True), (second.id, True)]


def test_the_representative_event_tells_most(world: World) -> None:
    """An event with more frames explains more than a newer one with fewer."""
    if not world.host.supports_representative_event:
        pytest.skip("this host has no representative events")
    for frames in (1, 3, 2):
        issue = world.report(world.acme, crash(frames=frames))
    event = world.host.representative_event(issue)
    assert event is not None
    assert event.raised is not None
    assert len(event.raised.frames) == 3


def test_similar_issues_are_others_of_the_same_project(world: World) -> None:
    """Never the issue itself, never another tenant's."""
    if not world.host.supports_similar_issues:
        pytest.skip("this host finds no similar issues")
    issue = world.report(world.acme, crash(kind="Error"))
    alike = world.report(world.acme, crash(kind="ErrorToo"))
    world.report(world.other, crash(kind="Error"))
    assert [found.id for found in world.host.similar_issues(issue)] == [alike.id]
    assert world.host.similar_issues(issue, limit=0) == []


def test_activity_is_left_on_the_issue(world: World) -> None:
    """The note is there, on this issue only."""
    if not world.host.supports_activity:
        pytest.skip("this host has no time line")
    issue, other = world.report(world.acme, crash()), world.report(world.acme, crash(kind="ValueError"))
    world.host.add_activity(issue, "Autofix found the root cause.")
    assert world.activities(issue) == ["Autofix found the root cause."]
    assert world.activities(other) == []


def test_what_a_host_does_not_support_is_empty(world: World) -> None:
    """The optional lookups answer with nothing, not with an error, when there is nothing."""
    issue = world.report(world.acme, crash())
    assert list(world.host.repositories(world.acme)) == []
    assert list(world.host.suspect_commits(issue)) == []
