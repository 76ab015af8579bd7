"""Counting trips to the database."""

from __future__ import annotations

from django.test.utils import CaptureQueriesContext

ALONG = ("BEGIN", "COMMIT")
"""They go with other statements where that saves anything."""


def sent(statements: CaptureQueriesContext) -> list[str]:
    """What travelled, one text a trip."""
    texts = [query["sql"] or "" for query in statements.captured_queries]
    return [text for text in texts if text.partition(" ")[0] not in ALONG]
