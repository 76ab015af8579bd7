"""What expressions were worth when it crashed, as far as the locals that the SDK sent tell. Nothing is run."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from autofix.explorer.agents.offline.crash_site import UNKNOWN

MAX_SHOWN = 5_000  # characters of a local that is read
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], object]] = {
    ast.Is: operator.is_, ast.IsNot: operator.is_not, ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.In: lambda item, box: item in box, ast.NotIn: lambda item, box: item not in box,
}  # fmt: skip


def value_of(node: ast.expr | None, variables: Mapping[str, object]) -> object:
    """The value, :data:`UNKNOWN` where the event does not show it."""
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.Name(id=name):
            return shown(variables[name]) if name in variables else UNKNOWN
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            return _field(variables.get(name), attribute)
        case ast.Subscript(value=box, slice=key):
            return _item(value_of(box, variables), value_of(key, variables))
        case ast.Call():
            return _called(node, variables)
        case ast.UnaryOp(op=ast.Not()) | ast.BoolOp():
            return _connected(node, variables)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(value_of(left, variables), op, value_of(right, variables))
    return UNKNOWN


def shown(text: object) -> object:
    """The value behind what the SDK wrote: a ``repr`` text, or a list or object of such texts."""
    if isinstance(text, dict):
        return {key: shown(value) for key, value in text.items()}
    if isinstance(text, list):
        return [shown(value) for value in text]
    if not isinstance(text, str) or len(text) > MAX_SHOWN:
        return text if text is None or isinstance(text, int | float) else UNKNOWN
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return UNKNOWN


def _field(text: object, attribute: str) -> object:
    """``None`` of ``Task(name='a', last_run=None)`` for ``last_run``: a plain literal only."""
    if not isinstance(text, str) or len(text) > MAX_SHOWN:
        return UNKNOWN
    found = re.search(
        rf"[(,]\s*{attribute}=(None|True|False|-?\d+(?:\.\d+)?|''|\[\]|\{{\}}|\(\))(?=[,)])", text
    )
    return ast.literal_eval(found[1]) if found else UNKNOWN


def _item(box: object, key: object) -> object:
    if isinstance(box, dict) and isinstance(key, str | int) and key in box:
        return box[key]
    return UNKNOWN


def _called(call: ast.Call, variables: Mapping[str, object]) -> object:
    """``len(x)`` and ``x.strip()``."""
    match call:
        case ast.Call(func=ast.Name(id="len"), args=[argument], keywords=[]):
            value = value_of(argument, variables)
            return len(value) if isinstance(value, str | list | dict | tuple | set) else UNKNOWN
        case ast.Call(func=ast.Attribute(value=text, attr="strip"), args=[], keywords=[]):
            value = value_of(text, variables)
            return value.strip() if isinstance(value, str) else UNKNOWN
    return UNKNOWN


def _connected(node: ast.BoolOp | ast.UnaryOp, variables: Mapping[str, object]) -> object:
    """``not``; ``and`` and ``or``: known where one side settles it, or all are known."""
    if isinstance(node, ast.UnaryOp):
        value = value_of(node.operand, variables)
        return UNKNOWN if value is UNKNOWN else not value
    settles = isinstance(node.op, ast.Or)
    values = [value_of(part, variables) for part in node.values]
    if any(value is not UNKNOWN and bool(value) is settles for value in values):
        return settles
    return UNKNOWN if any(value is UNKNOWN for value in values) else not settles


def _compared(left: object, op: ast.cmpop, right: object) -> object:
    compare = COMPARISONS.get(type(op))
    if compare is None or left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if isinstance(left, list | dict) and isinstance(op, ast.Is | ast.IsNot) and right is not None:
        return UNKNOWN
    try:
        return bool(compare(left, right))
    except TypeError:
        return UNKNOWN
