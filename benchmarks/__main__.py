"""``python -m benchmarks [--write FILE] [NAME…]``: benchmarks one after the other, each a program of its own.

Each prints Markdown; ``--write`` puts what they print into a page, whose other sections stay as they are.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# Name → what it measures. A benchmark is a module of this package that runs as a program.
BENCHMARKS = {
    "pipelines": "how long advancing takes, and whole pipelines per second",
    "comparison": "the same pipeline on other durable engines",
    "http_api": "the API over HTTP",
    "growth": "what things cost as the work grows",
    "webhooks": "webhooks per second",
    "webhooks_hanging": "a webhook endpoint that hangs, and the others",
    "webhooks_backlog": "a backlog of webhooks",
    "llm": "an agent's loop beside its model",
    "offline_agent": "the offline agent on planted bugs",
    "offline_scale": "the offline agent on much code and a long stack",
}
PAGE = """# Benchmarks

Written by `make bench BENCH_ARGS="--write docs/benchmarks.md"`, on one machine in one run; figures of different runs do not
compare. [The programs](../benchmarks/) say what exactly they measure. A figure that is bad stands here like a good one.

"""


def main(arguments: list[str]) -> int:
    """Run the named benchmarks (default: all); the number of those that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = "\n".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME", help=known)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this page")
    asked = parser.parse_args(arguments)
    sections, failed = {}, 0
    for name in asked.names or BENCHMARKS:
        print(f"## {name}: {BENCHMARKS[name]}\n", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, text=True, check=False
        )
        print(done.stdout, flush=True)
        failed += done.returncode != 0
        if done.returncode == 0:
            sections[heading(name)] = done.stdout.strip()
    if asked.write:
        before = asked.write.read_text(encoding="utf-8") if asked.write.exists() else PAGE
        asked.write.write_text(merged(before, sections), encoding="utf-8")
    return failed


def heading(name: str) -> str:
    """The title of a benchmark's section."""
    return BENCHMARKS[name].capitalize()


def merged(page: str, sections: Mapping[str, str]) -> str:
    """The page with these sections in place of those of the same title, in the order of BENCHMARKS."""
    top, *old = page.split("\n## ")
    found = {title: text.strip() for title, _, text in (section.partition("\n") for section in old)}
    found |= sections
    order = [heading(name) for name in BENCHMARKS]
    titles = sorted(found, key=lambda title: order.index(title) if title in order else len(order))
    return "\n\n".join([top.strip(), *(f"## {title}\n\n{found[title]}" for title in titles)]) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
