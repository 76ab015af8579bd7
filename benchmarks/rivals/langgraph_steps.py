"""Three nodes of a LangGraph graph; each checkpoint is in PostgreSQL before the next node runs."""

from __future__ import annotations

import sys
import uuid
from itertools import pairwise
from typing import Any, TypedDict

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from race import in_threads, race

THREADS = 1


class State(TypedDict, total=False):
    """What the nodes hand on."""

    number: int
    root_cause: dict[str, Any]
    solution: dict[str, Any]
    code_changes: dict[str, Any]


def root_cause(state: State) -> State:
    """The first step."""
    words = f"The plan is optional {state['number']}"
    return {"root_cause": {"one_line_description": words, "five_whys": ["It is not there"]}}


def solution(state: State) -> State:
    """The second step."""
    cause = state["root_cause"]["one_line_description"]
    return {"solution": {"one_line_summary": "Read it with a default", "cause": cause}}


def code_changes(state: State) -> State:
    """The third step."""
    return {"code_changes": {"diff": "-x = 1\n+x = 2\n", "plan": state["solution"]["one_line_summary"]}}


def main() -> None:
    """Compile the graph and race."""
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with ConnectionPool(sys.argv[1], min_size=THREADS, max_size=THREADS, kwargs=options) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        graph = StateGraph(State)
        names = ["root_cause", "solution", "code_changes"]
        for name, node in zip(names, (root_cause, solution, code_changes), strict=True):
            graph.add_node(f"do_{name}", node)
        places = [START, *(f"do_{name}" for name in names), END]
        for before, after in pairwise(places):
            graph.add_edge(before, after)
        compiled = graph.compile(checkpointer=saver)

        def pipeline(number: int) -> object:
            thread = {"configurable": {"thread_id": str(uuid.uuid4())}}
            return compiled.invoke({"number": number}, thread, durability="sync")

        race(in_threads(pipeline, THREADS))


if __name__ == "__main__":
    main()
