"""The largest, smallest or sum of values of which some are None."""

from __future__ import annotations

import ast
from typing import ClassVar

from autofix.explorer.agents.offline.crash_site import CrashSite, locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import Splice, splice

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp
TAKEN = frozenset({"max", "min", "sum", "mean", "median", "fmean"})


class NoneAmongValues:
    """``max(row.score for row in rows)``, where rows without a score hold None.

    Fires when every other comprehension of the module that collects the same field or key leaves None out: then None is no
    value here, too. Nothing is left out where order or number of the things counts (``sorted``, ``list``).
    """

    name: ClassVar[str] = "none_among_values"
    summary: ClassVar[str] = "values of which some are None are compared or added"
    before: ClassVar[str] = "max(row.score for row in rows)"
    after: ClassVar[str] = "max(row.score for row in rows if row.score is not None)"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The condition that the other comprehensions have."""
        site = locate(evidence)
        if site is None or site.exception.type != "TypeError" or "'NoneType'" not in site.exception.value:
            return None
        calls = [
            n for n in site.on_line()
            if isinstance(n, ast.Call) and ast.unparse(n.func).rsplit(".", 1)[-1] in TAKEN and len(n.args) == 1
            and isinstance(n.args[0], Comprehension) and _taken(n.args[0])
        ]  # fmt: skip
        others = _left_out(site, calls[0].args[0]) if len(calls) == 1 else []
        if not others:
            return None
        node = calls[0].args[0]
        assert isinstance(node, Comprehension)  # noqa: S101 - as asked above
        text, file, source = (
            f"{site.module.text(node.elt)} is not None",
            site.place.file,
            node.generators[0].iter,
        )
        at, line = (source.end_lineno or source.lineno, source.end_col_offset or 0), others[0].lineno
        return plan_at(
            self,
            site,
            node,
            title=f"Leave None out in `{site.function.qualname}`",
            cause=f"`{site.module.text(node.elt)}` is None for some, and `{site.function.qualname}` takes them along",
            change=f"Only where `{text}`, as elsewhere in this module",
            findings=(
                Finding("takes None along", file, node.lineno, node.end_lineno or node.lineno),
                Finding("leaves None out", file, line, others[0].end_lineno or line),
            ),
            transform=splice(Splice(at, at, f" if {text}")),
        )


def _taken(node: Comprehension) -> str:
    """``.score`` or ``['score']`` of one loop without condition; empty for anything else."""
    if (
        len(node.generators) != 1
        or node.generators[0].ifs
        or not isinstance(node.generators[0].target, ast.Name)
    ):
        return ""
    return _part(node.elt, node.generators[0].target.id)


def _part(node: ast.expr, name: str) -> str:
    match node:
        case ast.Attribute(value=ast.Name(id=owner), attr=attr) if owner == name:
            return f".{attr}"
        case ast.Subscript(value=ast.Name(id=owner), slice=ast.Constant(value=str(key))) if owner == name:
            return f"[{key!r}]"
    return ""


def _left_out(site: CrashSite, node: ast.expr) -> list[Comprehension]:
    """The module's other comprehensions of the same part; empty unless each of them leaves None out."""
    wanted = _taken(node) if isinstance(node, Comprehension) else ""
    found: list[Comprehension] = []
    for other in (inner for function in site.module.functions for inner in own_nodes(function.node)):
        if not isinstance(other, Comprehension) or other is node or len(other.generators) != 1:
            continue
        target = other.generators[0].target
        if not isinstance(target, ast.Name) or _part(other.elt, target.id) != wanted:
            continue
        if f"{ast.unparse(other.elt)} is not None" not in map(ast.unparse, other.generators[0].ifs):
            return []
        found.append(other)
    return found
