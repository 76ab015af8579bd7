"""How long the offline agent takes, and how much memory, on much code and on a long stack.

python -m benchmarks.offline_scale [FILES]          (default: 50000 files; a stack of 1000 frames)
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autofix.explorer.agents.offline import investigate
from autofix.explorer.workspace import open_workspace, pin_repositories
from autofix.hosts import Issue, RepositoryRef
from autofix.hosts.normalise import normalise_event

FRAMES = 1_000
APP = """def find(code):
    \"\"\"The coupon, None if there is none.\"\"\"
    return {}.get(code)


def discount(code, depth):
    if depth:
        return discount(code, depth - 1)
    coupon = find(code)
    return coupon.percent
"""


def main(arguments: list[str]) -> int:
    """Make the repository, look into one event of it, print seconds and megabytes."""
    files = int(arguments[0]) if arguments else 50_000
    with tempfile.TemporaryDirectory() as box:
        folder = Path(box)
        os.environ["AUTOFIX_DATA_DIR"] = str(folder / "data")
        os.environ["AUTOFIX_SCM_LOCAL_ROOTS"] = str(folder)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        repository = RepositoryRef(name="acme/big", provider="local", url=_repository(folder, files).as_uri())
        event = normalise_event(_event())
        issue = Issue(
            id="1", short_id="BIG-1", title="It crashed", organization_id="1", project_id="1", times_seen=1
        )
        pins = pin_repositories([repository], "")
        begun, before = time.perf_counter(), _processor_seconds()
        with open_workspace("scale", [repository], pins, []) as checkouts:
            found = investigate(event, issue, checkouts)
            looked, used = time.perf_counter() - begun, _processor_seconds() - before
            checkout = checkouts[repository.name]
            checkout.write("app/main.py", f"{APP}\n")
            checkout.patch("app/main.py")
        edited = time.perf_counter() - begun - looked
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"- {files} files, {FRAMES} frames: looked into in {looked:.1f} s ({used:.1f} s of processor)")
        print(f"- edit and patch: {edited:.1f} s")
        print(f"- {megabytes:.0f} MB at most; verdict {found.verdict.assessment}, {len(found.places)} places")
    return 0


def _processor_seconds() -> float:
    """Of this process and of the git commands that it ran."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _event() -> dict[str, Any]:
    frame = {
        "filename": "app/main.py", "function": "discount", "lineno": 8, "in_app": True,
        "context_line": "        return discount(code, depth - 1)", "vars": {"code": "'gone'"},
    }  # fmt: skip
    last = {**frame, "lineno": 10, "context_line": "    return coupon.percent", "vars": {"coupon": "None"}}
    value = "'NoneType' object has no attribute 'percent'"
    trace = {"frames": [*([frame] * (FRAMES - 1)), last]}
    return {
        "event_id": "e" * 32,
        "platform": "python",
        "exception": {"values": [{"type": "AttributeError", "value": value, "stacktrace": trace}]},
    }


def _repository(folder: Path, files: int) -> Path:
    """A bare repository of this many Python files, made by ``git fast-import``."""
    bare = folder / "big.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(bare)], check=True)
    stream = "".join(_stream(files)).encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=bare, input=stream, check=True)
    return bare


def _stream(files: int) -> Iterator[str]:
    yield _commit("Begin", 0)
    for number in range(files):
        text = f"def price_{number}(row):\n    value = row.get('net')\n    return value * {number}\n" * 5
        yield f"M 100644 inline part{number % 100}/file_{number}.py\ndata {len(text)}\n{text}\n"
    yield f"{_commit('The program', 1)}M 100644 inline app/main.py\ndata {len(APP)}\n{APP}\n"


def _commit(message: str, number: int) -> str:
    who = f"Ann <ann@example.com> {1_770_000_000 + number} +0000"
    return f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(message)}\n{message}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
