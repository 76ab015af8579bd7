"""Kill the worker at each of the first calls of a model and see what the run costs: the table in docs/how-to/llm.md.

python -m benchmarks.llm_resume [--calls 12] [--pool threads|prefork] [--write]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.llm_site import CALLS, EVENTS, Killed, killed_run, model_site

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "llm.md"
BEGIN, END = "<!-- resume: begin -->\n", "<!-- resume: end -->"
POOLS = ("threads", "prefork")
HEADER = "| pool | killed at call | calls made | repeated | artifacts and changes | webhooks |\n|---|---|---|---|---|---|\n"


def main(arguments: list[str]) -> int:
    """Print the table, and put it into the page when asked to; 1 when any run differs from an undisturbed one."""
    parser = argparse.ArgumentParser(prog="benchmarks.llm_resume")
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--pool", choices=POOLS, help="only this one")
    parser.add_argument("--write", action="store_true", help=f"replace the table in {PAGE.name}")
    given = parser.parse_args(arguments)
    rows, wrong = [], 0
    for pool in [given.pool] if given.pool else POOLS:
        for ended in killed_runs(pool, given.calls):
            wrong += bool(ended.problems)
            rows.append(row(pool, ended))
            print(rows[-1], flush=True)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        table = HEADER + "\n".join(rows) + "\n"
        PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], encoding="utf-8")
    return 1 if wrong else 0


def killed_runs(pool: str, calls: int) -> Iterator[Killed]:
    """An undisturbed run, then one killed at each of the first calls."""
    with tempfile.TemporaryDirectory() as folder, model_site(Path(folder), pool) as there:
        there.without_side_steps()
        for after in range(calls + 1):
            yield killed_run(there, after)


def row(pool: str, ended: Killed) -> str:
    """One line of the table."""
    events = (
        f"{len(ended.events)} of {len(EVENTS)}, none twice"
        if len(set(ended.events)) == len(ended.events)
        else str(ended.events)
    )
    same = "; ".join(ended.problems) or "the same"
    return f"| {pool} | {ended.after or 'never'} | {ended.requests} | {ended.requests - CALLS} | {same} | {events} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
