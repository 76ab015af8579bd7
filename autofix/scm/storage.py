"""Folders under DATA_DIR, and locks between the threads and processes of this machine."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autofix import conf

MIRRORS = "mirrors"
WORKTREES = "worktrees"


def data_folder(name: str) -> Path:
    """The folder with this name under DATA_DIR, absolute, made when it is missing."""
    path = conf.settings().data_dir.resolve() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Alone at what the file at ``path`` stands for; a holder that dies lets go."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
