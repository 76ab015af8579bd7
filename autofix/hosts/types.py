"""What autofix knows of an issue and its events, in one normal form for every host and every SDK."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class HostData(BaseModel):
    """Data that came from the host; never changed once read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Issue(HostData):
    """An error issue. Ids are opaque strings: hosts use integers, UUIDs and composite keys."""

    id: str
    short_id: str
    title: str
    culprit: str = ""
    level: str = "error"
    organization_id: str
    project_id: str
    project_slug: str = ""
    organization_slug: str = ""
    url: str = ""
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    times_seen: int = 0
    users_seen: int | None = None


class Frame(HostData):
    """One frame of a stack trace; lines are counted from 1. ``pointer``: where it is in the event's ``raw`` (JSON pointer)."""

    filename: str = ""
    abs_path: str = ""
    module: str = ""
    function: str = ""
    lineno: int | None = None
    in_app: bool = False
    context_line: str | None = None
    pre_context: tuple[str, ...] = ()
    post_context: tuple[str, ...] = ()
    variables: dict[str, Any] = Field(default_factory=dict)
    pointer: str = ""


class ExceptionInfo(HostData):
    """One exception of the chain. ``frames`` run from the outermost call to the raising one; of very many (an endless
    recursion) only the first and the last are here. ``pointer``: where it is in the event's ``raw``.
    """

    type: str = ""
    value: str = ""
    module: str = ""
    handled: bool | None = None
    mechanism: str = ""
    frames: tuple[Frame, ...] = ()
    pointer: str = ""

    @property
    def raising_frame(self) -> Frame | None:
        """The last in-app frame, else the last one: the last frame is often a library's."""
        return next((f for f in reversed(self.frames) if f.in_app), self.frames[-1] if self.frames else None)


class Breadcrumb(HostData):
    """One thing that happened before the error."""

    timestamp: str = ""
    category: str = ""
    level: str = ""
    type: str = ""
    message: str = ""
    data: dict[str, Any] = Field(default_factory=dict)


class Event(HostData):
    """One occurrence. ``exceptions``: cause first, raised last. ``raw``: the payload as sent, which citations point into."""

    id: str
    timestamp: datetime | None = None
    platform: str = ""
    level: str = "error"
    message: str = ""
    transaction: str = ""
    release: str = ""
    environment: str = ""
    server_name: str = ""
    exceptions: tuple[ExceptionInfo, ...] = ()
    breadcrumbs: tuple[Breadcrumb, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    contexts: dict[str, Any] = Field(default_factory=dict)
    extra: dict[str, Any] = Field(default_factory=dict)
    user: dict[str, Any] = Field(default_factory=dict)
    raw: dict[str, Any] = Field(default_factory=dict)

    @property
    def raised(self) -> ExceptionInfo | None:
        """The exception that reached the top."""
        return self.exceptions[-1] if self.exceptions else None


class TagValue(HostData):
    """How often a tag has a value among an issue's events."""

    value: str
    count: int
