"""Three steps as a DBOS workflow."""

from __future__ import annotations

import os
import sys
from typing import Any

from dbos import DBOS
from race import in_threads, race

DBOS(
    config={
        "name": "bench",
        "system_database_url": sys.argv[1],
        "executor_id": str(os.getpid()),
        "log_level": "ERROR",
    }
)


@DBOS.step()
def root_cause(number: int) -> dict[str, Any]:
    """The first step."""
    return {"one_line_description": f"The plan is optional {number}", "five_whys": ["It is not there"]}


@DBOS.step()
def solution(cause: dict[str, Any]) -> dict[str, Any]:
    """The second step."""
    return {"one_line_summary": "Read it with a default", "cause": cause["one_line_description"]}


@DBOS.step()
def code_changes(plan: dict[str, Any]) -> dict[str, Any]:
    """The third step."""
    return {"diff": "-x = 1\n+x = 2\n", "plan": plan["one_line_summary"]}


@DBOS.workflow()
def pipeline(number: int) -> dict[str, Any]:
    """All three."""
    return code_changes(solution(root_cause(number)))


if __name__ == "__main__":
    DBOS.launch()
    race(in_threads(pipeline, threads=1))
    DBOS.destroy()
