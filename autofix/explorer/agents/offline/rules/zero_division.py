"""A division by a count, length or duration that can be zero."""

from __future__ import annotations

import ast
from typing import ClassVar

from autofix.explorer.agents.offline.crash_site import UNKNOWN, CrashSite, is_empty, is_zero, locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import is_neutral, literal, own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import insert_guard
from autofix.explorer.agents.offline.rules.empty_results import EmptyResult, empty_result

DIVISIONS = (ast.Div, ast.FloorDiv, ast.Mod)


class ZeroDivision:
    """``total / len(values)`` without values.

    Fires when the code says what the empty case gives: the docstring does, every caller puts the result where None is
    allowed, or another function of the module already guards a division by the same thing.
    """

    name: ClassVar[str] = "zero_division"
    summary: ClassVar[str] = "a division by something that can be zero"
    before: ClassVar[str] = "return total / count"
    after: ClassVar[str] = "if count == 0:\n    return 0.0\nreturn total / count"

    def matches(self, evidence: Evidence) -> Plan | None:
        """A guard before the division."""
        site = locate(evidence)
        if site is None or site.exception.type != "ZeroDivisionError":
            return None
        divisor = _zero_divisor(site)
        if divisor is None:
            return None
        result = empty_result(site, _names_of(divisor)) or _sibling_result(site, divisor)
        if result is None:
            return None
        text, test = ast.unparse(divisor), _zero_test(site, divisor)
        file = site.place.file
        return plan_at(
            self,
            site,
            (site.statement.lineno, site.place.line),
            title=f"Give {result.text} in `{site.function.qualname}` where `{text}` is zero",
            cause=f"`{text}` is zero, and `{site.function.qualname}` divides by it without a check",
            change=f"Before it: `if {test}: return {result.text}`",
            findings=(
                Finding(f"divides by `{text}`", file, site.place.line, site.place.line),
                *result.findings,
            ),
            transform=insert_guard(site.statement, test, f"return {result.text}", after=False),
        )


def _names_of(divisor: ast.expr) -> set[str]:
    nodes = list(ast.walk(divisor))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in nodes if isinstance(node, ast.Name) and node.id != "len"}


def _zero_test(site: CrashSite, divisor: ast.expr) -> str:
    """``not values`` for the length of what the event shows to be an empty collection, else the divisor against zero."""
    if (
        isinstance(divisor, ast.Call)
        and isinstance(divisor.args[0], ast.Name)
        and is_empty(site.local(divisor.args[0].id))
    ):
        return f"not {divisor.args[0].id}"
    return f"{ast.unparse(divisor)} == 0"


def _zero_divisor(site: CrashSite) -> ast.expr | None:
    """What was zero: the only thing on the failing line that is divided by and can be."""
    divisors = [n.right for n in site.on_line() if isinstance(n, ast.BinOp) and isinstance(n.op, DIVISIONS)]
    able = [d for d in divisors if not _never_zero(site, d)]
    return able[0] if len(able) == 1 and _is_plain(able[0]) else None


def _never_zero(site: CrashSite, node: ast.expr) -> bool:
    known, value = literal(node)
    if known:
        return bool(value)
    if not isinstance(node, ast.Name):
        return False
    shown = site.local(node.id)
    if shown is not UNKNOWN:
        return not is_zero(shown)
    bound = [
        statement.value
        for statement in site.module.tree.body
        if isinstance(statement, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == node.id for t in statement.targets)
    ]
    return len(bound) == 1 and literal(bound[0])[0] and bool(literal(bound[0])[1])


def _is_plain(node: ast.expr) -> bool:
    """Reading it twice is harmless: a name, an attribute of a name, or the length of one."""
    if isinstance(node, ast.Call):
        is_len = isinstance(node.func, ast.Name) and node.func.id == "len"
        return is_len and len(node.args) == 1 and not node.keywords and _is_plain(node.args[0])
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_plain(node.value))


def _sibling_result(site: CrashSite, divisor: ast.expr) -> EmptyResult | None:
    """What the module's other functions give where the same divisor is zero; None where they disagree or do not say."""
    if (
        not site.at_top
        or site.function.is_generator
        or (site.function.node.returns is not None and _gives_text(site))
    ):
        return None
    if any(literal(node.value)[0] for node in own_nodes(site.function.node) if isinstance(node, ast.Return)):
        return None
    wanted = ast.unparse(divisor)
    found: dict[str, Finding] = {}
    for function in site.module.functions:
        if function is not site.function:
            for node in own_nodes(function.node):
                value = _guarded_value(node, wanted)
                if value:
                    line = getattr(node, "lineno", function.node.lineno)
                    found[value] = Finding(
                        f"`{function.qualname}` gives {value} where `{wanted}` is zero",
                        site.place.file,
                        line,
                        line,
                    )
    return EmptyResult(next(iter(found)), tuple(found.values())) if len(found) == 1 else None


def _gives_text(site: CrashSite) -> bool:
    return ast.unparse(site.function.node.returns or ast.Constant(None)) not in (
        "float",
        "int",
        "float | None",
        "int | None",
        "Decimal",
    )


def _guarded_value(node: ast.AST, divisor: str) -> str:
    """``0.0`` of ``a / n if n else 0.0`` and of ``if not n: return 0.0``, for the divisor ``n``; empty for anything else."""
    if (
        isinstance(node, ast.IfExp)
        and ast.unparse(node.test) in (divisor, f"{divisor} > 0")
        and _divides_by(node.body, divisor)
    ):
        return _neutral(node.orelse)
    match node:
        case ast.If(test=test, body=[ast.Return(value=value)]) if ast.unparse(test) in (
            f"not {divisor}",
            f"{divisor} == 0",
        ):
            return _neutral(value)
    return ""


def _divides_by(node: ast.AST, divisor: str) -> bool:
    return any(
        isinstance(n, ast.BinOp) and isinstance(n.op, DIVISIONS) and ast.unparse(n.right) == divisor
        for n in ast.walk(node)
    )


def _neutral(node: ast.expr | None) -> str:
    known, value = literal(node)
    return ast.unparse(node) if node is not None and known and is_neutral(value) else ""
