"""The first, last, largest or some item of a sequence that is empty."""

from __future__ import annotations

import ast
import re
from typing import ClassVar

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.crash_site import UNKNOWN, CrashSite, is_empty, locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import assignments
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import insert_guard, replace_expression
from autofix.explorer.agents.offline.rules.empty_results import empty_result

EMPTY_EXTREME = re.compile(r"(max|min)\(\) (arg is an empty sequence|iterable argument is empty)")


class EmptySequence:
    """An index into an empty list, or ``max``/``min`` of one.

    Fires when the code says what the empty case gives: the docstring does, every caller puts the result where None is
    allowed, or (``max``, ``min``) the receiving field may be None.
    """

    name: ClassVar[str] = "empty_sequence"
    summary: ClassVar[str] = "an item of a sequence is taken without a check that it has one"
    before: ClassVar[str] = "return values[0]"
    after: ClassVar[str] = "if not values:\n    return None\nreturn values[0]"

    def matches(self, evidence: Evidence) -> Plan | None:
        """A guard for the empty case, or ``default=None``."""
        site = locate(evidence)
        if site is None:
            return None
        if site.exception.type == "IndexError" and "index out of range" in site.exception.value:
            return self._guarded(site, _indexed(site))
        if site.exception.type == "ValueError" and EMPTY_EXTREME.search(site.exception.value):
            return self._with_default(site) or self._guarded(site, _extreme_of(site))
        return None

    def _guarded(self, site: CrashSite, name: str) -> Plan | None:
        result = empty_result(site, {name}) if name else None
        if result is None:
            return None
        file = site.place.file
        return plan_at(
            self,
            site,
            (site.statement.lineno, site.place.line),
            title=f"Give {result.text} for an empty `{name}` in `{site.function.qualname}`",
            cause=f"`{name}` is empty, and `{site.function.qualname}` takes an item of it without a check",
            change=f"Before it: `if not {name}: return {result.text}`",
            findings=(
                Finding(f"takes an item of `{name}`", file, site.place.line, site.place.line),
                *result.findings,
            ),
            transform=insert_guard(site.statement, f"not {name}", f"return {result.text}", after=False),
        )

    def _with_default(self, site: CrashSite) -> Plan | None:
        calls = _extremes(site)
        if (
            len(calls) != 1
            or any(keyword.arg == "default" for keyword in calls[0].keywords)
            or len(calls[0].args) != 1
        ):
            return None
        call, file = calls[0], site.place.file
        for outer in ast.walk(site.statement):
            if isinstance(outer, ast.Call) and any(keyword.value is call for keyword in outer.keywords):
                why = lookup.accepts_none(lookup.CallSite(file, outer, site.function), call)
                if why:
                    inside = ", ".join(ast.unparse(part) for part in (*call.args, *call.keywords))
                    new = f"{ast.unparse(call.func)}({inside}, default=None)"
                    return plan_at(
                        self,
                        site,
                        call,
                        title=f"Give `{ast.unparse(call)}` a default in `{site.function.qualname}`",
                        cause=f"`{ast.unparse(call.args[0])}` is empty, and `{ast.unparse(call)}` has no answer for that",
                        change=f"Give it one: `{new}`",
                        findings=(Finding(why, file, call.lineno, call.lineno),),
                        transform=replace_expression(call, new),
                    )
        return None


def _indexed(site: CrashSite) -> str:
    """The one local on the failing line that is indexed and was empty."""
    names = {
        node.value.id
        for node in site.on_line()
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and not isinstance(node.slice, ast.Slice)
    }
    others = [n for n in site.on_line() if isinstance(n, ast.Subscript) and not isinstance(n.value, ast.Name)]
    return _the_empty_one(site, names) if not others else ""


def _extremes(site: CrashSite) -> list[ast.Call]:
    return [
        node
        for node in site.on_line()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("max", "min")
    ]


def _extreme_of(site: CrashSite) -> str:
    calls = _extremes(site)
    if len(calls) != 1 or len(calls[0].args) != 1 or not isinstance(calls[0].args[0], ast.Name):
        return ""
    return _the_empty_one(site, {calls[0].args[0].id})


def _the_empty_one(site: CrashSite, names: set[str]) -> str:
    """The one name that the event shows to be empty; it must be a plain list-like local, as ``not name`` must mean "empty"."""
    empty = {name for name in names if is_empty(site.local(name))}
    if len(empty) != 1 or any(site.local(name) is UNKNOWN for name in names):
        return ""
    name = empty.pop()
    bound = assignments(site.function, name)
    return name if len(bound) + (name in site.function.parameters) == 1 else ""
