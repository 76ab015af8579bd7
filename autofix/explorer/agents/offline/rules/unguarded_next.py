"""The first of what a generator gives, where it gives nothing."""

from __future__ import annotations

import ast
from typing import ClassVar

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.crash_site import CrashSite, locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import assignments
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import Splice, splice
from autofix.explorer.agents.offline.rules.empty_results import checks_for_none, documented_value


class UnguardedNext:
    """``next(row for row in rows if row.id == id)`` where no row has the id.

    Fires when its result is returned as it is, and the function is declared or documented to give None for nothing, or every
    caller asks whether it got None; and when the next statements themselves ask whether the name that it is set to is None.
    """

    name: ClassVar[str] = "unguarded_next"
    summary: ClassVar[str] = "the first of something is taken with `next`, without an answer for nothing"
    before: ClassVar[str] = "return next(row for row in rows if row.id == id)"
    after: ClassVar[str] = "return next((row for row in rows if row.id == id), None)"

    def matches(self, evidence: Evidence) -> Plan | None:
        """``next`` with None for nothing."""
        site = locate(evidence)
        if site is None or site.exception.type != "StopIteration":
            return None
        calls = [
            n for n in site.on_line()
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "next" and len(n.args) == 1
        ]  # fmt: skip
        finding = _expects_none(site, calls[0]) if len(calls) == 1 else None
        if finding is None:
            return None
        call, argument = calls[0], calls[0].args[0]
        text = site.module.text(argument)
        if isinstance(argument, ast.GeneratorExp):
            text = f"({ast.unparse(argument)[1:-1] if not text.startswith('(') or not text.endswith(')') else text[1:-1]})"
        start, end = (
            (call.lineno, call.col_offset),
            (call.end_lineno or call.lineno, call.end_col_offset or 0),
        )
        new = f"next({text}, None)"
        return plan_at(
            self,
            site,
            call,
            title=f"Give None for nothing in `{site.function.qualname}`",
            cause=f"nothing fits, and `next` in `{site.function.qualname}` has no answer for that",
            change=f"`{new}` instead of `{site.module.text(call)}`",
            findings=(
                Finding("has no answer for nothing", site.place.file, call.lineno, call.lineno),
                finding,
            ),
            transform=splice(Splice(start, end, new)),
        )


def _expects_none(site: CrashSite, call: ast.Call) -> Finding | None:
    """Where it is said that None is expected for nothing."""
    statement, file = site.statement, site.place.file
    if isinstance(statement, ast.Return) and statement.value is call:
        line = site.function.node.lineno
        if documented_value(site.function) == "None" or lookup.admits_none(site.function.node.returns):
            return Finding("it says that it gives None for nothing", file, line, line)
        return checks_for_none(site)
    if (
        isinstance(statement, ast.Assign)
        and statement.value is call
        and isinstance(statement.targets[0], ast.Name)
    ):
        name = statement.targets[0].id
        later = site.block[site.block.index(statement) + 1 :][:1]
        tests = (f"{name} is None", f"not {name}")
        asked = later and isinstance(later[0], ast.If) and ast.unparse(later[0].test) in tests
        if asked and len(assignments(site.function, name)) == 1:
            return Finding("asks whether there is one", file, later[0].lineno, later[0].lineno)
    return None
