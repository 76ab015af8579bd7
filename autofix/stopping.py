"""A worker that is told to stop hands its turns back at their next block instead of running them to their end."""

from __future__ import annotations

import mmap

# Shared memory: with a pool of processes the signal reaches the parent, while its children do the work.
_told = mmap.mmap(-1, 1)


class WorkerStopping(Exception):  # a stop reason, not an error
    """This worker is to stop; another one goes on."""


def stop() -> None:
    """Tell all that this worker is at to stop."""
    _told[0] = 1


def is_told() -> bool:
    """Whether this worker was told to stop."""
    return bool(_told[0])


def check() -> None:
    """WorkerStopping once this worker was told to stop."""
    if is_told():
        raise WorkerStopping


def forget() -> None:
    """For tests: nobody was told anything."""
    _told[0] = 0
