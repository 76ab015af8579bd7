"""Rows of the explorer, made by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from autofix.explorer.models import Session, Turn
from autofix.explorer.state import BlockContent, Message


def make_session() -> Session:
    return Session.objects.create(organization_id="1", project_id="2", issue_id="3", pins={"a/b": "f" * 40})


def make_turn(session: Session, key: str, **fields: object) -> Turn:
    """Not stored yet; its metadata are a little difficult."""
    return Turn(
        session=session, key=key, prompt="Why?", hook="h", metadata={"é": [1, None, "\u200b"]}, **fields
    )


def thought(text: str) -> dict[str, Any]:
    return BlockContent(message=Message(content=text)).model_dump(mode="json")


def lapse(turn: Turn) -> None:
    """Make the lease of the turn's worker run out."""
    Turn.objects.filter(pk=turn.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
