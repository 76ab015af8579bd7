"""The same three-step pipeline here and elsewhere, each durable, on one machine and one database server, in one run.

    python -m benchmarks.comparison [RUNS [ROUNDS]]

Every rival has an environment of its own (.venv-bench-<name>), made from benchmarks/requirements/<name>.txt when it is missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import requests

from benchmarks.measuring import cpu_s, environment, table
from benchmarks.site import PROCESSES, SCRIPT, SERVERS, site
from demo.processes import Child, children
from demo.stack import CHECKOUT, free_port
from demo.waiting import TookTooLong, wait_for
from tests.acceptance.services import own_services

RUNS = 600
ROUNDS = 3
STEPS = 3
WARM_UP = 10
INSTALL_TIMEOUT_S = 900


class Skipped(Exception):  # a reason, not an error
    """This rival cannot race here."""


@dataclass
class Result:
    """What each round gave."""

    name: str
    per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def add(self, count: int, seconds: float, processor_s: float) -> None:
        """One round's pipelines per second, and processor milliseconds per step."""
        self.per_s.append(count / seconds)
        self.cpu_ms.append(1000 * processor_s / count / STEPS)


def main(arguments: list[str]) -> int:
    """Print the table."""
    count = int(arguments[0]) if arguments else RUNS
    rounds = int(arguments[1]) if len(arguments) > 1 else ROUNDS
    for name, default in SERVERS.items():
        os.environ.setdefault(name, default)
    if not os.environ["DATABASE_URL"].startswith("postgres"):
        print("The comparison needs PostgreSQL: DATABASE_URL names none. Skipped.")
        return 0
    print(environment(os.environ["DATABASE_URL"], os.environ["CELERY_BROKER_URL"]), end="\n\n", flush=True)
    ours, started = Result("autofix"), Result("autofix, starting runs included")
    results = [ours, started]
    rivals = ("dbos", "dbos_queue", "langgraph", "procrastinate", "prefect")
    others = {name: Result(name) for name in rivals}
    with site(SCRIPT) as measured:
        from autofix.steps import StoppingPoint  # noqa: PLC0415 - Django is set up now
        from benchmarks import work  # noqa: PLC0415 - Django is set up now

        workers = measured.start_workers()
        point = StoppingPoint.CODE_CHANGES
        for _ in range(rounds):
            # As each rival does before its race: a worker's connection may be a new one by now.
            work.wait_until_ended(work.start(work.make_issues(WARM_UP), point))
            done = work.through_workers(workers, work.make_issues(count), point)
            ours.add(count, done.seconds, done.cpu_s)
            started.add(count, done.seconds + done.start_s, done.cpu_s + done.start_cpu_s)
            for name, result in list(others.items()):
                # Prefect is slower by far; a tenth of the runs tells as much.
                share = max(2, count // 10) if name == "prefect" else count
                try:
                    result.add(share, *RACES.get(name, race)(name, share))
                except (Skipped, TookTooLong) as reason:
                    print(f"{name}: skipped. {reason}", file=sys.stderr, flush=True)
                    others.pop(name)
    print(report([*results, *others.values()]))
    return 0


def report(results: list[Result]) -> str:
    """Medians of all rounds, and each rival's ratio to ours."""
    ours = results[0]
    rows = [
        [
            result.name,
            median(result.per_s),
            f"{min(result.per_s):.3g}-{max(result.per_s):.3g}",
            median(result.cpu_ms),
            median(a / b for a, b in zip(ours.per_s, result.per_s, strict=True)),
            median(b / a for a, b in zip(ours.cpu_ms, result.cpu_ms, strict=True)),
        ]
        for result in results
    ]
    note = (
        f"{PROCESSES} processes each, with as many threads as suit each engine best, one PostgreSQL server, "
        f"{len(ours.per_s)} rounds in turn. Ratios are medians of the rounds' own ratios: pipelines/s of autofix over theirs, "
        "their CPU per step over that of autofix. CPU: workers only (and Prefect's server), not PostgreSQL's. A run of autofix "
        "waits in a queue for a worker, and so do the jobs of procrastinate and the workflows of dbos_queue, whose starting and "
        "waiting counts; dbos, langgraph and prefect are called by the process that runs them."
    )
    header = [
        "three-step pipeline",
        "pipelines/s",
        "lowest-highest",
        "CPU ms/step",
        "autofix is faster by",
        "and cheaper by",
    ]
    return table("Beside other durable pipelines", header, rows, note)


def race(name: str, count: int, **extra: str) -> tuple[float, float]:
    """Seconds and processor seconds that two processes of the rival need for ``count`` pipelines."""
    python = interpreter(name.partition("_")[0])
    script = Path(__file__).parent / "rivals" / f"{name}_steps.py"
    with tempfile.TemporaryDirectory() as box, own_services() as services:
        shared = {"HOME": box, "PATH": os.environ["PATH"], "DO_NOT_TRACK": "1", **extra}
        database = services["DATABASE_URL"].replace("postgres://", "postgresql://")
        command = [str(python), str(script), database, str(count // PROCESSES)]
        runners: list[subprocess.Popen[str]] = []
        try:
            for _ in range(PROCESSES):
                runner = subprocess.Popen(
                    command, env=shared, cwd=box, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True,
                )  # fmt: skip
                runners.append(runner)
                await_word(runner, "ready")
            for runner in runners:
                runner.stdin.write("go\n")  # type: ignore[union-attr]  # it is a pipe
                runner.stdin.flush()  # type: ignore[union-attr]  # it is a pipe
            took = [json.loads(await_word(runner, "{")) for runner in runners]
        finally:
            for runner in runners:
                runner.kill()
                runner.communicate()
    return max(t["seconds"] for t in took), sum(t["cpu_s"] for t in took)


def await_word(runner: subprocess.Popen[str], beginning: str) -> str:
    """The runner's first line that begins so; Skipped with its last words when it ends before."""
    for line in runner.stdout or ():
        if line.startswith(beginning):
            return line
    said = (runner.stderr.read() if runner.stderr else "").strip().splitlines()
    raise Skipped(f"It ended: {said[-1] if said else 'without a word'}")


def race_prefect(name: str, count: int) -> tuple[float, float]:
    """Prefect with its server, whose processor time counts, too."""
    python = interpreter(name)
    with children() as started, tempfile.TemporaryDirectory() as box, own_services() as services:
        port = free_port()
        shared = {
            "HOME": box,
            "PATH": os.environ["PATH"],
            "PREFECT_HOME": box,
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_API_DATABASE_CONNECTION_URL": asyncpg_url(services["DATABASE_URL"]),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "DO_NOT_TRACK": "1",
        }
        command = [
            str(python),
            "-m",
            "prefect",
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        server = started.start(
            Child("prefect", command, directory=Path(box), environment=shared, log=Path(box) / "server.log")
        )
        with http_session() as session:
            wait_for(
                lambda: answers(session, f"http://127.0.0.1:{port}/api/health"), "Prefect answers",
                timeout_s=120, abort=lambda: server.tail() if server.ended else "",
            )  # fmt: skip
        before = cpu_s(server.process.pid) if server.process else 0.0
        seconds, processor_s = race(name, count, **shared)
        return seconds, processor_s + (cpu_s(server.process.pid) - before if server.process else 0.0)


RACES = {"prefect": race_prefect}


@contextmanager
def http_session() -> Iterator[requests.Session]:
    """A session that asks no proxy."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def answers(session: requests.Session, url: str) -> bool:
    """Does anything answer there?"""
    try:
        return session.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def asyncpg_url(url: str) -> str:
    """The database's URL for SQLAlchemy's asyncpg."""
    return f"postgresql+asyncpg://{url.partition('://')[2]}"


def interpreter(name: str) -> Path:
    """The rival's Python, its environment made now if it is missing; Skipped when that cannot be done."""
    folder = CHECKOUT / f".venv-bench-{name}"
    python = folder / "bin" / "python"
    if python.exists():
        return python
    pinned = Path(__file__).parent / "requirements" / f"{name}.txt"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=INSTALL_TIMEOUT_S)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "-r", str(pinned)],
            check=True,
            timeout=INSTALL_TIMEOUT_S,
        )
    except (subprocess.SubprocessError, OSError) as exc:
        raise Skipped(f"Its environment could not be made: {exc}") from exc
    return python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
