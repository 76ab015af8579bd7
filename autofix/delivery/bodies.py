"""What is sent: the body of each format, as JSON that every parser accepts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from autofix import conf
from autofix.models.runs import Run
from autofix.steps import STEPS
from autofix.storable import storable

SCHEMA_VERSION = 1
MAX_BODY = 256 * 1024
"""Bytes of a body beyond which it is sent without its data."""
SENTRY_TYPES = frozenset(
    {
        f"autofix.{spec.event_name}_{outcome}"
        for spec in STEPS.values()
        for outcome in ("started", "completed")
    }
    | {"autofix.pr_created"}
)
"""The types that Sentry's seer webhooks have: it announces no failures and no ends of runs."""


def standard(
    public_id: str,
    event_type: str,
    happened_at: datetime,
    *,
    organization_id: str,
    run: Run | None,
    sequence: int | None,
    data: Mapping[str, Any],
) -> tuple[dict[str, Any], str]:
    """The body of format ``standard``, and the same as JSON.

    Thin, with the place where the rest can be read, when it would be over 256 KiB.
    """
    body = {
        "id": public_id,
        "type": event_type,
        "schema_version": SCHEMA_VERSION,
        "timestamp": happened_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "organization_id": str(organization_id),
        "project_id": run and str(run.project_id),
        "issue_id": run and str(run.issue_id),
        "run_id": run and run.pk,
        "run_uuid": run and str(run.uuid),
        "sequence": sequence,
        "data": storable(data),
    }
    text = _text(body)
    if len(text.encode()) > MAX_BODY:
        body["data"] = {"truncated": True, "url": run and state_url(run)}
        text = _text(body)
    return body, text


def state_url(run: Run) -> str:
    """Where the API tells the whole state of the run; a path when the settings do not say by which name we are reached."""
    site = conf.settings().webhooks.site_url.rstrip("/")
    return f"{site}/api/0/organizations/{run.organization_id}/issues/{run.issue_id}/autofix/?run_id={run.pk}"


def encode(body: Mapping[str, Any]) -> bytes:
    """The bytes on the wire: the same for the same stored body, so that a retry repeats them."""
    return _text(body).encode()


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def sentry(body: Mapping[str, Any], installation: str) -> dict[str, Any]:
    """The envelope of format ``sentry`` around the data of a stored body. ``group_id`` is a number where the host's id is."""
    issue_id = body["issue_id"]
    numeric = isinstance(issue_id, str) and issue_id.isascii() and issue_id.isdigit()
    return {
        "action": str(body["type"]).removeprefix("autofix."),
        "installation": {"uuid": installation},
        "data": {
            "run_id": body["run_id"],
            "sentry_run_id": body["run_uuid"],
            "group_id": int(issue_id) if numeric else issue_id,
            **body["data"],
        },
        "actor": {"type": "application", "id": "autofix", "name": "Autofix"},
    }
