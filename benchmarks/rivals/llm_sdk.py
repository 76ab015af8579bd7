"""A plain loop on the provider's SDK: ``llm_sdk.py URL CALLS FILE``. Prints processor seconds and the peak of memory as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

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


def main(url: str, calls: int, path: Path) -> None:
    """Ask, run the tool, ask again."""
    client = OpenAI(base_url=url, api_key="none", max_retries=0)
    messages: list[dict[str, object]] = [{"role": "user", "content": "Find the root cause of this issue."}]
    began, made = time.process_time(), 0
    while True:
        reply = (
            client.chat.completions.create(model="scripted", messages=messages, tools=TOOLS)
            .choices[0]
            .message
        )
        made += 1
        messages.append(reply.model_dump(exclude_none=True))
        if not reply.tool_calls or made >= calls:
            break
        for call in reply.tool_calls:
            given = json.loads(call.function.arguments)
            lines = path.read_text(encoding="utf-8").splitlines()[given["start_line"] - 1 : given["end_line"]]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "\n".join(lines)})
    seconds = time.process_time() - began
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"calls": made, "seconds": seconds, "rss_mb": rss}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
