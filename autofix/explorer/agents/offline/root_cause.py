"""The root cause as an artifact: what failed, why, since when, and the lines that show it."""

from __future__ import annotations

import ast
import re
from typing import Any

from autofix.artifact_schemas import Citation, Fixability, RootCauseArtifact
from autofix.explorer.agents.offline import quotes
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.investigation import Investigation
from autofix.explorer.agents.offline.rules import Plan
from autofix.explorer.agents.offline.wording import HIDDEN, redacted, sentence, shortened, storable, words

MAX_CITATIONS = 50
NO_VALUE = re.compile(r"<.* at 0x[0-9a-f]+>")  # an address tells nothing


def root_cause(found: Investigation) -> RootCauseArtifact:
    """What the investigation says about the cause; what it does not know is said, too."""
    return RootCauseArtifact(
        one_line_description=words(_one_line(found)),
        five_whys=[storable(why) for why in _whys(found)],
        reproduction_steps=[storable(step) for step in _reproduction(found.evidence)],
        relevant_repo=found.places[0].file.checkout.name if found.places else None,
        fixability=Fixability(assessment=found.verdict.assessment, reason=storable(_reason(found))),
        evidence=citations(found),
    )


def symptom(evidence: Evidence) -> str:
    """``KeyError: 'plan'``; the message or title of an event without exception."""
    raised = evidence.exception
    if raised is not None and (raised.type or raised.value):
        return shortened(": ".join(part for part in (raised.type, raised.value) if part.strip()), 300)
    message = evidence.event.message if evidence.event else ""
    return shortened(message or evidence.issue.title, 300) or "an error without a message"


def _one_line(found: Investigation) -> str:
    if isinstance(found.plan, Plan):
        return found.plan.cause
    if found.verdict.assessment == "not_actionable":
        return found.verdict.reason  # which names the symptom
    if found.verdict.assessment != "fixable":
        return f"{symptom(found.evidence)}: {found.verdict.reason}"
    place = found.places[0]
    return (
        f"{symptom(found.evidence)} in `{place.function}` ({place.file.path}:{place.start_line}): {place.why}"
    )


def _reason(found: Investigation) -> str:
    """The verdict's reason, and whether this agent can write the change."""
    if found.verdict.assessment != "fixable":
        return f"{found.verdict.reason} {sentence(found.verdict.remedy)}".strip()
    if isinstance(found.plan, Plan):
        return f"{found.verdict.reason} The rule `{found.plan.rule}` applies."
    return f"{found.verdict.reason} The offline agent plans no edit of its own: {found.plan.reason}"


def _whys(found: Investigation) -> list[str]:
    evidence, failing = found.evidence, found.evidence.failing
    where = f" at {failing.file.path}:{failing.line} in `{failing.function_name}`" if failing else ""
    whys = [f"What failed? {symptom(evidence)}{where}."]
    if failing and failing.matches:
        whys.append(f"Which code? `{shortened(failing.file.line(failing.line).strip())}`")
    if found.verdict.assessment != "fixable":
        return [*whys, f"Why? {found.verdict.reason}"]
    whys += [
        f"Where from? {step.text}: {step.file.path}:{step.start_line} in `{step.function}`."
        for step in found.steps
    ]
    if isinstance(found.plan, Plan):
        whys.append(f"Why? {found.plan.cause}.")
        whys += [
            f"What shows it? {finding.text} ({finding.file.path}:{finding.start_line})."
            for finding in found.plan.findings
        ]
    if found.suspect:
        commit = found.suspect.commit
        whys.append(
            f"Since when? {commit.sha[:7]} ({commit.committed_date}, {shortened(commit.message, 80)}): {found.suspect.why}."
        )
    return whys[:100]


def _reproduction(evidence: Evidence) -> list[str]:
    steps = [*_entry(evidence)]
    failing = evidence.failing
    if failing is None:
        return steps
    names = _names_on_line(evidence)
    shown = [
        f"`{name}` = {redacted(name, failing.variables[name])}"
        for name in names
        if name in failing.variables and not NO_VALUE.fullmatch(str(failing.variables[name]))
    ]
    state = f" with {', '.join(shown)}" if shown else ""
    steps.append(f"Let it reach `{failing.function_name}` ({failing.file.path}:{failing.line}){state}.")
    steps.append(f"It raises {symptom(evidence)}.")
    return steps


def _entry(evidence: Evidence) -> list[str]:
    """How the program was entered, as the event tells it."""
    event = evidence.event
    raw: dict[str, Any] = event.raw if event else {}
    request, arguments = raw.get("request"), event.extra.get("sys.argv") if event else None
    if isinstance(request, dict) and isinstance(request.get("url"), str):
        method = request.get("method") if isinstance(request.get("method"), str) else "GET"
        return [f"Send {shortened(str(method), 10)} {redacted('url', request['url'].split('?')[0])}."]
    if isinstance(arguments, list) and arguments and all(isinstance(a, str) for a in arguments):
        return [f"Run `{redacted('arguments', ' '.join(arguments))}`."]
    return [f"Run {shortened(event.transaction)}."] if event and event.transaction else []


def _names_on_line(evidence: Evidence) -> list[str]:
    failing = evidence.failing
    statement = failing.file.module.statement_at(failing.line) if failing and failing.file.module else None
    if failing is None or statement is None:
        return []
    names = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and n.lineno == failing.line]
    return list(dict.fromkeys(names))[:5]


def citations(found: Investigation) -> list[Citation]:
    """The exception, the failing line, the locals on it, what the plan rests on, and the value's way; each once."""
    evidence, failing = found.evidence, found.evidence.failing
    cited = quotes.of_exception(evidence) or quotes.of_message(evidence)
    if failing:
        cited += quotes.of_code(failing.file, failing.line, failing.line)
        shown = [n for n in _names_on_line(evidence) if redacted(n, failing.variables.get(n, "")) != HIDDEN]
        cited += quotes.of_locals(evidence, shown)
    if isinstance(found.plan, Plan):
        for finding in found.plan.findings:
            cited += quotes.of_code(finding.file, finding.start_line, finding.end_line)
    for step in found.steps:
        cited += quotes.of_code(step.file, step.start_line, step.end_line)
    unique = {citation.model_dump_json(): citation for citation in cited}
    return list(unique.values())[:MAX_CITATIONS]
