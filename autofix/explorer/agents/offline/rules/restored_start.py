"""A commit took away the value that a local started with."""

from __future__ import annotations

import ast
from typing import ClassVar

from autofix.explorer.agents.offline import versions
from autofix.explorer.agents.offline.crash_site import locate, quoted
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import assignments, body_of, literal
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import before_line, splice
from autofix.explorer.agents.offline.rules.unset_local import first_binding


class RestoredStart:
    """``best = None`` before the loop that may set ``best``, until a commit took it away.

    Fires when an earlier version of the function began by setting the unbound local to a literal.
    """

    name: ClassVar[str] = "restored_start"
    summary: ClassVar[str] = "a local is set on some ways only since a commit took away what it started with"
    before: ClassVar[str] = "for row in rows:\n    best = row\nreturn best"
    after: ClassVar[str] = "best = None\nfor row in rows:\n    best = row\nreturn best"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The same start again, before the first statement that may set the name."""
        site = locate(evidence)
        if site is None or site.exception.type != "UnboundLocalError":
            return None
        name = quoted(r"local variable '(\w+)'", site.exception.value)
        first = first_binding(site.function, name) if name else None
        if first is None:
            return None
        for commit, module, old in versions.functions_before(site.place.file, site.function):
            started = [
                s
                for s in body_of(old)
                if isinstance(s, ast.Assign) and s in [b for b, _ in assignments(old, name)]
            ]
            if (
                started
                and literal(started[0].value)[0]
                and len(started[0].targets) == 1
                and isinstance(started[0].targets[0], ast.Name)
            ):
                text, file = module.text(started[0]), site.place.file
                return plan_at(
                    self,
                    site,
                    (first.lineno, site.place.line),
                    title=f"Start with `{text}` in `{site.function.qualname}`",
                    cause=f"`{name}` is not set on every way since commit {commit.sha[:7]}, which took `{text}` away",
                    change=f"`{text}` again, before the first statement that may set it",
                    findings=(
                        Finding(
                            f"until commit {commit.sha[:7]}, `{text}` came first",
                            file,
                            first.lineno,
                            first.lineno,
                        ),
                    ),
                    transform=splice(before_line(first, text)),
                    suspect=commit.sha,
                )
        return None
