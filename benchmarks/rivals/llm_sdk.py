"""A plain loop on the provider's SDK; nothing is kept."""

from __future__ import annotations

import json

from loop import URL, lines, measured
from openai import OpenAI

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "read_file",
            "description": "Lines of a file.",
            "parameters": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "start_line": {"type": "integer"},
                    "end_line": {"type": "integer"},
                },
            },
        },
    }
]
client = OpenAI(base_url=URL, api_key="none", max_retries=0)


def converse(task: str, _: int) -> int:
    """Ask, run the tool, ask again."""
    messages: list[dict[str, object]] = [{"role": "user", "content": task}]
    made = 0
    while True:
        answer = client.chat.completions.create(model="scripted", messages=messages, tools=TOOLS)
        made += 1
        reply = answer.choices[0].message
        messages.append(reply.model_dump(exclude_none=True))
        if not reply.tool_calls:
            return made
        for call in reply.tool_calls:
            given = json.loads(call.function.arguments)
            found = lines(given["start_line"], given["end_line"])
            messages.append({"role": "tool", "tool_call_id": call.id, "content": found})


if __name__ == "__main__":
    measured(converse)
