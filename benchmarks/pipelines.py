"""How long advancing takes, what a step costs, how many whole pipelines two cores finish: with an agent that answers at once.

python -m benchmarks.pipelines [RUNS]
"""

from __future__ import annotations

import sys

from benchmarks.measuring import p50_p99, table
from benchmarks.site import PROCESSES, SCRIPT, THREADS, Site, site

RUNS = 150
ROUNDS = 3
WARM_UP = 10


def main(arguments: list[str]) -> int:
    """Print the tables."""
    count = int(arguments[0]) if arguments else RUNS
    with site(SCRIPT) as measured:
        print(measure(measured, count))
    return 0


def measure(measured: Site, count: int) -> str:
    """Three-step pipelines one at a time and all at once, four-step pipelines all at once."""
    from autofix.steps import Step, StoppingPoint  # noqa: PLC0415 - Django is set up now
    from benchmarks import work  # noqa: PLC0415 - Django is set up now

    workers = measured.start_workers()
    point = StoppingPoint.CODE_CHANGES
    work.wait_until_ended(work.start(work.make_issues(WARM_UP), point))
    alone: list[float] = []
    for issue in work.make_issues(count // 2):
        run_ids = work.start([issue], point)
        work.wait_until_ended(run_ids)
        alone += work.advances_ms(run_ids)
    rows = [["one run at a time", len(alone), *p50_p99(alone)]]
    speeds = []
    for steps, side_steps in ((3, []), (4, [Step.TRIAGE])):
        for _ in range(ROUNDS):
            done = work.through_workers(workers, work.make_issues(count, side_steps=side_steps), point)
            busy = work.advances_ms(done.run_ids)
            per_step_ms = 1000 * done.cpu_s / count / steps
            speeds.append([steps, count, count / done.seconds, per_step_ms, done.cpu_s / done.seconds])
            if steps == 3:  # noqa: PLR2004 - the pipeline without side steps
                rows.append([f"{count} runs at once", len(busy), *p50_p99(busy)])
    return "\n".join(
        [
            table(
                "Advancing",
                ["load", "advances", "p50 ms", "p99 ms"],
                rows,
                "From the agent's last block of a step to its first block of the next one.",
            ),
            table(
                "Whole pipelines",
                ["steps", "runs", "pipelines/s", "CPU ms/step", "cores used"],
                speeds,
                f"{PROCESSES} workers of {THREADS} thread each, all runs waiting in their queue. CPU: both workers.",
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
