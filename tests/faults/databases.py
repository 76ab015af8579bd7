"""A PostgreSQL server of our own that may be stopped and started, where its programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.stack import free_port

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian puts them, a folder per version; elsewhere they are on the PATH."""
OWNER = "postgres"
"""PostgreSQL refuses to run as root: then it runs as the user that its package made."""


@dataclass
class Cluster:
    """A server with an empty database ``postgres``."""

    port: int
    data: Path

    @property
    def url(self) -> str:
        return f"postgres://{OWNER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-F -p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data}"
        log = str(self.data.parent / "log")
        _run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", log, "-o", options)

    def stop(self) -> None:
        """At once, as after a power cut: it recovers from its log when it starts again."""
        _run("pg_ctl", "stop", "-w", "-D", str(self.data), "-m", "immediate")

    def restart(self) -> None:
        self.stop()
        self.start()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A new server; gone afterwards."""
    # Not in a folder of pytest's: the server's user could not get into it.
    with tempfile.TemporaryDirectory(prefix="autofix-postgres-") as box:
        if _owner():
            shutil.chown(box, OWNER)
        made = Cluster(free_port(), Path(box) / "data")
        _run("initdb", "-D", str(made.data), "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-sync")
        made.start()
        try:
            yield made
        finally:
            made.stop()


def missing() -> str:
    """Why no server can be started here; empty when one can."""
    if _program("initdb") is None or _program("pg_ctl") is None:
        return "there are no programs of a PostgreSQL server to start (initdb, pg_ctl)"
    if _owner():
        known = subprocess.run(["id", OWNER], capture_output=True, check=False)
        return "PostgreSQL does not run as root, and there is no user postgres" if known.returncode else ""
    return ""


def _program(name: str) -> str | None:
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name)


def _owner() -> str | None:
    return OWNER if os.geteuid() == 0 else None


def _run(name: str, *arguments: str) -> None:
    command = [_program(name) or name, *arguments]
    owner = _owner()
    # The server keeps what it is given as output: a pipe would never end.
    subprocess.run(
        command, check=True, user=owner, group=owner, extra_groups=[] if owner else None,
        cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
