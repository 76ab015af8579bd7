"""A loop over a dictionary or set takes things out of it, or puts some in."""

from __future__ import annotations

import ast
from typing import ClassVar

from autofix.explorer.agents.offline.crash_site import locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import in_place_of, splice

CHANGING = frozenset({"pop", "popitem", "remove", "discard", "add", "setdefault"})
VIEWS = frozenset({"items", "keys", "values"})


class ChangedWhileWalked:
    """``for key in ages: if ages[key] > limit: del ages[key]``.

    Fires when the failing loop's own body changes the very thing that it walks over; it then walks over a copy.
    """

    name: ClassVar[str] = "changed_while_walked"
    summary: ClassVar[str] = "a loop changes the dictionary or set that it walks over"
    before: ClassVar[str] = "for key in ages:\n    if ages[key] > limit:\n        del ages[key]"
    after: ClassVar[str] = "for key in list(ages):\n    if ages[key] > limit:\n        del ages[key]"

    def matches(self, evidence: Evidence) -> Plan | None:
        """A copy of what is walked over."""
        site = locate(evidence)
        if site is None or "changed size during iteration" not in site.exception.value:
            return None
        loop = site.statement
        change = _change(loop, _walked(loop.iter)) if isinstance(loop, ast.For) else None
        if not isinstance(loop, ast.For) or change is None:
            return None
        text, file = site.module.text(loop.iter), site.place.file
        return plan_at(
            self,
            site,
            (loop.lineno, loop.iter.end_lineno or loop.lineno),
            title=f"Walk over a copy in `{site.function.qualname}`",
            cause=f"the loop over `{text}` in `{site.function.qualname}` changes `{_walked(loop.iter)}` itself",
            change=f"`list({text})` instead of `{text}`",
            findings=(
                Finding(
                    "is changed within the loop", file, change.lineno, change.end_lineno or change.lineno
                ),
            ),
            transform=splice(in_place_of(loop.iter, f"list({text})")),
        )


def _walked(node: ast.expr) -> str:
    """``self.ages`` of ``self.ages`` and ``self.ages.items()``; empty for anything else."""
    match node:
        case ast.Name() | ast.Attribute():
            return ast.unparse(node)
        case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute() as box, attr=view), args=[]) if (
            view in VIEWS
        ):
            return ast.unparse(box)
    return ""


def _change(loop: ast.For, walked: str) -> ast.expr | None:
    """Where the loop's body changes it."""
    for node in (inner for statement in loop.body for inner in ast.walk(statement)) if walked else ():
        match node:
            case ast.Subscript(value=box, ctx=ast.Del() | ast.Store()) if ast.unparse(box) == walked:
                return node
            case ast.Call(func=ast.Attribute(value=box, attr=name)) if (
                name in CHANGING and ast.unparse(box) == walked
            ):
                return node
    return None
