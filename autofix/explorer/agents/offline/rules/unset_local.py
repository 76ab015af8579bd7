"""A local is read that not every way through the function has set."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import ClassVar

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.crash_site import CrashSite, locate, quoted
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.members import of_module
from autofix.explorer.agents.offline.python_code import Function, assignments, body_of, own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import before_line, splice
from autofix.explorer.agents.offline.rules.empty_results import documented_value

LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True)
class _Start:
    """``text`` comes before ``statement``."""

    text: str
    statement: ast.stmt
    finding: Finding


class UnsetLocal:
    """``for row in rows: if row.id == id: found = row`` and then ``if found is None``.

    Fires when the code itself shows what the local stands for where nothing set it: the next thing asks whether it is None;
    it is returned, and the function says that it gives None (or another literal) for nothing; it is only ever added to, by
    something that shows its kind; or it is the module's own, and the function adds to it without ``global``.
    """

    name: ClassVar[str] = "unset_local"
    summary: ClassVar[str] = "a local is read that not every way has set"
    before: ClassVar[str] = (
        "for row in rows:\n    if row.id == id:\n        found = row\nif found is None:\n    return 0"
    )
    after: ClassVar[str] = (
        "found = None\nfor row in rows:\n    if row.id == id:\n        found = row\nif found is None:\n    return 0"
    )

    def matches(self, evidence: Evidence) -> Plan | None:
        """What it starts with, before the first statement that may set it."""
        site = locate(evidence)
        if site is None or site.exception.type != "UnboundLocalError" or site.function.is_generator:
            return None
        name = quoted(r"local variable '(\w+)'", site.exception.value)
        first = first_binding(site.function, name) if name else None
        start = _of_module(site, name) or (_start(site, name, first) if first else None)
        if start is None:
            return None
        file = site.place.file
        return plan_at(
            self,
            site,
            (start.statement.lineno, max(site.place.line, start.statement.lineno)),
            title=f"Start with `{start.text}` in `{site.function.qualname}`",
            cause=f"`{name}` is read in `{site.function.qualname}` although nothing has set it on this way",
            change=f"`{start.text}` before the first statement that may set it",
            findings=(Finding(f"reads `{name}`", file, site.place.line, site.place.line), start.finding),
            transform=splice(before_line(start.statement, start.text)),
        )


def first_binding(function: Function, name: str) -> ast.stmt | None:
    """The function's first own statement that sets the name, itself or inside of it."""
    bound = [statement for statement, _ in assignments(function, name)]
    for statement in body_of(function):
        if any(inner is one for inner in ast.walk(statement) for one in bound):
            return statement
    return None


def _of_module(site: CrashSite, name: str) -> _Start | None:
    """``global name``, where the module sets the name and the function does nothing but add to it."""
    bound = [statement for statement, _ in assignments(site.function, name)]
    body = body_of(site.function)
    if (
        name not in of_module(site.module)
        or not body
        or not all(isinstance(s, ast.AugAssign) for s in bound)
        or not bound
    ):
        return None
    here = next(
        s for s in site.module.tree.body if name in {n.id for n in ast.walk(s) if isinstance(n, ast.Name)}
    )
    finding = Finding(f"the module sets `{name}`", site.place.file, here.lineno, here.lineno)
    return _Start(f"global {name}", body[0], finding)


def _start(site: CrashSite, name: str, first: ast.stmt) -> _Start | None:
    if name in of_module(site.module) or any(
        isinstance(n, ast.Try | ast.With) for n in (first, site.statement)
    ):
        return None
    return _counted(site, name, first) or _asked(site, name, first) or _given(site, name, first)


def _counted(site: CrashSite, name: str, first: ast.stmt) -> _Start | None:
    """``0``, ``""`` or ``[]`` for what is only ever added to, below one loop at most."""
    bound = [statement for statement, _ in assignments(site.function, name)]
    added = [s for s in bound if isinstance(s, ast.AugAssign) and isinstance(s.op, ast.Add)]
    kinds = {_kind(statement.value) for statement in added}
    around = (
        [
            n
            for n in own_nodes(site.function.node)
            if isinstance(n, LOOPS) and any(s is added[0] for s in ast.walk(n))
        ]
        if added
        else []
    )
    if len(added) != len(bound) or len(kinds) != 1 or "" in kinds or len(around) > 1:
        return None
    line = added[0].lineno
    return _Start(
        f"{name} = {kinds.pop()}", first, Finding("is only ever added to", site.place.file, line, line)
    )


def _kind(node: ast.expr) -> str:
    """What a sum of such things starts with; empty where the code does not show its kind."""
    match node:
        case ast.Constant(value=bool()):
            return ""
        case ast.Constant(value=int() | float()) | ast.Call(func=ast.Name(id="len" | "int")):
            return "0"
        case ast.Call(func=ast.Name(id="float")):
            return "0.0"
        case ast.JoinedStr() | ast.Constant(value=str()):
            return '""'
        case ast.List() | ast.ListComp():
            return "[]"
    return ""


def _asked(site: CrashSite, name: str, first: ast.stmt) -> _Start | None:
    """None, where the failing statement asks for nothing else than whether it is None."""
    statement, line = site.statement, site.place.line
    if not site.at_top or not isinstance(statement, ast.If) or not isinstance(first, (*LOOPS, ast.If)):
        return None
    if ast.unparse(statement.test) not in (f"{name} is None", f"{name} is not None"):
        return None
    return _Start(f"{name} = None", first, Finding("asks whether it is None", site.place.file, line, line))


def _given(site: CrashSite, name: str, first: ast.stmt) -> _Start | None:
    """What the function says that it gives for nothing, where it returns the local that a loop looks for."""
    statement, node = site.statement, site.function.node
    if not site.at_top or not isinstance(statement, ast.Return) or not isinstance(first, LOOPS):
        return None
    if statement.value is None or ast.unparse(statement.value) != name:
        return None
    said = documented_value(site.function) or ("None" if lookup.admits_none(node.returns) else "")
    if not said or (said == "None" and node.returns is not None and not lookup.admits_none(node.returns)):
        return None
    line = node.lineno
    end = node.body[0].end_lineno if ast.get_docstring(node) else line
    return _Start(
        f"{name} = {said}",
        first,
        Finding(f"it gives {said} for nothing, it says", site.place.file, line, end or line),
    )
