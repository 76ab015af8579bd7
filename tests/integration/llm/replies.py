"""What the model says in these tests."""

from __future__ import annotations

import json
from typing import Any

from tests.llm_server import Answer, Respond, calls, plays, says
from tests.pipeline import IMPACT, SOLUTION, TRIAGE
from tests.repositories import CART

PATH = "shop/cart.py"
LINE = CART.splitlines()[1].strip()
CITATION = {
    "kind": "code",
    "repo_name": "acme/shop",
    "path": PATH,
    "start_line": 2,
    "end_line": 2,
    "quote": LINE,
}
ROOT_CAUSE: dict[str, Any] = {
    "one_line_description": "A name without a price",
    "five_whys": ["prices has no such key"],
    "reproduction_steps": [],
    "relevant_repo": "acme/shop",
    "fixability": {"assessment": "fixable", "reason": "A default is enough"},
    "evidence": [CITATION],
}
WRONG_CITATION = {**ROOT_CAUSE, "evidence": [{**CITATION, "quote": "return min(prices)"}]}


def written(key: str, data: dict[str, Any]) -> Answer:
    """The call that records an artifact."""
    return calls(f"artifact_write_{key}", **data)


def parsed(arguments: str) -> dict[str, Any]:
    """Arguments of a call as an object: they compare whatever their spaces."""
    given: dict[str, Any] = json.loads(arguments)
    return given


EDIT = calls("replace_text", path=PATH, old="prices[name]", new="prices.get(name, 0)")
SCRIPT: dict[str, list[Answer]] = {
    "root_cause": [
        says("Let me look.", ("event_details", {}), ("issue_details", {})),
        calls("read_file", path=PATH),
        calls("blame", path=PATH, start_line=1, end_line=2),
        written("root_cause", {**ROOT_CAUSE, "five_whys": []}),
        written("root_cause", WRONG_CITATION),
        written("root_cause", ROOT_CAUSE),
    ],
    "solution": [calls("search_code", pattern="prices"), written("solution", SOLUTION)],
    "code_changes": [EDIT, says("Done: a name without a price costs nothing.")],
    "impact_assessment": [calls("tag_distribution"), written("impact_assessment", IMPACT)],
    "triage": [calls("log", path=PATH), written("triage", TRIAGE)],
}


def whole_pipeline(**steps: list[Answer]) -> Respond:
    """The whole script, with other replies on some steps."""
    return plays(SCRIPT | steps)
