"""Three tasks of a Prefect flow, their states kept by a Prefect server on PostgreSQL, their results on disk."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from race import in_threads, race


@task(persist_result=True)
def root_cause(number: int) -> dict[str, Any]:
    """The first step."""
    return {"one_line_description": f"The plan is optional {number}", "five_whys": ["It is not there"]}


@task(persist_result=True)
def solution(cause: dict[str, Any]) -> dict[str, Any]:
    """The second step."""
    return {"one_line_summary": "Read it with a default", "cause": cause["one_line_description"]}


@task(persist_result=True)
def code_changes(plan: dict[str, Any]) -> dict[str, Any]:
    """The third step."""
    return {"diff": "-x = 1\n+x = 2\n", "plan": plan["one_line_summary"]}


@flow(persist_result=True)
def pipeline(number: int) -> dict[str, Any]:
    """All three."""
    return code_changes(solution(root_cause(number)))


if __name__ == "__main__":
    race(in_threads(pipeline, threads=4))
