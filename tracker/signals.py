"""What the tracker announces to whoever is installed beside it."""

from __future__ import annotations

from django.dispatch import Signal

new_issue = Signal()
"""Sent with ``issue_id`` (string) after the transaction that stored a new issue and its first event committed."""
