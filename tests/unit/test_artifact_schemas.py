"""What artifacts may hold: trimmed, bounded, without unknown fields."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autofix.artifact_schemas import (
    MAX_ITEMS,
    MAX_TEXT,
    ImpactAssessmentArtifact,
    RootCauseArtifact,
    SolutionArtifact,
    TriageArtifact,
)

ROOT_CAUSE: dict[str, Any] = {
    "one_line_description": " x ",
    "five_whys": ["why"],
    "fixability": {"assessment": "fixable", "reason": "r"},
}
COMMIT = {
    "sha": "ABCDEF1",
    "repo_name": "acme/shop",
    "message": "m",
    "author_name": "a",
    "author_email": "a@example.com",
    "committed_date": "2026-01-02",
    "description": "d",
}


def test_strings_are_trimmed_and_unknown_fields_dropped() -> None:
    """White space around and fields that nobody asked for do not survive."""
    artifact = RootCauseArtifact.model_validate({**ROOT_CAUSE, "mood": "good"})
    assert artifact.one_line_description == "x"
    assert "mood" not in artifact.model_dump()


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (RootCauseArtifact, {**ROOT_CAUSE, "five_whys": []}),
        (RootCauseArtifact, {**ROOT_CAUSE, "five_whys": ["  "]}),
        (RootCauseArtifact, {**ROOT_CAUSE, "five_whys": ["w"] * (MAX_ITEMS + 1)}),
        (RootCauseArtifact, {**ROOT_CAUSE, "one_line_description": "x" * (MAX_TEXT + 1)}),
        (RootCauseArtifact, {**ROOT_CAUSE, "fixability": {"assessment": "maybe", "reason": "r"}}),
        (RootCauseArtifact, {k: v for k, v in ROOT_CAUSE.items() if k != "fixability"}),
        (SolutionArtifact, {"one_line_summary": "s", "steps": []}),
        (ImpactAssessmentArtifact, {"one_line_description": "s", "impacts": []}),
        (TriageArtifact, {"suspect_commit": {**COMMIT, "sha": "abc"}}),
        (TriageArtifact, {"suspect_commit": {**COMMIT, "sha": "abcdefg"}}),
        (TriageArtifact, {"suspect_commit": {**COMMIT, "committed_date": "2 January"}}),
    ],
)
def test_what_breaks_the_contract_is_refused(model: type[RootCauseArtifact], data: dict[str, Any]) -> None:
    """Each rule of the contract has data that breaks it, and is refused."""
    with pytest.raises(ValidationError):
        model.model_validate(data)


def test_triage_may_be_empty_and_shas_are_lower_case() -> None:
    """Nobody convincing is a result; a sha in capitals is the same sha."""
    assert TriageArtifact.model_validate({}).suspect_commit is None
    found = TriageArtifact.model_validate({"suspect_commit": COMMIT}).suspect_commit
    assert found is not None
    assert found.sha == "abcdef1"
