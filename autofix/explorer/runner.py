"""Runs one turn: lease, history, agent, and every block persisted before the next one is asked for."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import ExitStack, closing

from django.db import Error, InterfaceError, OperationalError, close_old_connections

from autofix import conf, rows
from autofix.exceptions import AutofixError, IssueGone, WorkFailed
from autofix.explorer import leases, stopping
from autofix.explorer.agents.base import AwaitUserInput, TurnBrief
from autofix.explorer.agents.registry import get_agent
from autofix.explorer.client import get_client
from autofix.explorer.local import block_state
from autofix.explorer.models import Block, Session, Turn, TurnStatus
from autofix.explorer.state import BlockContent, BlockState, latest_patches
from autofix.explorer.tools.toolbox import Toolbox
from autofix.explorer.verification import verified
from autofix.explorer.workspace import open_workspace, pin_repositories
from autofix.failpoints import failpoint
from autofix.hosts import HostIssueNotFound, Issue, RepositoryRef, get_host, issue_of
from autofix.redaction import redact, redact_data
from autofix.storable import storable

logger = logging.getLogger(__name__)
OUTAGES = (OperationalError, InterfaceError)
"""The database cannot be reached or is full: no fault of the turn. Data that it refuses is one."""


def run_turn(turn_id: int) -> Turn | None:
    """Run the turn to its end if it is free. The turn when this call ended it: its completion hook is due then."""
    lease = leases.claim(turn_id)
    if lease is None:
        return None
    try:
        with leases.heartbeat(lease):
            failpoint("turn.claimed")
            ending = _play(lease)
            failpoint("turn.before_end")
            if getattr(ending, "retryable", False) and leases.try_later(lease):
                logger.warning("turn %s is tried again later: %s", turn_id, ending)
                return None
            _end(lease, ending)
    except leases.LeaseLost:
        logger.info("turn %s was taken over or cancelled", turn_id)
        return None
    except stopping.WorkerStopping:
        leases.give_back(lease)
        return None
    except BaseException:
        # The database went away, or this process is being ended: somebody else goes on where the blocks end.
        _try_to_give_back(lease)
        raise
    return lease.turn


def _try_to_give_back(lease: leases.Lease) -> None:
    try:
        close_old_connections()
        leases.give_back(lease)
    except Error:
        logger.exception("turn %s not given back; its lease will run out", lease.turn_id)


def _play(lease: leases.Lease) -> AutofixError | AwaitUserInput | None:
    """Play the agent's blocks; the reason why the turn ended early, None when the agent was done."""
    try:
        leases.check(lease.turn)
        _ask_agent(lease, lease.turn)
    except (WorkFailed, AwaitUserInput) as reason:
        return reason
    except (leases.LeaseLost, stopping.WorkerStopping, *OUTAGES):
        raise
    except Exception:
        logger.exception("turn %s failed", lease.turn_id)
        return WorkFailed("The agent failed unexpectedly; the worker's log has the traceback.")
    return None


def _ask_agent(lease: leases.Lease, turn: Turn) -> None:
    session = turn.session
    host = get_host()
    issue = _issue_of(session)
    repositories = [RepositoryRef(**ref) for ref in session.repositories]
    pins = _pins(session, Toolbox(issue, host, {}), repositories)
    history = [block_state(block) for block in rows.select(Block, order="index", session_id=session.pk)]
    brief = TurnBrief(
        turn.prompt,
        turn.artifact_key or None,
        turn.artifact_schema,
        can_edit=turn.can_edit,
        metadata=turn.metadata,
        turn_id=turn.pk,
    )
    agent = get_agent(get_client().name)
    with ExitStack() as stack:
        checkouts = (
            stack.enter_context(open_workspace(str(session.pk), repositories, pins, latest_patches(history)))
            if repositories
            else {}
        )
        artifacts = _artifacts(history)
        toolbox = Toolbox(
            issue=issue,
            host=host,
            checkouts=checkouts,
            can_edit=turn.can_edit,
            artifacts=artifacts,
            # What a fork finds stays in the fork.
            revisable=() if session.forked_from_id else tuple(artifacts),
        )
        contents = agent.run(brief, history, turn.first_index, toolbox)
        if turn.can_edit and conf.settings().verify.enabled:
            contents = verified(contents, history, checkouts)
        if isinstance(contents, Generator):  # closing it gives a call under way up
            stack.enter_context(closing(contents))
        for content in contents:
            if content is None:
                leases.check_still_held(lease)
            else:
                leases.append(lease, _kept(content))
            stopping.check()  # after the block is stored: what it cost is not spent twice


def _end(lease: leases.Lease, reason: AutofixError | AwaitUserInput | None) -> None:
    if reason is None:
        leases.end(lease, TurnStatus.COMPLETED)
    elif isinstance(reason, AwaitUserInput):
        leases.end(lease, TurnStatus.AWAITING, pending=reason.pending)
    else:
        leases.end(lease, TurnStatus.FAILED, error=reason)


def _kept(content: BlockContent) -> BlockContent:
    """The block as it is stored: secrets blanked in words and artifacts, and nothing that a database refuses.

    Patches stay: they are the code itself, and must apply.
    """
    message = content.message
    calls = [call.model_copy(update={"args": redact(call.args)}) for call in message.tool_calls]
    cleared = BlockContent(
        message=message.model_copy(update={"content": redact(message.content), "tool_calls": calls}),
        artifacts=[
            a.model_copy(update={"data": redact_data(a.data), "reason": redact(a.reason)})
            for a in content.artifacts
        ],
    )
    return BlockContent(
        **storable(cleared.model_dump(exclude={"file_patches"})), file_patches=content.file_patches
    )


def _issue_of(session: Session) -> Issue:
    try:
        return issue_of(session.issue_id, session.organization_id)
    except HostIssueNotFound as exc:
        raise IssueGone from exc


def _pins(session: Session, toolbox: Toolbox, repositories: list[RepositoryRef]) -> dict[str, str]:
    """The commits that this session works on, fixed by its first turn for the event that the agent reads.

    RepositoryUnavailable when one cannot be read.
    """
    if session.pins or not repositories:
        return dict(session.pins)
    event = toolbox.event()
    pins = pin_repositories(repositories, event.release if event else "")
    Session.objects.filter(pk=session.pk, pins={}).update(pins=pins)
    session.refresh_from_db(fields=["pins"])
    return dict(session.pins)


def _artifacts(history: list[BlockState]) -> dict[str, dict[str, object]]:
    return {artifact.key: artifact.data for block in history for artifact in block.artifacts}
