"""Expressions that answer for a missing, empty, zero or otherwise typed value, and the same without that answer."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from autofix.explorer.agents.offline.crash_site import CrashSite
from autofix.explorer.agents.offline.python_code import literal

Kind = Literal["or", "clamp", "get", "next", "extreme", "getattr", "condition", "get_default", "convert"]
DIVISIONS = (ast.Div, ast.FloorDiv, ast.Mod)


@dataclass(frozen=True)
class SafeForm:
    """``whole`` is ``row.get("count", 0)`` where ``bare`` is the text ``row['count']``; ``test`` is a condition's own."""

    kind: Kind
    whole: ast.expr
    bare: str
    test: ast.expr | None = None


def safe_forms(root: ast.AST) -> Iterator[SafeForm]:
    """Every such expression below ``root``."""
    for node in ast.walk(root):
        if isinstance(node, ast.expr):
            yield from _forms(node)


def _forms(node: ast.expr) -> Iterator[SafeForm]:
    match node:
        case ast.BoolOp(op=ast.Or(), values=[value, default]) if literal(default)[0]:
            yield SafeForm("or", node, ast.unparse(value))
        case ast.IfExp(test=test, body=body):
            yield SafeForm("condition", node, ast.unparse(body), test)
        case ast.Call(func=ast.Attribute(value=box, attr="get"), args=[key], keywords=[]):
            yield SafeForm("get", node, f"{ast.unparse(box)}[{ast.unparse(key)}]")
        case ast.Call(func=ast.Attribute(value=box, attr="get"), args=[key, _], keywords=[]):
            yield SafeForm("get", node, f"{ast.unparse(box)}[{ast.unparse(key)}]")
            yield SafeForm("get_default", node, f"{ast.unparse(box)}.get({ast.unparse(key)})")
        case ast.Call():
            yield from _calls(node)


def _calls(node: ast.Call) -> Iterator[SafeForm]:
    match node:
        case ast.Call(func=ast.Name(id="max"), args=[one, two], keywords=[]):
            for value, floor in ((one, two), (two, one)):
                known, number = literal(floor)
                if known and isinstance(number, int | float) and number > 0:
                    yield SafeForm("clamp", node, ast.unparse(value))
        case ast.Call(func=ast.Name(id="int" | "float" | "str" | "Decimal"), args=[value], keywords=[]):
            yield SafeForm("convert", node, ast.unparse(value))
        case ast.Call(func=ast.Name(id="next"), args=[values, _], keywords=[]):
            bare = ast.Call(node.func, [values], [])
            yield SafeForm("next", node, ast.unparse(bare))
        case ast.Call(
            func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name)), _], keywords=[]
        ):
            yield SafeForm("getattr", node, f"{ast.unparse(value)}.{name}")
        case ast.Call(func=ast.Name(id="max" | "min"), keywords=keywords) if any(
            k.arg == "default" for k in keywords
        ):
            others = [keyword for keyword in keywords if keyword.arg != "default"]
            yield SafeForm("extreme", node, ast.unparse(ast.Call(node.func, node.args, others)))


def context(root: ast.AST, node: ast.expr) -> str:
    """What the expression is used for: its parent, told without the expression itself."""
    for parent in ast.walk(root):
        for field, value in ast.iter_fields(parent):
            values = value if isinstance(value, list) else [value]
            if any(one is node for one in values):
                position = next(index for index, one in enumerate(values) if one is node)
                return f"{type(parent).__name__}.{field}.{position}:{_about(parent)}"
    return ""


def _about(parent: ast.AST) -> str:
    match parent:
        case ast.Call(func=func):
            return ast.unparse(func)
        case ast.keyword(arg=arg):
            return str(arg)
        case ast.BinOp(op=op):
            return type(op).__name__
        case ast.Assign(targets=targets):
            return ", ".join(map(ast.unparse, targets))
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return ast.unparse(target)
        case ast.Attribute(attr=attr):
            return attr
    return ""


def needs_parentheses(root: ast.AST, node: ast.expr) -> bool:
    """Would ``a or b`` in this expression's place be read as something else?"""
    tight = (
        ast.BinOp,
        ast.UnaryOp,
        ast.BoolOp,
        ast.Compare,
        ast.Attribute,
        ast.Subscript,
        ast.IfExp,
        ast.Await,
        ast.Starred,
    )
    parents = [p for p in ast.walk(root) if any(child is node for child in ast.iter_child_nodes(p))]
    return any(isinstance(parent, tight) and getattr(parent, "slice", None) is not node for parent in parents)


def known_names(site: CrashSite) -> set[str]:
    """The names that code put into the failing function may use."""
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(site.module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    top = {
        n.name
        for n in site.module.tree.body
        if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }
    used = {n.id for n in ast.walk(site.function.node) if isinstance(n, ast.Name)}
    return imported | top | used | set(site.function.parameters) | set(dir(builtins))
