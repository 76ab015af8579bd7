"""A process that has imported everything, and forks a worker or a look at the database in a moment.

It reads one JSON command a line and answers each with one JSON line. Its children are real: a worker is Celery's own
program in a process (group) of its own, only without the seconds that its imports take.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from config.celery import app

WORKER = ["worker", "-B", "-P", "threads", "-Q", "autofix,explorer", "--without-mingle", "--without-gossip"]


def start(kind: str, failpoints: str, log: str, threads: int = 4, port: int = 0) -> int:
    """Fork a worker or a web server with these failpoints; its process id."""

    def program() -> None:
        os.setsid()
        _say_into(Path(log))
        _plan(failpoints)
        if kind == "web":
            _serve(port)
        else:
            app.worker_main([*WORKER, "-c", str(threads), "-l", "WARNING", "-s", f"{log}.beat"])

    _started.append(_fork(program))
    return _started[-1]


def poll(pid: int) -> int | None:
    """How a child ended; None while it lives."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def call(function: str, **given: Any) -> Any:
    """What a function of ``tests.faults.inside`` returns, called in a child with connections of its own."""
    reading, writing = os.pipe()

    def answer_back() -> None:
        os.close(reading)
        from tests.faults import inside  # noqa: PLC0415 - needs Django's models, which the parent has set up by now

        with os.fdopen(writing, "w") as out:
            json.dump(getattr(inside, function)(**given), out)

    pid = _fork(answer_back)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    return json.loads(said) if said else BROKE


_started: list[int] = []
BROKE = "broke off; the zygote's log has the traceback"
COMMANDS: dict[str, Callable[..., Any]] = {"start": start, "poll": poll, "call": call}


def _fork(program: Callable[[], None]) -> int:
    """Run the program in a child that never gets back into the parent's loop; its process id."""
    pid = os.fork()
    if pid == 0:
        _run(program)
    return pid


def _run(program: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        program()
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 1
    except BaseException:  # noqa: BLE001 - whatever it is, it is told, and the child ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say_into(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _plan(text: str) -> None:
    """What a process does that is started with this in its environment; and shorter waits than in production."""
    from datetime import timedelta  # noqa: PLC0415 - beside the next two

    from autofix import automation, failpoints, sweeper  # noqa: PLC0415 - after Django is set up
    from autofix.delivery import claims  # noqa: PLC0415 - after Django is set up

    failpoints._planned = failpoints._plan(text)
    failpoints.SLEEP_S = 3.5
    sweeper.GRACE = timedelta(seconds=1)
    automation.GRACE = timedelta(seconds=1)
    claims.CLAIM_S = 2


def _serve(port: int) -> None:
    import uvicorn  # noqa: PLC0415 - only the child that serves needs it

    uvicorn.run("config.asgi:application", host="127.0.0.1", port=port, lifespan="off")


def _answer(said: Any) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer commands until the pipe is closed."""
    app.loader.import_default_modules()
    app.finalize()
    _answer("ready")
    for line in sys.stdin:
        command = json.loads(line)
        _answer(COMMANDS[command.pop("do")](**command))
    for pid in _started:  # a test run that was killed leaves no workers behind
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
