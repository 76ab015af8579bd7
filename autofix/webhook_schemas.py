"""JSON Schema of every webhook body, derived from the catalogue, the steps and their artifacts."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from autofix import webhooks
from autofix.delivery import bodies, outbox
from autofix.steps import STEPS, StepSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: dict[str, Any] = {"type": "string"}
OPTIONAL_TEXT: dict[str, Any] = {"type": ["string", "null"]}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


NOTHING = closed({})
ERROR = closed({"error": closed({"code": TEXT, "detail": TEXT})})
FILE = closed(
    {"path": TEXT, "type": {"enum": ["A", "M", "D"]}, "added": COUNT, "removed": COUNT, "diff": TEXT}
)
CODE_CHANGES = closed(
    {"code_changes": {"type": "object", "additionalProperties": {"type": "array", "items": FILE}}}
)
PULL_REQUEST = closed({"pr_id": {"type": ["integer", "null"]}, "pr_number": COUNT, "pr_url": TEXT})
PULL_REQUESTS = closed(
    {
        "pull_requests": {
            "type": "array",
            "minItems": 1,
            "items": closed({"provider": TEXT, "repo_name": TEXT, "pull_request": PULL_REQUEST}),
        }
    }
)
TRUNCATED = closed({"truncated": {"const": True}, "url": OPTIONAL_TEXT})
OTHERS: dict[str, dict[str, Any]] = {
    webhooks.PR_CREATED: PULL_REQUESTS,
    webhooks.PR_FAILED: ERROR,
    webhooks.RUN_COMPLETED: closed({"stop_reason": OPTIONAL_TEXT}),
    webhooks.RUN_FAILED: ERROR,
    webhooks.RUN_CANCELLED: NOTHING,
    outbox.ENDPOINT_DISABLED: closed({"endpoint": closed({"id": COUNT, "url": TEXT, "reason": TEXT})}),
    outbox.PING: closed({"endpoint_id": COUNT}),
}
"""``data`` of the types that no step announces."""


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each type's body in format ``standard``."""
    definitions = _artifacts()
    found = {
        webhooks.event_type(step, outcome): _data_of_step(spec, outcome)
        for step, spec in STEPS.items()
        for outcome in webhooks.OUTCOMES
    }
    return {
        event_type: _body(event_type, data, definitions if "$ref" in str(data) else {})
        for event_type, data in (found | OTHERS).items()
    }


def _data_of_step(spec: StepSpec, outcome: webhooks.Outcome) -> dict[str, Any]:
    match outcome:
        case "started":
            return NOTHING
        case "failed":
            return ERROR
        case "completed" if spec.artifact is None:
            return CODE_CHANGES
        case "completed":
            return closed({spec.step.value: {"$ref": f"#/$defs/{spec.artifact.__name__}"}})


def _artifacts() -> dict[str, Any]:
    models = [(spec.artifact, "serialization") for spec in STEPS.values() if spec.artifact is not None]
    _, definitions = models_json_schema(models)  # type: ignore[arg-type]  # the mode is one of its words
    found: dict[str, Any] = definitions["$defs"]
    return found


def _body(event_type: str, data: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    of_run = event_type not in (outbox.PING, outbox.ENDPOINT_DISABLED)
    text, number = (TEXT, COUNT) if of_run else ({"type": "null"}, {"type": "null"})
    body = closed(
        {
            "id": {"type": "string", "pattern": "^evt_[0-9a-f]{32}$"},
            "type": {"const": event_type},
            "schema_version": {"const": bodies.SCHEMA_VERSION},
            "timestamp": {"type": "string", "format": "date-time"},
            "organization_id": TEXT,
            "project_id": text,
            "issue_id": text,
            "run_id": number,
            "run_uuid": text,
            "sequence": {"type": "integer", "minimum": 1} if of_run else number,
            "data": {"anyOf": [data, TRUNCATED]},
        }
    )
    return {"$schema": DIALECT, "title": event_type, **body} | ({"$defs": definitions} if definitions else {})
