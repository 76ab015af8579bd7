"""Run a stranger's program in a box: no network, a read-only root without our data, bounded time, memory and output."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.5
MAX_OUTPUT = 16 * 1024 * 1024
SHOWN_OUTPUT = 2_000
TMP_BYTES = 256 * 1024 * 1024
TMP = "/tmp"  # noqa: S108 - inside of the box, where nobody else is
# What programs need to run; neither homes nor data folders nor the host's configuration.
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ssl/certs",
)
GIVEN = "/given"
COULD_NOT_COPY = 125
LIMITED = f"""\
ulimit -v "$1" && ulimit -f "$2" && ulimit -c 0 && shift 2 && cp -R {GIVEN}/. . || exit {COULD_NOT_COPY}
exec "$@\""""


@dataclass(frozen=True)
class Ended:
    """How a program ended: its status (None: it was stopped at the time limit) and the end of what it printed."""

    status: int | None
    output: str


def available() -> bool:
    """Is bubblewrap there, and does it work for this user?"""
    if shutil.which("bwrap") is None:
        return False
    try:
        tried = subprocess.run([*_box(Path("/usr")), "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def run(
    command: Sequence[str], folder: Path, *, timeout_s: float, memory_mb: int
) -> Generator[None, None, Ended]:
    """Run the command in a copy of ``folder``, which is in memory and gone afterwards: it can write nowhere else, and no more
    than ``memory_mb``. Yields while it runs; closing it ends it.
    """
    limits = [str(memory_mb * 1024), str(MAX_OUTPUT // 512)]
    full = [*_box(folder, memory_mb * 1024 * 1024), "sh", "-c", LIMITED, "sh", *limits, *command]
    end = time.monotonic() + timeout_s
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            full, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            while process.poll() is None and time.monotonic() < end:
                yield None
                _settled(process)
            status = process.poll()
        finally:
            process.kill()  # takes the whole box along: it dies with its parent
            process.wait()
        size = output.seek(0, 2)
        output.seek(max(0, size - SHOWN_OUTPUT))
        return Ended(status, output.read().decode(errors="replace").strip())


def _settled(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(LOOK_S)
    except subprocess.TimeoutExpired:
        return


def _box(folder: Path, copy_bytes: int = TMP_BYTES) -> list[str]:
    prefixes = dict.fromkeys([*SYSTEM, sys.base_prefix, sys.prefix])
    binds = [word for place in prefixes for word in ("--ro-bind-try", place, place)]
    return [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
        "--setenv", "PATH", f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", "--setenv", "HOME", TMP,
        "--setenv", "LANG", "C.UTF-8", "--setenv", "PYTHONDONTWRITEBYTECODE", "1",
        # The folder for scratch files comes first: an interpreter may live below it.
        "--size", str(TMP_BYTES), "--tmpfs", TMP, *binds, "--proc", "/proc", "--dev", "/dev",
        "--ro-bind", str(folder), GIVEN, "--size", str(copy_bytes), "--tmpfs", "/code", "--chdir", "/code",
    ]  # fmt: skip
