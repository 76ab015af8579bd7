"""A worker that is told to stop hands its turns back at their next block instead of running them to their end."""

from __future__ import annotations

import mmap

# Shared memory: with a pool of processes the signal reaches the parent, while its children run the turns.
_told = mmap.mmap(-1, 1)


class WorkerStopping(Exception):  # a stop reason, not an error
    """This worker is to stop; another one goes on with the turn."""


def stop() -> None:
    """Tell all turns of this worker to stop."""
    _told[0] = 1


def check() -> None:
    """WorkerStopping once this worker was told to stop."""
    if _told[0]:
        raise WorkerStopping


def forget() -> None:
    """For tests: nobody was told anything."""
    _told[0] = 0
