"""The port to the explorer: what a run asks of the agent that investigates."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol

from django.utils.module_loading import import_string

from autofix import conf
from autofix.exceptions import Misconfigured
from autofix.explorer.state import BlockState, RunState, TurnState, Usage
from autofix.hosts import Issue, RepositoryRef


@dataclass(frozen=True)
class TurnRequest:
    """One prompt for the agent. The same ``key`` twice gives one turn.

    ``artifact_key`` and ``artifact_schema`` (JSON Schema) say what must come out; None where edits are the result.
    ``hook`` is the registered name of what is called when the turn ends.
    """

    key: str
    prompt: str
    hook: str
    artifact_key: str | None = None
    artifact_schema: dict[str, Any] | None = None
    can_edit: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


class ExplorerClient(Protocol):
    """An explorer. Session and turn ids are opaque strings.

    ``in_database``: sessions are rows of our database, so that a turn started inside the caller's transaction commits or
    rolls back with it. ``can_fork``: :meth:`fork` works.
    """

    in_database: ClassVar[bool]
    can_fork: ClassVar[bool]

    @property
    def name(self) -> str:
        """The word that the API shows: which agent ran."""
        ...

    def check(self) -> str:
        """Empty when it can work; else a sentence that says why not."""
        ...

    def start_session(self, issue: Issue, repositories: list[RepositoryRef]) -> str:
        """A new session's id."""
        ...

    def fork(self, session_id: str, before_index: int) -> str:
        """A new session that begins with the given one's blocks below ``before_index``, on the same pins."""
        ...

    def start_turn(self, session_id: str, request: TurnRequest) -> TurnState:
        """The turn with the request's key, begun now when there is none yet."""
        ...

    def rewind(self, session_id: str, index: int) -> None:
        """Drop the blocks from ``index`` on; ValueError past the end."""
        ...

    def cancel_turn(self, turn_id: str) -> None:
        """Let the turn end at its next block; nothing happens when it has ended."""
        ...

    def turn(self, session_id: str, turn_id: str) -> TurnState:
        """How the turn stands."""
        ...

    def version(self, session_id: str) -> str:
        """A word that changes whenever the session does; no block is read for it."""
        ...

    def usage(self, session_id: str) -> Usage:
        """What all turns of the session cost together."""
        ...

    def state(self, session_id: str, *, since: int = -1) -> RunState:
        """The session with its blocks after index ``since``."""
        ...

    def blocks(self, session_id: str, turn_id: str) -> list[BlockState]:
        """The blocks of one turn."""
        ...

    def patched_blocks(self, session_id: str) -> list[BlockState]:
        """The blocks that change files; what a session has changed stands in them, however long it is."""
        ...

    def pins(self, session_id: str) -> dict[str, str]:
        """The commit of each repository that the session works on, by its name."""
        ...


def get_client() -> ExplorerClient:
    """The explorer that the settings name."""
    return _client(conf.settings().explorer.backend)


@cache
def _client(path: str) -> ExplorerClient:
    try:
        client: ExplorerClient = import_string(path)()
    except ImportError as exc:
        raise Misconfigured(f"EXPLORER.BACKEND = {path!r} cannot be imported: {exc}") from exc
    return client
