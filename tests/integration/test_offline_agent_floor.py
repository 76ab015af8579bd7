"""The offline agent's score on the planted bugs, so that it cannot get worse unnoticed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.offline_agent import DEFAULT_CASES

ROOT = Path(__file__).resolve().parents[2]
FLOOR = {
    "verdict_hit": 0.9, "file_top1": 0.9, "function_top1": 0.9, "suspect_commit_hit": 0.9, "assignee_hit": 0.9, "resolved": 0.7,
}  # fmt: skip


@pytest.mark.skipif(not DEFAULT_CASES.is_dir(), reason="the planted bugs are not beside this checkout")
def test_the_score_does_not_fall() -> None:
    """Every figure at its floor or above, and not one wrong patch or false alarm."""
    command = [sys.executable, "-m", "benchmarks.offline_agent", str(DEFAULT_CASES), "--json"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    totals = json.loads(done.stdout)["totals"]
    below = {name: totals[name] for name, floor in FLOOR.items() if totals[name]["rate"] < floor}
    assert below == {}
    assert [
        totals[name]["hits"] for name in ("wrong_patch", "suspect_false_alarm", "assignee_false_alarm")
    ] == [0, 0, 0]
