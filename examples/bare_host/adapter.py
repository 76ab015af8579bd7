"""The bridge between bugs and autofix."""

from __future__ import annotations

from typing import Any, ClassVar

from autofix.hosts.plain import PlainHost
from examples.bare_host.models import Bug


class BugHost(PlainHost):
    """Bugs are its issues, each with one payload."""

    model: ClassVar[type[Bug]] = Bug

    def payloads(self, row: Bug, limit: int) -> list[dict[str, Any]]:
        return [row.payload] if row.payload else []
