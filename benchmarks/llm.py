"""What an agent's loop costs beside its model: processor time per call and memory, on the same scripted model over HTTP.

The model answers at once, so what is measured is the loop: building requests, running one cheap tool, keeping state. Our agent
also stores each block and books each call in SQLite; langgraph keeps its states in memory, the plain loop keeps a list.
Processor time, not wall time: it says the same on a busy machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.comparison import Skipped, interpreter
from benchmarks.measuring import quantile, table
from demo.stack import CHECKOUT
from tests.llm_server import Answer, Asked, calls, model_server, says

CALLS = 40
REPEATS = 3
RIVALS = {
    "autofix": "",
    "plain loop on the SDK": "llm_sdk",
    "langgraph": "llm_langgraph",
}
TIMEOUT_S = 300


def respond(asked: Asked) -> Answer:
    """A tool call, each a different one, and the end."""
    if asked.number >= CALLS - 1:
        return (
            calls("artifact_write_triage")
            if "artifact_write_triage" in asked.tools
            else says("Done. COMPLETE")
        )
    if "bash" in asked.tools:
        return calls("bash", command=f"head -n {asked.number + 1} cart.py")
    return calls("read_file", path="shop/cart.py", start_line=1, end_line=asked.number + 1)


def measure(name: str, module: str, url: str) -> list[object]:
    """Processor milliseconds per call (median of the repeats), the best of them, and megabytes."""
    python = str(interpreter(module)) if module else sys.executable
    results = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as box:
            place = Path(box) / "cart.py"
            place.write_text(
                "def total(prices, names):\n    return sum(prices[name] for name in names)\n",
                encoding="utf-8",
            )
            program = CHECKOUT / "benchmarks" / "rivals" / f"{module or 'llm_autofix'}.py"
            given = [url, str(CALLS), str(place if module else Path(box))]
            environment = os.environ | {"PYTHONPATH": "" if module else str(CHECKOUT)}
            done = subprocess.run(
                [python, str(program), *given], env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
            )  # fmt: skip
        if done.returncode:
            raise Skipped(
                done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
            )
        results.append(json.loads(done.stdout.strip().splitlines()[-1]))
    per_call = [1000 * result["seconds"] / result["calls"] for result in results]
    return [
        name,
        results[0]["calls"],
        quantile(per_call, 0.5),
        min(per_call),
        max(r["rss_mb"] for r in results),
    ]


def main() -> int:
    """Print the table; what cannot be measured here says why."""
    rows: list[list[object]] = []
    with model_server() as model:
        model.respond = respond
        for name, module in RIVALS.items():
            try:
                rows.append(measure(name, module, model.url))
            except (Skipped, subprocess.TimeoutExpired) as exc:
                rows.append([name, "-", "-", "-", f"not measured: {exc}"])
    note = f"{CALLS} calls in a row, {REPEATS} times; first calls with their connection included; memory: peak of the process."
    print(table("An agent's loop", ["loop", "calls", "CPU ms per call", "best", "MB"], rows, note))
    return 0


if __name__ == "__main__":
    sys.exit(main())
