"""Do those who read a field expect that it holds None at times?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.python_code import Module
from autofix.explorer.workspace import Checkout

ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
ORDERING = frozenset({"sorted", "max", "min", "sum"})


def cope_with_none(checkout: Checkout, field: str) -> bool:
    """False where a function of the program uses the field's value (orders it, calculates, goes on into it) and never asks."""
    return not any(
        any(_uses(scope, field)) and not _asks(scope, field)
        for file in lookup.files_with(checkout, f".{field}")
        for scope in (_scopes(file.module) if file.module else ())
    )


def _scopes(module: Module) -> list[ast.AST]:
    """The functions, and what stands outside of any."""
    defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    top = ast.Module([statement for statement in module.tree.body if not isinstance(statement, defined)], [])
    return [top, *(function.node for function in module.functions)]


def _is_field(node: ast.AST | None, field: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == field and isinstance(node.ctx, ast.Load)


def _uses(root: ast.AST, field: str) -> Iterator[bool]:
    """True for each place that None would break."""
    for node in ast.walk(root):
        match node:
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                yield _is_field(value, field)
            case ast.BinOp(left=left, right=right):
                yield _is_field(left, field) or _is_field(right, field)
            case ast.Compare(left=left, comparators=others, ops=ops) if any(
                isinstance(op, ORDERED) for op in ops
            ):
                yield any(_is_field(side, field) for side in (left, *others))
            case ast.Call(func=func) if ast.unparse(func).rsplit(".", 1)[-1] in (*ORDERING, "sort"):
                inside = [getattr(n, "elt", None) or getattr(n, "body", None) for n in ast.walk(node)]
                yield any(_is_field(one, field) for one in inside if isinstance(one, ast.expr))


def _asks(root: ast.AST, field: str) -> bool:
    """Is there a condition on the field, or a default behind it?"""
    conditions = [
        *(
            test
            for n in ast.walk(root)
            for test in [getattr(n, "test", None), *getattr(n, "ifs", [])]
            if test is not None
        ),
        *(n for n in ast.walk(root) if isinstance(n, ast.BoolOp)),
    ]
    return any(re.search(rf"\.{field}\b", ast.unparse(condition)) for condition in conditions)
