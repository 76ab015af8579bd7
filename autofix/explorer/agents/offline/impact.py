"""The impact as an artifact: counts, people, environments, caught or not. Each number names its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autofix.artifact_schemas import Impact, ImpactAssessmentArtifact, Rating
from autofix.explorer.agents.offline.wording import plural, shortened, storable, words
from autofix.hosts.types import Event, Issue, TagValue

MANY_EVENTS = 100
MANY_USERS = 10
QUIET_LEVELS = frozenset({"debug", "info", "warning", "log"})
NOT_LIVE = frozenset({"development", "dev", "local", "test", "testing", "ci", "staging", "stage", "qa"})


def impact(
    issue: Issue, event: Event | None, tags: Mapping[str, Sequence[TagValue]]
) -> ImpactAssessmentArtifact:
    """How much it hurts, by what the tracker counted."""
    rating = severity(issue, event, tags)
    impacts = [_frequency(issue, rating), *_people(issue), *_environments(event, tags), *_handled(event)]
    order: dict[Rating, int] = {"high": 0, "medium": 1, "low": 2}
    impacts.sort(key=lambda one: order[one.rating])
    users = "" if issue.users_seen is None else f", {plural(issue.users_seen, 'user')}"
    handled = {True: ", caught by the program", False: ", not caught by the program", None: ""}[
        is_handled(event)
    ]
    line = f"{rating.capitalize()}: {plural(issue.times_seen, 'event')}{users}{handled}"
    return ImpactAssessmentArtifact(one_line_description=words(line), impacts=impacts)


def severity(issue: Issue, event: Event | None, tags: Mapping[str, Sequence[TagValue]]) -> Rating:
    """High: fatal, or uncaught in a live environment and frequent or felt by many. Low: caught, quiet, or not live at all."""
    level = (event.level if event else issue.level).lower()
    if level == "fatal":
        return "high"
    environments = {value.value.lower() for value in tags.get("environment", ()) if value.value}
    if event and event.environment:
        environments.add(event.environment.lower())
    if is_handled(event) is True or level in QUIET_LEVELS or (environments and environments <= NOT_LIVE):
        return "low"
    many = issue.times_seen >= MANY_EVENTS or (issue.users_seen or 0) >= MANY_USERS
    return "high" if many else "medium"


def is_handled(event: Event | None) -> bool | None:
    """Did the program catch the error? None where the event does not say."""
    return event.raised.handled if event and event.raised else None


def _frequency(issue: Issue, rating: Rating) -> Impact:
    seen = [
        f"{what} {when:%Y-%m-%d %H:%M} UTC"
        for what, when in (("first", issue.first_seen), ("last", issue.last_seen))
        if when
    ]
    return Impact(
        label="Operations that fail",
        rating=rating,
        impact_description=f"{plural(issue.times_seen, 'operation')} ended in this error.",
        evidence=storable(
            f"issue {issue.short_id}: times_seen {issue.times_seen}; {', '.join(seen) or 'no times given'}"
        ),
    )


def _people(issue: Issue) -> list[Impact]:
    if issue.users_seen is None:
        return []
    rating: Rating = "high" if issue.users_seen >= MANY_USERS else "medium" if issue.users_seen else "low"
    return [
        Impact(
            label="Users",
            rating=rating,
            impact_description=f"{plural(issue.users_seen, 'user')} met this error.",
            evidence=storable(f"issue {issue.short_id}: users_seen {issue.users_seen}"),
        )
    ]


def _environments(event: Event | None, tags: Mapping[str, Sequence[TagValue]]) -> list[Impact]:
    counted = [(value.value, value.count) for value in tags.get("environment", ()) if value.value]
    if not counted and event and event.environment:
        counted = [(event.environment, 1)]
    if not counted:
        return []
    live = [name for name, _ in counted if name.lower() not in NOT_LIVE]
    shown = ", ".join(f"{shortened(name, 60)} ({plural(count, 'event')})" for name, count in counted[:5])
    return [
        Impact(
            label="Environments",
            rating="medium" if live else "low",
            impact_description=f"It happens in {shown}.",
            evidence=f"tag environment: {shown}",
        )
    ]


def _handled(event: Event | None) -> list[Impact]:
    handled = is_handled(event)
    if handled is None:
        return []
    text = (
        "The program caught the error and went on."
        if handled
        else "The error ended the operation: nothing caught it."
    )
    return [
        Impact(
            label="Program flow",
            rating="low" if handled else "medium",
            impact_description=text,
            evidence=f"the exception's mechanism says handled: {str(handled).lower()}",
        )
    ]
