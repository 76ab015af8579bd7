"""Runs one turn: lease, history, agent, every block persisted before the next one is asked for, completion hook."""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from typing import Any

from django.db import InterfaceError, OperationalError

from autofix import conf, stopping
from autofix.exceptions import AgentFailed, AutofixError, IssueGone, WorkFailed
from autofix.explorer import chains, hooks, leases
from autofix.explorer.agents.base import AwaitUserInput, TurnBrief, each
from autofix.explorer.agents.registry import get_agent
from autofix.explorer.client import get_client
from autofix.explorer.models import Session, Turn, TurnStatus
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


def run_turn(turn_id: int) -> bool:
    """Run the turn to its end if it is free, its completion hook included. False when this call did not end it."""
    lease = leases.claim(turn_id)
    return lease is not None and run(lease)


def run(lease: leases.Lease) -> bool:
    """The same for a turn that this worker has taken."""
    try:
        with chains.holding(lease), leases.heartbeat(lease):
            failpoint("turn.claimed")
            ending = _play(lease)
            failpoint("turn.before_end")
            if getattr(ending, "retryable", False) and leases.try_later(lease):
                logger.warning("turn %s is tried again later: %s", lease.turn_id, ending)
                return False
            _end(lease, ending)
    except leases.LeaseLost:
        logger.info("turn %s was taken over or cancelled", lease.turn_id)
        return False
    except stopping.WorkerStopping:
        leases.give_back(lease)
        return False
    except BaseException:
        # The database went away, or this process is being ended: somebody else goes on where the blocks end.
        leases.try_to_give_back(lease)
        raise
    return True


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
    history = list(lease.history)
    brief = TurnBrief(
        turn.prompt,
        turn.artifact_key or None,
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
            contents = verified(contents, lease.history, checkouts, turn.deadline)
        stack.enter_context(closing(contents))  # that gives a call under way up
        for content, is_last in each(contents):
            if content is None:
                leases.check_still_held(lease)
            elif is_last:
                leases.append_last(lease, _kept(content))
                return
            else:
                leases.append(lease, _kept(content))
            stopping.check()  # after the block is stored: what it cost is not spent twice


def _end(lease: leases.Lease, reason: AutofixError | AwaitUserInput | None) -> None:
    turn = lease.turn
    if isinstance(reason, AwaitUserInput):
        turn.status, turn.pending_user_input = TurnStatus.AWAITING, reason.pending.model_dump(mode="json")
        reason = None
    else:
        turn.status = TurnStatus.FAILED if reason else TurnStatus.COMPLETED
    hooks.end(lease, error=reason)


def _kept(content: BlockContent) -> dict[str, Any]:
    """The block as it is stored: secrets blanked in words and artifacts, and nothing that a database refuses.

    Patches stay: they are the code itself, and must apply. AgentFailed where they cannot be stored as they are.
    """
    kept = content.model_dump(mode="json", exclude={"file_patches"})
    message = kept["message"]
    message["content"] = redact(message["content"])
    for call in message["tool_calls"]:
        call["args"] = redact(call["args"])
    for artifact in kept["artifacts"]:
        artifact["data"], artifact["reason"] = redact_data(artifact["data"]), redact(artifact["reason"])
    patches = [patch.model_dump(mode="json") for patch in content.file_patches]
    if storable(patches) != patches:
        raise AgentFailed("A patch has characters in it that no database stores.")
    return {**storable(kept), "file_patches": patches}


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
