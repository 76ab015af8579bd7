"""Arithmetic with a field that may be None."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import ClassVar

from autofix.explorer.agents.offline import lookup, versions
from autofix.explorer.agents.offline.crash_site import CrashSite, locate
from autofix.explorer.agents.offline.crash_state import value_of
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence
from autofix.explorer.agents.offline.python_code import literal, own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import in_place_of, splice
from autofix.explorer.agents.offline.rules.safe_forms import safe_forms

ARITHMETIC = (ast.Add, ast.Sub)


@dataclass(frozen=True)
class _Meaning:
    """What None in a field stands for: zero, as a commit that made the field optional shows."""

    text: str
    commit: str
    finding: Finding


class NoneArithmetic:
    """``base - unit.offset`` where ``offset`` is None for units without one.

    Fires for ``+`` and ``-`` when the field is declared to be None at times, and the commit that made it so took away the
    zero that stood there: None means zero then, wherever the field is added or subtracted in this function.
    """

    name: ClassVar[str] = "none_arithmetic"
    summary: ClassVar[str] = "an optional field is added or subtracted although it may be None"
    before: ClassVar[str] = "return base - unit.offset"
    after: ClassVar[str] = "return base - (unit.offset or 0)"

    def matches(self, evidence: Evidence) -> Plan | None:
        """Zero where the field is None."""
        site = locate(evidence)
        if site is None or site.exception.type != "TypeError" or "NoneType" not in site.exception.value:
            return None
        if not re.match(r"unsupported operand type\(s\) for (\+|-)=?: ", site.exception.value):
            return None
        bad = [node for node in _operands(site.statement) if value_of(node, site.known) is None]
        fields = {node.attr for node in bad}
        meaning = _meaning(site, fields.pop()) if len(fields) == 1 else None
        if meaning is None:
            return None
        nodes = [node for node in _operands(site.function.node) if node.attr == bad[0].attr]
        file, text = site.place.file, site.module.text
        return plan_at(
            self,
            site,
            (nodes[0].lineno, nodes[-1].lineno),
            title=f"Take no `{bad[0].attr}` for {meaning.text} in `{site.function.qualname}`",
            cause=f"`{ast.unparse(bad[0])}` is None, which the field allows, and `{site.function.qualname}` calculates with it",
            change="; ".join(
                f"`({text(node)} or {meaning.text})` instead of `{text(node)}`" for node in nodes
            ),
            findings=(meaning.finding, Finding("calculates with it", file, site.place.line, site.place.line)),
            transform=splice(*(in_place_of(node, f"({text(node)} or {meaning.text})") for node in nodes)),
            suspect=meaning.commit,
        )


def _operands(root: ast.AST) -> list[ast.Attribute]:
    """The fields that are added or subtracted, in order."""
    sums = [
        node
        for node in (root, *own_nodes(root))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC)
    ]
    operands = [side for node in sums for side in (node.left, node.right) if isinstance(side, ast.Attribute)]
    return sorted(operands, key=lambda node: (node.lineno, node.col_offset))


def _meaning(site: CrashSite, field: str) -> _Meaning | None:
    """The zero that a commit took away where the field is filled."""
    for file in lookup.files_with(site.place.file.checkout, field):
        declared = _declared_optional(file, field)
        if declared is None:
            continue
        for version in versions.before(file):
            zeros = [zero for node in ast.walk(version.module.tree) if (zero := _zero(node, field))]
            if zeros:
                line = declared.lineno
                text = f"`{ast.unparse(declared)}`; before {version.commit.sha[:7]} it was {zeros[0]} for nothing"
                return _Meaning(zeros[0], version.commit.sha, Finding(text, file, line, line))
    return None


def _declared_optional(file: CodeFile, field: str) -> ast.AnnAssign | None:
    for node in file.module.classes if file.module else ():
        for statement in node.body:
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and statement.target.id == field
                and lookup.admits_none(statement.annotation)
            ):
                return statement
    return None


def _zero(node: ast.AST, field: str) -> str:
    """``0`` of ``offset=float(row.get("offset", 0))``, ``offset=x or 0`` and ``offset: float = 0``; empty for anything else."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == field:
        return _plain_zero(node.value)
    if not isinstance(node, ast.keyword) or node.arg != field:
        return ""
    defaults = [
        form.whole.values[1] if isinstance(form.whole, ast.BoolOp) else form.whole.args[1]
        for form in safe_forms(node.value)
        if isinstance(form.whole, ast.BoolOp)
        or (form.kind == "get_default" and isinstance(form.whole, ast.Call))
    ]
    return next((zero for default in defaults if (zero := _plain_zero(default))), _plain_zero(node.value))


def _plain_zero(node: ast.expr | None) -> str:
    known, value = literal(node) if node is not None else (False, None)
    return (
        ast.unparse(node) if node is not None and known and type(value) in (int, float) and value == 0 else ""
    )
