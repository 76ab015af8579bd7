"""The local explorer: sessions are rows of our own database, turns are run by our own workers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from autofix import conf, rows, wakeups
from autofix.explorer import chains, leases
from autofix.explorer.agents import registry
from autofix.explorer.client import TurnRequest
from autofix.explorer.models import OPEN_TURN, Block, NewBlock, Session, Turn, TurnStatus, new_block
from autofix.explorer.state import BlockState, Message, RunState, SessionStatus, TurnState, Usage
from autofix.hosts import Issue, RepositoryRef
from autofix.rows import Row

LAST: dict[str, Any] = {"order": "-index", "limit": 1}
"""The last of a session's blocks."""
SESSION_STATUS: dict[str, SessionStatus] = {
    TurnStatus.PENDING: "processing",
    TurnStatus.RUNNING: "processing",
    TurnStatus.COMPLETED: "completed",
    TurnStatus.FAILED: "error",
    TurnStatus.CANCELLED: "cancelled",
    TurnStatus.AWAITING: "awaiting_user_input",
}


class LocalExplorer:
    """See :class:`autofix.explorer.client.ExplorerClient`."""

    in_database: ClassVar[bool] = True
    can_fork: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return conf.settings().explorer.options.agent

    def check(self) -> str:
        return registry.problem(self.name)

    def start_session(self, issue: Issue, repositories: list[RepositoryRef]) -> str:
        session = Session(
            organization_id=issue.organization_id,
            project_id=issue.project_id,
            issue_id=issue.id,
            repositories=[asdict(r) for r in repositories],
        )
        rows.insert(session)
        return str(session.pk)

    def fork(self, session_id: str, before_index: int) -> str:
        """Copies the blocks: a later rewind of the parent must not pull the ground from under the fork."""
        with transaction.atomic():
            parent = Session.objects.select_for_update().get(pk=session_id)
            fork = Session.objects.create(
                organization_id=parent.organization_id,
                project_id=parent.project_id,
                issue_id=parent.issue_id,
                category_key=parent.category_key,
                forked_from=parent,
                repositories=parent.repositories,
                pins=parent.pins,
            )
            Block.objects.bulk_create(
                [
                    Block(
                        session=fork,
                        index=block.index,
                        content=block.content,
                        has_patches=block.has_patches,
                        created_at=block.created_at,
                    )
                    for block in parent.blocks.filter(index__lt=before_index)
                ]
            )
        return str(fork.pk)

    def start_turn(self, session_id: str, request: TurnRequest) -> TurnState:
        """Begins with the prompt as the turn's first block; a worker takes it after the commit, the one at work if it may."""
        with rows.together() as unit:
            held = chains.held_in(session_id)
            if held is None:
                unit.foresee(
                    rows.finding(Session, lock=True, pk=session_id),
                    rows.selecting(Block, **LAST, session_id=session_id),
                )
            session = held.turn.session if held else _row(rows.find(Session, lock=True, pk=session_id))
            index = held.turn.end_index if held else _length(session_id)
            turn = Turn(
                session=session,
                key=request.key,
                prompt=request.prompt,
                artifact_key=request.artifact_key or "",
                can_edit=request.can_edit,
                metadata=request.metadata,
                hook=request.hook,
                first_index=index,
                end_index=index + 1,
            )
            working = chains.current()
            if held is not None and working is not None and working.takes_next():
                leases.take(turn)
                turn.pk = held.next_keys.pop(0) if held.next_keys else None
                rows.insert_soon(turn)  # nobody else can have begun it: the session is this worker's
                prompt = _prompt(turn)
                rows.add_later(Block, **prompt.row)
                working.follow(held, turn, prompt.state)
            elif rows.insert(turn, unless_known_by=("key",)):
                rows.add_later(Block, **_prompt(turn).row)
                wakeups.wake(wakeups.RUN_TURN, turn.pk)
            else:
                return _row(rows.find(Turn, key=request.key)).as_state()
        return turn.as_state()

    def rewind(self, session_id: str, index: int) -> None:
        with transaction.atomic():
            session = Session.objects.select_for_update().get(pk=session_id)
            if index > (length := _length(session_id)):
                raise ValueError(f"The session has {length} blocks; there is none at {index}.")
            session.blocks.filter(index__gte=index).delete()

    def cancel_turn(self, turn_id: str) -> None:
        """Ends the turn at once: a worker that runs it holds an old fence from now on and is refused its next block."""
        now = timezone.now()
        Turn.objects.filter(pk=turn_id, status__in=OPEN_TURN).update(
            status=TurnStatus.CANCELLED,
            fence=F("fence") + 1,
            lease_expires_at=None,
            ended_at=now,
            hook_called_at=now,  # the caller knows
        )

    def turn(self, session_id: str, turn_id: str) -> TurnState:
        return _row(rows.find(Turn, pk=turn_id, session_id=session_id)).as_state()

    def version(self, session_id: str) -> str:
        last = Turn.objects.filter(session_id=session_id).order_by("-pk")
        return ".".join(map(str, last.values_list("pk", "end_index", "ended_at").first() or ("none",)))

    def usage(self, session_id: str) -> Usage:
        total = Usage()
        for spent in Turn.objects.filter(session_id=session_id).values_list("usage", flat=True):
            total = total.plus(Usage.model_validate(spent))
        return total

    def state(self, session_id: str, *, since: int = -1) -> RunState:
        session = _row(rows.find(Session, pk=session_id))
        last = rows.select(Turn, order="-pk", limit=1, session_id=session.pk)
        return RunState(
            session_id=str(session.pk),
            status=SESSION_STATUS[last[0].status] if last else "completed",
            updated_at=last[0].updated_at if last else session.created_at,
            blocks=[block.as_state() for block in session.blocks.filter(index__gt=since)],
            pins=session.pins,
        )

    def blocks(self, session_id: str, turn_id: str) -> list[BlockState]:
        held = chains.held_in(session_id)
        if held is not None and str(held.turn_id) == turn_id:
            return [block for block in held.history if block.index >= held.turn.first_index]
        own = rows.select(Block, order="index", session_id=session_id, turn_id=turn_id)
        return [block.as_state() for block in own]

    def patched_blocks(self, session_id: str) -> list[BlockState]:
        held = chains.held_in(session_id)
        if held is not None:
            return [block for block in held.history if block.file_patches]
        patched = rows.select(Block, order="index", session_id=session_id, has_patches=True)
        return [block.as_state() for block in patched]

    def pins(self, session_id: str) -> dict[str, str]:
        held = chains.held_in(session_id)
        session = held.turn.session if held else _row(rows.find(Session, pk=session_id))
        return dict(session.pins)


def _length(session_id: str) -> int:
    """How many blocks the session has: the index that the next one gets."""
    last = rows.select(Block, **LAST, session_id=session_id)
    return last[0].index + 1 if last else 0


def _row(found: Row | None) -> Row:
    if found is None:
        raise ObjectDoesNotExist("The explorer has no such session or turn.")
    return found


def _prompt(turn: Turn) -> NewBlock:
    """The first block of the turn."""
    message = Message(role="user", content=turn.prompt, metadata=turn.metadata)
    content = {"message": message.model_dump(mode="json"), "artifacts": [], "file_patches": []}
    return new_block(turn, turn.first_index, content)
