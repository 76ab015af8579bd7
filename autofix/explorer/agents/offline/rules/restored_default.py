"""A commit took away what stood in for a missing, empty or zero value."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import ClassVar

from autofix.explorer.agents.offline import versions
from autofix.explorer.agents.offline.crash_site import UNKNOWN, CrashSite, locate, quoted
from autofix.explorer.agents.offline.crash_state import value_of
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import Function, Module, assignments, literal, own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import in_place_of, splice
from autofix.explorer.agents.offline.rules.safe_forms import (
    DIVISIONS,
    SafeForm,
    context,
    known_names,
    needs_parentheses,
    safe_forms,
)
from autofix.explorer.workspace import Commit

MIXED = re.compile(r"'str'|to str$|\bstr \(not ")  # in messages on text and number together


class RestoredDefault:
    """A read whose default a commit took away: ``row.get("n", 0)``, ``x or 0``, ``max(n, 1)``, ``a / n if n else 0``.

    A conversion (``int(cell)``) counts, too, where text and number meet.

    Fires when the same function had it around the very same expression, used for the same, and the event shows the value
    that the default was for. What lost its default in the same way at the same time gets it back, too.
    """

    name: ClassVar[str] = "restored_default"
    summary: ClassVar[str] = "a commit took away the default for a value that is missing, empty or zero"
    before: ClassVar[str] = 'total += row["count"]'
    after: ClassVar[str] = 'total += row.get("count", 0)'

    def matches(self, evidence: Evidence) -> Plan | None:
        """The expressions as they were, with their defaults."""
        site = locate(evidence, comprehensions=True)
        suspects = [node for node in _candidates(site) if _is_bad(site, node)] if site else []
        if site is None or not suspects:
            return None
        for commit, module, old in versions.functions_before(site.place.file, site.function):
            for form in safe_forms(old.node):
                if any(_fits(site, node, form, old) for node in suspects):
                    return self._plan(site, form, commit, module, old)
        return None

    def _plan(
        self, site: CrashSite, form: SafeForm, commit: Commit, module: Module, old: Function
    ) -> Plan | None:
        lost = [
            (other, _bare_in(site, other, old)) for other in safe_forms(old.node) if other.kind == form.kind
        ]
        if any(len(nodes) > 1 for other, nodes in lost if other.bare == form.bare):
            return None  # which of them lost it?
        pairs = [(nodes[0], other.whole) for other, nodes in lost if len(nodes) == 1]
        node = next(nodes[0] for other, nodes in lost if other is form or (other.bare == form.bare and nodes))
        text, bare, file = module.text(form.whole), site.module.text(node), site.place.file
        start, end = min(n.lineno for n, _ in pairs), max(n.end_lineno or n.lineno for n, _ in pairs)
        root, answer = site.function.node, "conversion" if form.kind == "convert" else "default"
        return plan_at(
            self,
            site,
            (start, end),
            title=f"Put back the {answer} of `{bare}` in `{site.function.qualname}`",
            cause=f"`{bare}` has no {answer} since commit {commit.sha[:7]}, which took `{text}` away",
            change="; ".join(f"`{module.text(new)}` instead of `{site.module.text(n)}`" for n, new in pairs),
            findings=(
                Finding(f"was `{text}` until commit {commit.sha[:7]}", file, node.lineno, node.lineno),
            ),
            transform=splice(*(in_place_of(n, _text(root, n, new, module)) for n, new in pairs)),
            suspect=commit.sha,
        )


def _text(root: ast.AST, node: ast.expr, new: ast.expr, module: Module) -> str:
    """The expression as it was written, in parentheses where it would be read as something else."""
    text = module.text(new)
    return f"({text})" if not isinstance(new, ast.Call) and needs_parentheses(root, node) else text


def _candidates(site: CrashSite) -> Iterator[ast.expr]:
    """The expressions on the failing line, and those that its names were set to."""
    on_line = [node for node in site.on_line() if isinstance(node, ast.expr)]
    yield from on_line
    for name in {node.id for node in on_line if isinstance(node, ast.Name)}:
        bound = assignments(site.function, name)
        value = bound[0][1] if len(bound) == 1 else None
        if value is not None and _is_nothing(value_of(ast.Name(name), site.known)):
            yield from (node for node in ast.walk(value) if isinstance(node, ast.expr))


def _is_bad(site: CrashSite, node: ast.expr) -> bool:
    """Can this expression be what the exception is about?"""
    kind, message, known = site.exception.type, site.exception.value, site.known
    if kind == "KeyError":
        key = literal(_parsed(message))
        return isinstance(node, ast.Subscript) and key[0] and value_of(node.slice, known) in (key[1], UNKNOWN)
    if kind == "StopIteration":
        return isinstance(node, ast.Call) and ast.unparse(node.func) == "next"
    if kind == "ZeroDivisionError":
        divides = [n for n in site.on_line() if isinstance(n, ast.BinOp) and isinstance(n.op, DIVISIONS)]
        return any(node is n or node is n.right for n in divides)
    if kind == "AttributeError" and "NoneType" not in message:
        return isinstance(node, ast.Attribute) and node.attr == quoted(r"has no attribute '(\w+)'", message)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("max", "min"):
        return kind == "ValueError" and "empty" in message
    if kind == "TypeError" and MIXED.search(message):
        return isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call)
    if kind in ("AttributeError", "TypeError", "ValueError", "IndexError", "InvalidOperation"):
        value = value_of(node, known)
        return _is_nothing(value) or (
            value is UNKNOWN and isinstance(node, ast.Call | ast.Subscript | ast.Attribute)
        )
    return False


def _fits(site: CrashSite, node: ast.expr, form: SafeForm, old: Function) -> bool:
    """Is ``node`` what the form was around, in the same use, and was the form for what the event shows?"""
    if ast.unparse(node) != form.bare or not any(node is found for found in _bare_in(site, form, old)):
        return False
    mixed = site.exception.type == "TypeError" and MIXED.search(site.exception.value) is not None
    if mixed or form.kind == "convert":
        return mixed and form.kind == "convert"
    if form.kind == "clamp":
        return site.exception.type == "ZeroDivisionError"
    if form.test is not None:
        value = value_of(form.test, site.known)
        return value is not UNKNOWN and not value
    if form.kind in ("or", "get_default"):
        return site.exception.type != "KeyError"
    return True


def _bare_in(site: CrashSite, form: SafeForm, old: Function) -> list[ast.expr]:
    """Where the function now has the expression without the form, in the same use; none while the form is still there."""
    root = site.function.node
    whole = ast.unparse(form.whole)
    nodes = [node for node in own_nodes(root) if isinstance(node, ast.expr)]
    if any(ast.unparse(node) == whole for node in nodes) or not _names(form.whole) <= known_names(site):
        return []
    use = context(old.node, form.whole)
    return [node for node in nodes if ast.unparse(node) == form.bare and context(root, node) == use]


def _names(node: ast.AST) -> set[str]:
    bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - bound


def _is_nothing(value: object) -> bool:
    return value is not UNKNOWN and (
        value is None or (isinstance(value, str | list | dict | tuple | int) and not value)
    )


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text[:500], mode="eval").body
    except (SyntaxError, ValueError):
        return ast.Name("unreadable")
