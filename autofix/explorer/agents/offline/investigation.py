"""The whole inquiry into one event: what failed, whether code can fix it, where, since when, and with which edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autofix.explorer.agents.offline import codeowners, rules
from autofix.explorer.agents.offline.evidence import Evidence, gather
from autofix.explorer.agents.offline.left_behind import Suspect
from autofix.explorer.agents.offline.ranking import RankedPlace, rank
from autofix.explorer.agents.offline.rules import Abstain, Plan
from autofix.explorer.agents.offline.suspects import suspect
from autofix.explorer.agents.offline.trace import Step, trace
from autofix.explorer.agents.offline.verdicts import Verdict, judge
from autofix.explorer.workspace import Checkout
from autofix.hosts.types import Event, Issue


@dataclass(frozen=True)
class Assignee:
    """Who should look: a person, or the team or account that CODEOWNERS names (then without an address)."""

    name: str
    email: str
    why: str


@dataclass(frozen=True)
class Investigation:
    """What was found. ``plan`` is the edit, or why there is none."""

    evidence: Evidence
    verdict: Verdict
    steps: tuple[Step, ...]
    places: tuple[RankedPlace, ...]
    suspect: Suspect | None
    assignee: Assignee | None
    plan: Plan | Abstain

    @property
    def edited(self) -> str | None:
        """The planned file's new text; None where no edit is planned."""
        if isinstance(self.plan, Abstain):
            return None
        text = self.plan.edit(self.plan.file.source)
        return None if isinstance(text, Abstain) else text


def investigate(event: Event | None, issue: Issue, checkouts: Mapping[str, Checkout]) -> Investigation:
    """Look into one event. The same event and the same pins give the same result."""
    evidence = gather(event, issue, checkouts)
    verdict = judge(evidence)
    if verdict.assessment != "fixable":
        return Investigation(evidence, verdict, (), (), None, None, Abstain(verdict.code, verdict.reason))
    steps = trace(evidence)
    plan = rules.plan(evidence)
    edit = plan if isinstance(plan, Plan) else None
    places = rank(evidence, steps, edit)
    found = suspect(evidence, steps, edit)
    return Investigation(evidence, verdict, tuple(steps), places, found, _assignee(places, found), plan)


def _assignee(places: tuple[RankedPlace, ...], found: Suspect | None) -> Assignee | None:
    """The owner of the place where the fix belongs, else the author of the suspected commit, else nobody."""
    if places:
        place = places[0]
        owned = codeowners.owners(place.file.checkout, place.file.path)
        if owned:
            name = owned.owners[0]
            is_address = "@" in name.lstrip("@")
            return Assignee(
                name,
                name if is_address else "",
                f"{owned.file} line {owned.line} names {name} for {place.file.path}",
            )
    if found:
        commit = found.commit
        return Assignee(commit.author_name, commit.author_email, f"author of {commit.sha[:7]}: {found.why}")
    return None
