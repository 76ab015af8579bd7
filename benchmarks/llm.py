"""What an agent's loop costs beside its model, on the same scripted model over HTTP: time per call, and memory.

The model answers at once, so what is measured is the loop: building requests, running one cheap tool, keeping state.
Each loop is a process of its own in an environment of its own (.venv-bench-<name>); the model's processor time is not counted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.comparison import Skipped, interpreter
from benchmarks.measuring import environment, table
from benchmarks.site import SERVERS
from demo.stack import CHECKOUT, own_environment
from tests.acceptance.services import own_services
from tests.llm_server import Answer, Asked, calls, model_server, says
from tests.repositories import CART

CALLS = 40
ROUNDS = 3
TIMEOUT_S = 300
SUBMITS = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


@dataclass
class Loop:
    """One of those compared. ``pinned``: whose environment; ours when empty. ``keeps``: what outlives a killed process."""

    name: str
    keeps: str
    program: str
    pinned: str = ""
    package: str = ""
    flavour: str = ""
    took: list[dict[str, float]] = field(default_factory=list)

    def per_call(self, what: str) -> list[float]:
        """Milliseconds per call, one figure a round."""
        return [1000 * each[what] / each["calls"] for each in self.took]

    def title(self) -> str:
        """Its name with the version that was measured."""
        if not self.pinned:
            return f"{self.name} (pydantic-ai-slim {version('pydantic-ai-slim')})"
        pins = (Path(__file__).parent / "requirements" / f"{self.pinned}.txt").read_text(encoding="utf-8")
        return f"{self.name} ({self.package} {re.findall(rf'(?m)^{self.package}==(.+)$', pins)[0]})"


LOOPS = (
    Loop("autofix, SQLite", "yes: a call repeated at most", "llm_autofix"),
    Loop("autofix, PostgreSQL", "yes: a call repeated at most", "llm_autofix", flavour="postgresql"),
    Loop("plain loop on the SDK", "no", "llm_sdk", "llm_sdk", "openai"),
    Loop("langgraph, in memory", "no", "llm_langgraph", "llm_langgraph", "langgraph"),
    Loop(
        "langgraph, SQLite", "yes: a state per node, before the next", "llm_langgraph", "llm_langgraph", "langgraph", "sqlite"
    ),
    Loop(
        "mini-swe-agent on litellm", "a file to read, not to go on from", "llm_mini", "llm_mini", "mini-swe-agent"
    ),
)  # fmt: skip


def respond(asked: Asked) -> Answer:
    """A call of the loop's own tool, each a different one, until the task's number of calls is reached."""
    limit = int(re.findall(r"Calls: (\d+)", asked.text)[0])
    last = asked.number >= limit - 1
    if "bash" in asked.tools:
        return calls("bash", command=f"echo {SUBMITS}" if last else f"head -n {asked.number + 1} cart.py")
    if not last:
        return calls("read_file", path="shop/cart.py", start_line=1, end_line=asked.number + 1)
    return calls("artifact_write_triage") if "artifact_write_triage" in asked.tools else says("Done.")


def measure(loop: Loop, url: str) -> dict[str, float]:
    """What one process of the loop says of itself; Skipped with its last words when it fails."""
    python = str(interpreter(loop.pinned)) if loop.pinned else sys.executable
    program = CHECKOUT / "benchmarks" / "rivals" / f"{loop.program}.py"
    with tempfile.TemporaryDirectory() as box, database(loop) as given:
        (Path(box) / "cart.py").write_text(CART, encoding="utf-8")
        shared = {"PATH": os.environ["PATH"], "HOME": box, "DO_NOT_TRACK": "1"}
        if not loop.pinned:
            shared = own_environment(PYTHONPATH=str(CHECKOUT), **given)
        done = subprocess.run(
            [python, str(program), url, box, str(CALLS), loop.flavour], env=shared, cwd=box, capture_output=True,
            text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
    if done.returncode:
        raise Skipped((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1])
    said: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    if said["calls"] != CALLS:
        raise Skipped(f"It made {said['calls']} calls, not {CALLS}")
    return said


@contextmanager
def database(loop: Loop) -> Iterator[dict[str, str]]:
    """A database of its own for a loop that wants one on a server."""
    if loop.flavour != "postgresql":
        yield {}
        return
    os.environ.setdefault("DATABASE_URL", SERVERS["DATABASE_URL"])
    try:
        with own_services() as services:
            yield {"DATABASE_URL": services["DATABASE_URL"]}
    except (psycopg.OperationalError, KeyError) as exc:
        raise Skipped("there is no PostgreSQL here") from exc


def main() -> int:
    """Print the table; what cannot be measured here says why."""
    print(environment("", ""), end="\n\n", flush=True)
    missing: dict[str, str] = {}
    with model_server() as model:
        model.respond = respond
        for _ in range(ROUNDS):
            for loop in LOOPS:
                if loop.name in missing:
                    continue
                try:
                    loop.took.append(measure(loop, model.url))
                except (Skipped, subprocess.TimeoutExpired) as exc:
                    missing[loop.name] = str(exc)
    rows = [_row(loop) for loop in LOOPS if loop.name not in missing]
    rows += [[name, "-", "-", "-", "-", f"not measured: {why}"] for name, why in missing.items()]
    note = (
        f"{CALLS} calls in a row after a conversation of three to warm up, {ROUNDS} rounds in turn, a process each; medians, "
        "and the lowest round. Time: of the loop and of programs that it starts; the model takes none. Memory: the most that the "
        "process held. The plain loop, langgraph and mini-swe-agent offer the model one tool; autofix offers all of its tools."
    )
    header = ["loop", "durable", "CPU ms per call", "lowest", "wall ms per call", "MB"]
    print(table("An agent's loop", header, rows, note))
    return 1 if missing else 0


def _row(loop: Loop) -> list[object]:
    processor, wall = median(loop.per_call("cpu_s")), median(loop.per_call("wall_s"))
    most = max(each["mb"] for each in loop.took)
    return [loop.title(), loop.keeps, processor, min(loop.per_call("cpu_s")), wall, most]


if __name__ == "__main__":
    sys.exit(main())
