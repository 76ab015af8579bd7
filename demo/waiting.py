"""Waiting for a condition instead of for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.05


class TookTooLong(Exception):  # says what did not happen
    """What was waited for did not happen in time."""


def wait_for(
    condition: Callable[[], T | None],
    what: str,
    *,
    timeout_s: float = 30,
    every_s: float = POLL_S,
    abort: Callable[[], str] = lambda: "",
) -> T:
    """The first true value of ``condition``, which is looked at ``every_s`` seconds.

    TookTooLong after ``timeout_s`` seconds, or at once when ``abort`` says why it cannot happen any more.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        if found := condition():
            return found
        if reason := abort():
            raise TookTooLong(f"{what}: {reason}")
        if time.monotonic() > deadline:
            raise TookTooLong(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)
