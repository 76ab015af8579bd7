"""What came of a turn, judged before anything is recorded: this reads repositories and may take a while."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError
from pydantic import ValidationError

from autofix.artifact_schemas import Artifact, RootCauseArtifact
from autofix.citations import unresolved
from autofix.exceptions import (
    AgentFailed,
    ArtifactInvalid,
    ArtifactMissing,
    NoCodeChanges,
    TurnCancelled,
    WorkFailed,
)
from autofix.explorer.client import get_client
from autofix.explorer.state import BlockState, FilePatch, TurnState, latest_patches
from autofix.explorer.workspace import read_pinned
from autofix.hosts import Event, Issue, get_host
from autofix.models import StepExecution
from autofix.step_executions import repositories_of
from autofix.steps import STEPS, Step

logger = logging.getLogger(__name__)
MAX_DETAIL = 2_000


@dataclass(frozen=True)
class Outcome:
    """The result of a turn. ``problems``: why its artifact cannot be accepted, one sentence each; the agent may mend it.

    ``revised``: valid artifacts of earlier steps that the agent wrote again in this turn.
    """

    turn: TurnState
    artifact: Artifact | None = None
    patches: list[FilePatch] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    failure: WorkFailed | None = None
    revised: dict[Step, Artifact] = field(default_factory=dict)

    @property
    def is_question(self) -> bool:
        return self.turn.status == "awaiting_user_input"


def judge(execution: StepExecution, turn: TurnState, issue: Issue) -> Outcome:
    """The outcome of an ended turn; whatever cannot be judged is a failure with a reason."""
    if turn.status == "failed":
        return Outcome(turn, failure=AgentFailed(turn.error_detail, code=turn.error_code))
    if turn.status == "cancelled":
        return Outcome(turn, failure=TurnCancelled())
    if turn.status == "awaiting_user_input":
        return Outcome(turn)
    try:
        return _judge_result(execution, turn, issue)
    except WorkFailed as exc:
        return Outcome(turn, failure=exc)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("the result of turn %s could not be judged", turn.id)
        return Outcome(
            turn, failure=WorkFailed("The result could not be judged; the worker's log has the traceback.")
        )


def changes_by_repository(patches: list[FilePatch]) -> dict[str, list[dict[str, Any]]]:
    """Patches as the API and the webhooks show them: ``{repo: [{path, type, added, removed, diff}]}``."""
    changes: dict[str, list[dict[str, Any]]] = {}
    for patch in patches:
        changes.setdefault(patch.repo_name, []).append({**patch.patch.model_dump(), "diff": patch.diff})
    return changes


def _judge_result(execution: StepExecution, turn: TurnState, issue: Issue) -> Outcome:
    spec, client = STEPS[Step(execution.step)], get_client()
    newest = _written(client.blocks(execution.session_id, turn.id))
    if spec.artifact is None:
        patches = latest_patches(client.patched_blocks(execution.session_id))
        revised = _revised(newest, execution.session_id, issue)
        return Outcome(turn, patches=patches, failure=None if patches else NoCodeChanges(), revised=revised)
    written = newest.pop(spec.artifact_key or "", None)
    if written is None:
        missing = ArtifactMissing()
        return Outcome(turn, problems=[missing.detail], failure=missing)
    try:
        artifact = spec.artifact.model_validate(written)
    except ValidationError as exc:
        return _refused(turn, [_sentence(e["loc"], e["msg"]) for e in exc.errors(include_input=False)])
    problems = (
        _unproven(artifact, execution.session_id, issue) if isinstance(artifact, RootCauseArtifact) else []
    )
    if problems:
        return _refused(turn, problems)
    return Outcome(turn, artifact=artifact, revised=_revised(newest, execution.session_id, issue))


def _written(blocks: list[BlockState]) -> dict[str, dict[str, Any]]:
    """The newest artifact of each key."""
    return {artifact.key: artifact.data for block in blocks for artifact in block.artifacts}


def _revised(written: dict[str, dict[str, Any]], session_id: str, issue: Issue) -> dict[Step, Artifact]:
    """Those of other steps that hold; one that does not leaves the earlier one in place."""
    revised: dict[Step, Artifact] = {}
    for spec in STEPS.values():
        if spec.artifact is None or spec.artifact_key not in written:
            continue
        try:
            artifact = spec.artifact.model_validate(written[spec.artifact_key])
        except ValidationError:
            logger.warning("a revised %s is not valid and changes nothing", spec.artifact_key)
            continue
        if not (isinstance(artifact, RootCauseArtifact) and _unproven(artifact, session_id, issue)):
            revised[spec.step] = artifact
    return revised


def _refused(turn: TurnState, problems: list[str]) -> Outcome:
    return Outcome(turn, problems=problems, failure=ArtifactInvalid("; ".join(problems)[:MAX_DETAIL]))


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(str(part) for part in place)}: {message}" if place else message


def _unproven(artifact: RootCauseArtifact, session_id: str, issue: Issue) -> list[str]:
    """One sentence for each citation whose quote is not found at its place."""
    if not artifact.evidence:
        return []
    repositories = {r.name: r for r in repositories_of(issue)}
    pins = get_client().pins(session_id)

    def read_code(repo_name: str, path: str) -> str | None:
        if repo_name not in repositories or repo_name not in pins:
            return None
        return read_pinned(repositories[repo_name], pins[repo_name], path)

    found = [unresolved(artifact.evidence, read_code=read_code, event=raw) for raw in _raw_events(issue)]
    return min(found, key=len)


def _raw_events(issue: Issue) -> list[dict[str, Any] | None]:
    """The events that an agent may have cited from; a newer one may have come in since it looked."""
    host = get_host()
    events: list[Event | None] = [host.latest_event(issue)]
    if host.supports_representative_event:
        events.append(host.representative_event(issue))
    return [event.raw if event else None for event in events]
