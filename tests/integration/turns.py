"""Rows of the explorer, made by hand."""

from __future__ import annotations

from autofix.explorer.models import Session, Turn


def make_session() -> Session:
    return Session.objects.create(organization_id="1", project_id="2", issue_id="3", pins={"a/b": "f" * 40})


def make_turn(session: Session, key: str, **fields: object) -> Turn:
    """Not stored yet; its metadata are a little difficult."""
    return Turn(
        session=session, key=key, prompt="Why?", hook="h", metadata={"é": [1, None, "\u200b"]}, **fields
    )
