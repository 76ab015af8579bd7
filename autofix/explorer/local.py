"""The local explorer: sessions are rows of our own database, turns are run by our own workers."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from autofix import conf, rows, wakeups
from autofix.explorer.agents import registry
from autofix.explorer.client import TurnRequest
from autofix.explorer.models import OPEN_TURN, Block, Session, Turn, TurnStatus
from autofix.explorer.state import (
    BlockState,
    Message,
    PendingUserInput,
    RunState,
    SessionStatus,
    TurnState,
    Usage,
)
from autofix.hosts import Issue, RepositoryRef
from autofix.rows import Row

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
        session = Session.objects.create(
            organization_id=issue.organization_id,
            project_id=issue.project_id,
            issue_id=issue.id,
            repositories=[asdict(r) for r in repositories],
        )
        return str(session.pk)

    def fork(self, session_id: str, before_index: int) -> str:
        """Copies the blocks: a later rewind of the parent must not pull the ground from under the fork."""
        with transaction.atomic():
            parent = Session.objects.select_for_update().get(pk=session_id)
            end = min(before_index, parent.next_index)
            fork = Session.objects.create(
                organization_id=parent.organization_id,
                project_id=parent.project_id,
                issue_id=parent.issue_id,
                category_key=parent.category_key,
                forked_from=parent,
                repositories=parent.repositories,
                pins=parent.pins,
                next_index=end,
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
                    for block in parent.blocks.filter(index__lt=end)
                ]
            )
        return str(fork.pk)

    def start_turn(self, session_id: str, request: TurnRequest) -> TurnState:
        """Begins with the prompt as the turn's first block and wakes a worker after the commit."""
        with transaction.atomic(savepoint=False):
            session = _row(rows.find(Session, lock=True, pk=session_id))
            turn = Turn(
                session=session,
                key=request.key,
                prompt=request.prompt,
                artifact_key=request.artifact_key or "",
                artifact_schema=request.artifact_schema,
                can_edit=request.can_edit,
                metadata=request.metadata,
                hook=request.hook,
                first_index=session.next_index,
                end_index=session.next_index + 1,
            )
            if not rows.insert(turn, unless_known_by=("key",)):
                return _turn_state(_row(rows.find(Turn, key=request.key)))
            prompt = Message(role="user", content=request.prompt, metadata=request.metadata)
            content = {"message": prompt.model_dump(mode="json"), "artifacts": [], "file_patches": []}
            rows.insert(Block(session=session, turn=turn, index=turn.first_index, content=content))
            session.next_index = turn.end_index
            rows.save(session, "next_index", "updated_at")
            wakeups.wake(wakeups.RUN_TURN, turn.pk)
        return _turn_state(turn)

    def rewind(self, session_id: str, index: int) -> None:
        with transaction.atomic():
            session = Session.objects.select_for_update().get(pk=session_id)
            if index > session.next_index:
                raise ValueError(f"The session has {session.next_index} blocks; there is none at {index}.")
            session.blocks.filter(index__gte=index).delete()
            session.next_index = index
            session.save(update_fields=["next_index", "updated_at"])

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
        return _turn_state(_row(rows.find(Turn, pk=turn_id, session_id=session_id)))

    def version(self, session_id: str) -> str:
        last = Turn.objects.filter(session_id=OuterRef("pk")).order_by("-pk")
        session = Session.objects.filter(pk=session_id).annotate(ended=Subquery(last.values("ended_at")[:1]))
        row = session.values_list("next_index", "updated_at", "ended").first()
        return f"{row[0]}.{row[1].timestamp()}.{row[2]}" if row else "none"

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
            updated_at=session.updated_at,
            blocks=[block_state(block) for block in session.blocks.filter(index__gt=since)],
            pins=session.pins,
        )

    def blocks(self, session_id: str, turn_id: str) -> list[BlockState]:
        own = rows.select(Block, order="index", session_id=session_id, turn_id=turn_id)
        return [block_state(block) for block in own]

    def patched_blocks(self, session_id: str) -> list[BlockState]:
        patched = rows.select(Block, order="index", session_id=session_id, has_patches=True)
        return [block_state(block) for block in patched]

    def pins(self, session_id: str) -> dict[str, str]:
        return dict(_row(rows.find(Session, pk=session_id)).pins)


def _row(found: Row | None) -> Row:
    if found is None:
        raise ObjectDoesNotExist("The explorer has no such session or turn.")
    return found


def _turn_state(turn: Turn) -> TurnState:
    pending = turn.pending_user_input
    return TurnState(
        id=str(turn.pk),
        status=turn.status,  # type: ignore[arg-type]  # the column's choices are the literal's words
        first_index=turn.first_index,
        end_index=turn.end_index,
        metadata=turn.metadata,
        error_code=turn.error_code,
        error_detail=turn.error_detail,
        pending_user_input=PendingUserInput.model_validate(pending) if pending else None,
        usage=Usage.model_validate(turn.usage),
    )


def block_state(block: Block) -> BlockState:
    """A stored block as the state shows it."""
    return BlockState(id=str(block.uuid), index=block.index, timestamp=block.created_at, **block.content)
