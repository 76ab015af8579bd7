"""What things cost as the work grows: blocks in a run, active runs, finished runs.

python -m benchmarks.growth [FINISHED]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from benchmarks.measuring import p50_p99, table
from benchmarks.site import SCRIPT, site

FINISHED = 1_000_000
REPEATS = 40


def main(arguments: list[str]) -> int:
    """Print the tables."""
    finished = int(arguments[0]) if arguments else FINISHED
    with site(SCRIPT):
        from autofix.testing import wakeup_queue  # noqa: PLC0415 - Django is set up now
        from benchmarks import filling  # noqa: PLC0415 - Django is set up now

        with wakeup_queue():
            if not filling.is_possible():
                print("Growth needs PostgreSQL: it is filled with SQL of its own. Skipped.")
                return 0
            print(blocks_in_a_run(), flush=True)
            print(active_runs(), flush=True)
            print(finished_runs(finished), flush=True)
    return 0


def ms(work: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Milliseconds of each repeat."""
    took = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - begun))
    return took


def blocks_in_a_run() -> str:
    """Adding a block, asking with a matching ETag, and reading the newest five blocks, by the number of blocks."""
    from autofix.explorer import leases  # noqa: PLC0415 - Django is set up now
    from autofix.explorer.state import BlockContent, Message  # noqa: PLC0415 - Django is set up now
    from autofix.models import Run  # noqa: PLC0415 - Django is set up now
    from autofix.run_views import run_state, state_tag  # noqa: PLC0415 - Django is set up now
    from benchmarks import filling  # noqa: PLC0415 - Django is set up now

    thought = BlockContent(message=Message(content="looking into it " * 6)).model_dump(mode="json")
    rows = []
    for count in (10, 100, 1_000, 10_000):
        run_id, turn_id = filling.run_with_blocks(count)
        lease = leases.claim(turn_id)
        if lease is None:
            raise AssertionError("the new turn is not free")
        added = p50_p99(ms(lambda held=lease: leases.append(held, thought)))  # type: ignore[misc]  # bound to this round
        run = Run.objects.get(pk=run_id)
        tagged = p50_p99(ms(lambda read=run: state_tag(read, -1)))  # type: ignore[misc]  # bound to this round
        newest = p50_p99(ms(lambda read=run, n=count: run_state(read, n), 5))  # type: ignore[misc]  # bound to this round
        rows.append([f"{count:,}", *added, *tagged, newest[0]])
    header = ["blocks", "add one, p50 ms", "p99", "ETag, p50 ms", "p99", "state since the end, p50 ms"]
    return table("Blocks in a run", header, rows, "The ETag is all that a GET answered with 304 computes.")


def active_runs() -> str:
    """Starting a run, adding a block and a sweep beside so many active runs."""
    from autofix import sweeper  # noqa: PLC0415 - Django is set up now
    from autofix.steps import StoppingPoint  # noqa: PLC0415 - Django is set up now
    from benchmarks import filling, work  # noqa: PLC0415 - Django is set up now

    rows = []
    there = 0
    for count in (1, 100, 10_000):
        filling.active_runs(count - there)
        there = count
        fresh = iter(work.make_issues(REPEATS))
        begun = p50_p99(ms(lambda left=fresh: work.start([next(left)], StoppingPoint.SOLUTION)))  # type: ignore[misc]  # bound
        swept = p50_p99(ms(sweeper.sweep, 5))
        rows.append([f"{count:,}", *begun, swept[0]])
        filling.end_started_runs()
    return table("Active runs", ["active", "start a run, p50 ms", "p99", "sweep, p50 ms"], rows)


def finished_runs(count: int) -> str:
    """A sweep beside so many finished runs, and beside none."""
    from autofix import sweeper  # noqa: PLC0415 - Django is set up now
    from benchmarks import filling  # noqa: PLC0415 - Django is set up now

    filling.end_started_runs()
    before = p50_p99(ms(sweeper.sweep, 9))
    begun = time.perf_counter()
    filling.finished_runs(count)
    filled_s = time.perf_counter() - begun
    after = p50_p99(ms(sweeper.sweep, 9))
    rows = [["few", before[0], 1.0], [f"{count:,}", after[0], after[0] / before[0]]]
    note = f"Each with one step and one turn, beside 10,000 active runs; filling took {filled_s:.0f} s."
    return table("Finished runs", ["finished", "sweep, p50 ms", "ratio"], rows, note)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
