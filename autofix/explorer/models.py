"""The explorer's memory. A session is one conversation, a turn is one prompt and what came of it, a block is one entry."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

from django.db import models
from django.db.models import Q
from django.utils import timezone

from autofix.explorer.state import BlockState, PendingUserInput, TurnState, Usage


class Session(models.Model):
    """One continuous conversation about one subject, on code pinned to one commit per repository.

    ``repositories`` is a list of :class:`autofix.hosts.RepositoryRef` as dicts; ``pins`` maps a repository's name to a
    full sha and is set once, when the first turn starts.
    """

    organization_id = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64)
    issue_id = models.CharField(max_length=64)
    category_key = models.CharField(max_length=64, default="autofix")
    forked_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="forks"
    )
    repositories = models.JSONField(default=list)
    pins = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["organization_id", "category_key", "issue_id"])]

    def __str__(self) -> str:
        return f"session {self.pk}"


class TurnStatus(models.TextChoices):
    """Where a turn stands; the last four are final, but an awaiting turn is followed by another one with the answer."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    AWAITING = "awaiting_user_input"


OPEN_TURN = (TurnStatus.PENDING, TurnStatus.RUNNING)


class Turn(models.Model):
    """One prompt and its outcome.

    ``key`` makes starting idempotent: the same key gives the same turn. The lease says which worker runs it and until
    when; ``fence`` counts the workers, and every write of a turn is conditional on it. Its blocks are those from
    ``first_index`` up to, not including, ``end_index``, the last one of ``updated_at``. ``deadline`` is set when the first
    worker takes it: waiting in a queue costs no working time. ``hook_called_at`` is null until the completion hook has
    done its work.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="turns")
    key = models.CharField(max_length=128)
    prompt = models.TextField()
    artifact_key = models.CharField(max_length=64, blank=True)
    can_edit = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict)
    hook = models.CharField(max_length=64)
    first_index = models.PositiveIntegerField(default=0)
    end_index = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=24, choices=TurnStatus, default=TurnStatus.PENDING)
    lease_owner = models.CharField(max_length=128, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    deadline = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_detail = models.TextField(blank=True)
    pending_user_input = models.JSONField(null=True)
    usage = models.JSONField(default=dict)
    hook_called_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Not ``unique``: that makes a second index for LIKE.
            models.UniqueConstraint(fields=["key"], name="autofix_one_turn_per_key"),
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(status__in=["pending", "running"]),
                name="autofix_one_open_turn",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=Q(status__in=["pending", "running"]),
                name="autofix_open_turns",
            ),
            models.Index(
                fields=["ended_at"],
                condition=Q(hook_called_at__isnull=True, ended_at__isnull=False),
                name="autofix_hook_due",
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.pk}"

    def as_state(self) -> TurnState:
        """How the turn stands, as the protocol shows it."""
        pending = self.pending_user_input
        return TurnState(
            id=str(self.pk),
            status=self.status,  # type: ignore[arg-type]  # the column's choices are the literal's words
            first_index=self.first_index,
            end_index=self.end_index,
            metadata=self.metadata,
            error_code=self.error_code,
            error_detail=self.error_detail,
            pending_user_input=PendingUserInput.model_validate(pending) if pending else None,
            usage=Usage.model_validate(self.usage),
        )


class Block(models.Model):
    """One entry of a session: a message, tool calls, artifacts, file patches; JSON as in :mod:`autofix.explorer.state`.

    ``has_patches``: it changes files, and is read even where the others are not.
    """

    # No index of its own: the unique one below begins with it.
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="blocks", db_index=False)
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, null=True, related_name="blocks")
    index = models.PositiveIntegerField()
    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    content = models.JSONField()
    has_patches = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "index"], name="autofix_one_block_per_index")
        ]
        indexes = [
            models.Index(
                fields=["session", "index"], condition=Q(has_patches=True), name="autofix_patched_blocks"
            )
        ]
        ordering = ["index"]

    def __str__(self) -> str:
        return f"block {self.index} of session {self.session_id}"

    def as_state(self) -> BlockState:
        """The block as the protocol shows it."""
        return BlockState(id=str(self.uuid), index=self.index, timestamp=self.created_at, **self.content)


class NewBlock(NamedTuple):
    """A block that is not stored yet: how the protocol will show it, and the columns of its row."""

    state: BlockState
    row: dict[str, Any]


def new_block(turn: Turn, index: int, content: dict[str, Any]) -> NewBlock:
    """The turn's block with this index. ``content``: a :class:`autofix.explorer.state.BlockContent` as JSON."""
    known_as, now = uuid.uuid4(), timezone.now()
    row = {
        "session_id": turn.session_id,
        "turn_id": turn.pk,
        "index": index,
        "uuid": known_as,
        "content": content,
        "has_patches": bool(content["file_patches"]),
        "created_at": now,
    }
    return NewBlock(BlockState(id=str(known_as), index=index, timestamp=now, **content), row)


class CallStatus(models.TextChoices):
    """What came of a model call; ``started`` is charged by its estimate until something is known."""

    STARTED = "started"
    ANSWERED = "answered"
    FAILED = "failed"
    ABANDONED = "abandoned"


class ModelCall(models.Model):
    """One row of the ledger: one call of a model, written before the call is made, so that none goes uncounted.

    Tokens are the provider's count, or our estimate where it gave none (``estimated``). ``cost_usd`` is null where the
    price of the model is not known. ``task`` names what the turn works on: turns that mend its result share its budget.
    """

    turn = models.ForeignKey(Turn, on_delete=models.SET_NULL, null=True, related_name="model_calls")
    task = models.CharField(max_length=128)
    organization_id = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64)
    issue_id = models.CharField(max_length=64)
    model = models.CharField(max_length=255)
    status = models.CharField(max_length=16, choices=CallStatus, default=CallStatus.STARTED)
    estimated = models.BooleanField(default=True)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cost_usd = models.FloatField(null=True)
    error_code = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["task"], name="autofix_calls_of_task"),
            models.Index(
                fields=["organization_id", "project_id", "created_at"], name="autofix_calls_of_project"
            ),
        ]

    def __str__(self) -> str:
        return f"call {self.pk} of {self.model}"
