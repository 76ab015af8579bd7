"""The protocol of a loop beside its model, in plain Python: a short conversation to warm up, then the one that is measured.

Each rival runs in an environment of its own, which has nothing of ours; its script ends with ``measured(converse)``.
Arguments: the model's URL, a folder of its own, how many calls.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

TASK = "Find the root cause of this issue. Calls: {calls}"
"""The scripted model reads off it when to end."""
WARM_UP = 3
URL, FOLDER, CALLS = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
FILE = FOLDER / "cart.py"


def measured(converse: Callable[[str, int], int]) -> None:
    """Let ``converse(task, number)`` go through two conversations and say how many calls each took; print the second's cost.

    Processor time counts programs that were started and have ended, too.
    """
    converse(TASK.format(calls=WARM_UP), 1)
    wall, processor = time.perf_counter(), cpu_s()
    calls = converse(TASK.format(calls=CALLS), 2)
    took = {"wall_s": time.perf_counter() - wall, "cpu_s": cpu_s() - processor}
    print(json.dumps({"calls": calls, "mb": peak_mb(), **took}), flush=True)


def lines(start: int, end: int) -> str:
    """The tool of those that bring none of their own: lines of a small file."""
    return "\n".join(FILE.read_text(encoding="utf-8").splitlines()[start - 1 : end])


def cpu_s() -> float:
    """Processor seconds of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_mb() -> float:
    """The most memory that this process has held. Not ``ru_maxrss``: that begins with what its parent held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024
