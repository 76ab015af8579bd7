"""Whatever dies, repeats, comes late or freezes, wherever: every run reaches its end once."""

from __future__ import annotations

import pytest

from tests.faults.cases import CASES, Case
from tests.faults.conftest import Matrix


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=str(case), marks=[pytest.mark.faults_long] if case.is_long else [])
        for case in CASES
    ],
)
def test_run_reaches_its_end_once(case: Case, matrix: Matrix) -> None:
    """Each step once, events gap-free and delivered, no block twice, one branch and pull request, quota counted once."""
    assert matrix.violations(case) == []
