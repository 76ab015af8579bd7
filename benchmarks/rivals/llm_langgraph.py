"""langgraph's tool-calling agent; its states are kept in memory, or in SQLite when the last argument is ``sqlite``."""

from __future__ import annotations

import sys

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from loop import CALLS, FOLDER, URL, lines, measured


@tool
def read_file(path: str, start_line: int = 1, end_line: int = 1) -> str:  # noqa: ARG001 - what the model sends
    """Lines of a file."""
    return lines(start_line, end_line)


def main(*, durable: bool) -> None:
    """Ask, run the tool, ask again, each a node of a graph."""
    model = ChatOpenAI(base_url=URL, api_key="none", model="scripted", max_retries=0).bind_tools([read_file])

    def ask(state: MessagesState) -> dict[str, list[object]]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_node("tools", ToolNode([read_file]))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")

    def race(saver: InMemorySaver | SqliteSaver) -> None:
        agent = graph.compile(checkpointer=saver)

        def converse(task: str, number: int) -> int:
            config = {"configurable": {"thread_id": str(number)}, "recursion_limit": 10 * CALLS}
            # "sync": a state is stored before the next node runs, as ours is.
            ended = agent.invoke({"messages": [("user", task)]}, config, durability="sync")
            return sum(message.type == "ai" for message in ended["messages"])

        measured(converse)

    if durable:
        with SqliteSaver.from_conn_string(str(FOLDER / "states.sqlite3")) as saver:
            race(saver)
    else:
        race(InMemorySaver())


if __name__ == "__main__":
    main(durable=sys.argv[-1] == "sqlite")
