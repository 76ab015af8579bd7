"""Kill the worker after each of the first calls of a model and see what the run costs: the table in docs/how-to/llm.md.

python -m benchmarks.llm_resume [--calls 12] [--pool threads] [--write]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.acceptance.llm_site import CALLS, EVENTS, killed_run, model_site

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "llm.md"
BEGIN, END = "<!-- resume: begin -->\n", "<!-- resume: end -->"
HEADER = "| killed after call | calls made | repeated | artifacts and changes | webhooks |\n|---|---|---|---|---|\n"


def main(arguments: list[str]) -> int:
    """Print the table, and put it into the page when asked to; 1 when any run differs from an undisturbed one."""
    parser = argparse.ArgumentParser(prog="benchmarks.llm_resume")
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--pool", choices=["threads", "prefork"], default="threads")
    parser.add_argument("--write", action="store_true", help=f"replace the table in {PAGE.name}")
    given = parser.parse_args(arguments)
    rows, wrong = [], 0
    with tempfile.TemporaryDirectory() as folder, model_site(Path(folder), given.pool) as there:
        there.without_side_steps()
        for after in range(given.calls + 1):
            began = time.monotonic()
            ended = killed_run(there, after)
            same = not ended.problems
            wrong += not same
            rows.append(
                f"| {after or 'never'} | {ended.requests} | {ended.requests - CALLS} | "
                f"{'the same' if same else '; '.join(ended.problems)} | {len(ended.events)} of {len(EVENTS)}, none twice |"
                if len(set(ended.events)) == len(ended.events)
                else f"| {after} | {ended.requests} | | | {ended.events} |"
            )
            print(rows[-1], f"  {time.monotonic() - began:.0f} s", flush=True)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(
            before + BEGIN + HEADER + "\n".join(rows) + "\n" + END + rest.partition(END)[2], encoding="utf-8"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
