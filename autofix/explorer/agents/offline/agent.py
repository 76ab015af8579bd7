"""The offline agent: one turn of an investigation without a language model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import ClassVar

from autofix.exceptions import AgentFailed, PathRefused, WorkFailed
from autofix.explorer.agents.base import Blocks, TurnBrief, each
from autofix.explorer.agents.offline import report
from autofix.explorer.agents.offline.impact import impact
from autofix.explorer.agents.offline.investigation import Investigation, investigate
from autofix.explorer.agents.offline.root_cause import root_cause
from autofix.explorer.agents.offline.rules import Abstain, Plan
from autofix.explorer.agents.offline.solution import solution
from autofix.explorer.agents.offline.triage import triage
from autofix.explorer.state import BlockContent, BlockState
from autofix.explorer.tools.toolbox import Toolbox
from autofix.hosts import Event

EVENT_ID = "event_id"
"""In each block's metadata: the event that it speaks of."""


class OfflineAgent:
    """Derives everything from event, code and history; the same input gives the same blocks.

    That is why a turn that another worker began is simply told again from where its blocks end.
    """

    name: ClassVar[str] = "offline"

    def run(
        self, brief: TurnBrief, history: Sequence[BlockState], first_index: int, toolbox: Toolbox
    ) -> Blocks:
        """The turn's further blocks; AgentFailed where nothing can be said, or the turn asks for what this agent cannot do."""
        told = sum(1 for block in history if block.index >= first_index and block.message.role != "user")
        event = _event(brief, history, first_index, toolbox)
        for content, is_last in islice(each(_blocks(brief, toolbox, event)), told, None):
            if event is not None and content is not None:
                content.message.metadata[EVENT_ID] = event.id
            if is_last:
                return content
            yield content
        return None


def _event(
    brief: TurnBrief, history: Sequence[BlockState], first_index: int, toolbox: Toolbox
) -> Event | None:
    """The event that this session looked into so far, as its blocks say; a new root cause looks at the present one."""
    begun = first_index if brief.artifact_key == "root_cause" else 0
    ids = [block.message.metadata.get(EVENT_ID) for block in history if block.index >= begun]
    known = next((found for found in reversed(ids) if isinstance(found, str)), None)
    present = toolbox.event()
    if known is None or (present is not None and present.id == known):
        return present
    return next((event for event in toolbox.events() if event.id == known), present)


def _blocks(brief: TurnBrief, toolbox: Toolbox, event: Event | None) -> Blocks:
    if event is None and not toolbox.issue.title.strip():
        raise AgentFailed(
            "The issue has neither an event nor a title: there is nothing to look into.", code="no_evidence"
        )
    if brief.artifact_key == "impact_assessment":
        result = impact(toolbox.issue, event, toolbox.tag_distribution())
        return report.artifact(brief.artifact_key, result, result.one_line_description)
    found = investigate(event, toolbox.issue, toolbox.checkouts)
    if brief.artifact_key == "root_cause":
        yield from report.reading(found)
        cause = root_cause(found)
        return report.artifact(
            brief.artifact_key, cause, f"{cause.one_line_description}\n\n{cause.fixability.reason}"
        )
    if brief.artifact_key == "solution":
        plan = solution(found)
        return report.artifact(brief.artifact_key, plan, plan.one_line_summary)
    if brief.artifact_key == "triage":
        yield from report.blaming(found)
        return report.artifact(brief.artifact_key, triage(found), _triage_text(found))
    if brief.artifact_key is None and brief.can_edit:
        return _edit(found, toolbox)
    raise AgentFailed(
        f"The offline agent has nothing to say on {brief.artifact_key!r}.", code="unsupported_step"
    )


def _triage_text(found: Investigation) -> str:
    if found.suspect is None:
        return f"No commit is convincing. {found.verdict.reason}"
    return f"Suspected: {found.suspect.commit.sha[:7]}, {found.suspect.why}."


def _edit(found: Investigation, toolbox: Toolbox) -> BlockContent:
    """The planned edit with its patch; without one the turn ends with the reason, and no patch."""
    done = _write(found, toolbox)
    if isinstance(done, Abstain):
        return report.said(f"No code is changed ({done.code}): {done.reason}\n\n{report.LABEL}")
    edit = f"In {done.file.path}, `{done.where}`: {done.change}"
    text = f"{edit}\n\nRule `{done.rule}`; the edited file compiles. {report.LABEL}"
    return report.said(text, toolbox.checkouts[done.file.checkout.name].patch(done.file.path))


def _write(found: Investigation, toolbox: Toolbox) -> Plan | Abstain:
    plan = found.plan
    if isinstance(plan, Abstain):
        return plan
    edited = plan.edit(plan.file.source)
    if isinstance(edited, Abstain):
        return edited
    checkout = toolbox.checkouts[plan.file.checkout.name]
    try:
        if checkout.read(plan.file.path) not in (plan.file.source, edited):
            return Abstain("changed_already", f"{plan.file.path} was changed in this session already.")
        checkout.write(plan.file.path, edited)
    except PathRefused as refused:
        return Abstain("path_refused", str(refused))
    except (WorkFailed, OSError) as failed:
        return Abstain("edit_refused", f"{plan.file.path} could not be written: {failed}")
    return plan
