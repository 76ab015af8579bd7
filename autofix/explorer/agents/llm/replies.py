"""What comes back from a model: a reply, or one of a few kinds of faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from autofix.exceptions import AgentFailed
from autofix.explorer.ledger import Charge
from autofix.explorer.state import ToolCall
from autofix.redaction import REDACTED, redact

SHORTEST_KEY = 8
"""A shorter one is a word that stands for none."""


@dataclass(frozen=True)
class Reply:
    """A model's answer and what it cost."""

    text: str
    calls: tuple[ToolCall, ...]
    charge: Charge


def key_of(client: Any) -> str:
    """The key that a provider's client asks with; a provider's error may repeat it."""
    return str(getattr(client, "api_key", None) or "")


def without_secrets(words: str, key: str) -> str:
    """What a provider says, without the key that it was asked with: not every key can be told from its form."""
    return redact(words.replace(key, REDACTED) if len(key) >= SHORTEST_KEY else words)


class ModelFault(Exception):
    """A call that gave no reply. ``free``: nobody charges for it."""

    code: ClassVar[str] = "fault"
    free: bool = False


class Transient(ModelFault):
    """It may work in a while: too many requests, a broken server or connection, a time-out."""

    code = "transient"

    def __init__(self, detail: str, *, retry_after: float | None = None, free: bool = False) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.free = free


class SkipModel(ModelFault):
    """This model will not do; another one may. ``final``: the reason when there is no other."""

    code = "refused"
    free = True

    def __init__(self, final: AgentFailed) -> None:
        super().__init__(final.detail)
        self.final = final


class TooLong(ModelFault):
    """The conversation is longer than what the model takes."""

    code = "too_long"
    free = True


class Unreadable(ModelFault):
    """What came back is no reply. It may well be charged for."""

    code = "unreadable"
