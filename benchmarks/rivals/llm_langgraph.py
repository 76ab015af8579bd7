"""langgraph's tool-calling agent with its in-memory checkpointer: ``llm_langgraph.py URL CALLS FILE``."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition


def main(url: str, calls: int, path: Path) -> None:
    """Ask, run the tool, ask again, each a node of a graph whose states are kept."""

    @tool
    def read_file(path: str, start_line: int = 1, end_line: int = 1) -> str:  # noqa: ARG001 - what the model sends
        """Lines of a file."""
        return "\n".join(place.read_text(encoding="utf-8").splitlines()[start_line - 1 : end_line])

    place = path
    model = ChatOpenAI(base_url=url, api_key="none", model="scripted", max_retries=0).bind_tools([read_file])
    made = 0

    def ask(state: MessagesState) -> dict[str, list[object]]:
        nonlocal made
        made += 1
        reply = model.invoke(state["messages"])
        if made >= calls:
            reply.tool_calls = []
        return {"messages": [reply]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_node("tools", ToolNode([read_file]))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    agent = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "recursion_limit": 10 * calls}
    began = time.process_time()
    agent.invoke({"messages": [("user", "Find the root cause of this issue.")]}, config)
    seconds = time.process_time() - began
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"calls": made, "seconds": seconds, "rss_mb": rss}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
