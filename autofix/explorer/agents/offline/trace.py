"""Where a bad value came from: backwards through assignments, arguments, returns and fields, also outside the stack."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.crash_site import COMPREHENSIONS, is_empty, is_none, quoted
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence, Place
from autofix.explorer.agents.offline.python_code import FunctionNode, assignments, own_nodes

MAX_STEPS = 12
Kind = Literal["assigned", "argument", "returned", "collected", "field"]
PLAIN_WRAPPERS = frozenset({"sorted", "list", "tuple", "set", "reversed", "iter", "enumerate"})


@dataclass(frozen=True)
class Step:
    """One place that the value passed on its way. ``collected``: put into a collection there; ``field``: stored there."""

    kind: Kind
    file: CodeFile
    function: str
    start_line: int
    end_line: int
    text: str


def trace(evidence: Evidence) -> list[Step]:
    """The way of the bad value, from the failing line backwards; empty where it cannot be followed."""
    failing = evidence.failing
    if failing is None or failing.function is None or not failing.matches or evidence.exception is None:
        return []
    start = bad_expression(failing, evidence.exception.type, evidence.exception.value)
    if start is None:
        return []
    follower = _Follower(evidence, len(evidence.places) - 1)
    follower.follow(start)
    return follower.steps


def bad_expression(place: Place, kind: str, message: str) -> ast.expr | None:
    """The expression on the failing line that the message is about: what was None, empty or zero."""
    statement = place.file.module.statement_at(place.line) if place.file.module else None
    if statement is None:
        return None
    nodes = [
        n
        for n in ast.walk(statement)
        if isinstance(n, ast.expr) and n.lineno <= place.line <= (n.end_lineno or n.lineno)
    ]
    attribute = quoted(r"^'NoneType' object has no attribute '(\w+)'", message)
    if attribute:
        return next((n.value for n in nodes if isinstance(n, ast.Attribute) and n.attr == attribute), None)
    if kind == "TypeError" and "NoneType" in message:
        return next((n for n in nodes if _shown_none(place, n)), None)
    if kind == "ZeroDivisionError":
        return next(
            (
                n.right
                for n in nodes
                if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div | ast.FloorDiv | ast.Mod)
            ),
            None,
        )
    if kind in ("IndexError", "ValueError"):
        return next(
            (n for n in nodes if isinstance(n, ast.Name) and is_empty(place.variables.get(n.id, "?"))), None
        )
    return None


def _shown_none(place: Place, node: ast.expr) -> bool:
    if isinstance(node, ast.Name) and node.id in place.variables:
        return is_none(place.variables[node.id])
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        shown = place.variables.get(node.value.id)
        return isinstance(shown, str) and re.search(rf"\b{node.attr}=None\b", shown) is not None
    return False


class _Follower:
    """Follows one expression. ``index``: which of the evidence's places it is evaluated in, -1 when outside the stack."""

    def __init__(self, evidence: Evidence, index: int) -> None:
        self.evidence = evidence
        self.index = index
        self.steps: list[Step] = []

    @property
    def place(self) -> Place:
        return self.evidence.places[self.index]

    def follow(self, node: ast.expr) -> None:
        """Record the steps behind ``node``."""
        current: ast.expr | None = node
        while current is not None and len(self.steps) < MAX_STEPS:
            current = self._next(current)

    def _next(self, node: ast.expr) -> ast.expr | None:
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Attribute):
            self._field(node.attr)
        elif isinstance(node, ast.Call):
            wrapped = isinstance(node.func, ast.Name) and node.func.id in PLAIN_WRAPPERS and node.args
            if wrapped:
                return node.args[0]
            if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
                if not self._returned(node.func.attr):
                    return node.func.value
            else:
                self._returned(lookup.called_name(node))
        elif isinstance(node, ast.Subscript):
            return node.value
        return None

    def _name(self, name: str) -> ast.expr | None:
        function = self.place.function
        if function is None:
            return None
        before = [
            (s, v)
            for s, v in assignments(function, name)
            if s.lineno <= self.place.line and not (v is not None and _reworks(v, name))
        ]
        if before:
            statement, value = before[-1]
            if isinstance(statement, ast.For | ast.AsyncFor):
                return statement.iter
            self._add(
                "assigned", self.place.file, self.place.function_name, statement, f"`{name}` is set here"
            )
            return value
        over = _comprehension_source(function.node, name, self.place.line)
        if over is not None:
            return over
        return self._argument(name) if name in function.parameters else None

    def _argument(self, name: str) -> ast.expr | None:
        """What the caller in the stack passed for this parameter."""
        function = self.place.function
        caller_index = self._caller()
        if function is None or caller_index < 0:
            return None
        caller = self.evidence.places[caller_index]
        module = caller.file.module
        statement = module.statement_at(caller.line) if module else None
        calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)] if statement else []
        calls = [n for n in calls if lookup.called_name(n) == function.node.name]
        calls = [n for n in calls if n.lineno <= caller.line <= (n.end_lineno or n.lineno)] or calls
        if len(calls) != 1:
            return None
        self.index = caller_index
        passed = _passed(calls[0], function.parameters, name, is_method=function.owner is not None)
        if passed is not None:
            self._add("argument", caller.file, caller.function_name, passed, f"passed as `{name}`")
        return passed

    def _caller(self) -> int:
        """The index of the frame that called this one's function; the frame of a comprehension is called by its own function."""
        index = self.index
        while index > 0 and self.evidence.places[index].frame.function.rsplit(".", 1)[-1] in COMPREHENSIONS:
            index -= 1
        return index - 1

    def _returned(self, name: str) -> bool:
        """The results of the one function of this name."""
        definition = lookup.only_definition(self.place.file.checkout, name) if name else None
        if definition is None:
            return False
        for node in own_nodes(definition.function.node):
            if isinstance(node, ast.Return):
                collects = isinstance(
                    node.value, ast.ListComp | ast.GeneratorExp | ast.DictComp | ast.SetComp
                )
                kind: Kind = "collected" if collects and _holds_lookup(node.value) else "returned"
                text = (
                    f"`{name}` gives this"
                    if kind == "returned"
                    else f"`{name}` collects lookups, None for what is not found"
                )
                self._add(kind, definition.file, definition.function.qualname, node, text)
        return True

    def _field(self, attribute: str) -> None:
        """Where the attribute is set to None, or to the result of a lookup, anywhere in the repository."""
        checkout = self.place.file.checkout
        for file, function, node in lookup.stores(checkout, attribute):
            self._add("field", file, function, node, f"`{attribute}` becomes None here")
        if not self.steps or self.steps[-1].kind != "field":
            self._returned(attribute)

    def _add(self, kind: Kind, file: CodeFile, function: str, node: ast.AST, text: str) -> None:
        start = getattr(node, "lineno", 1)
        self.steps.append(Step(kind, file, function, start, getattr(node, "end_lineno", None) or start, text))


def _comprehension_source(function: FunctionNode, name: str, line: int) -> ast.expr | None:
    generators = [
        generator
        for node in ast.walk(function)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        for generator in node.generators
    ]
    return next((g.iter for g in generators if isinstance(g.target, ast.Name) and g.target.id == name), None)


def _reworks(value: ast.expr, name: str) -> bool:
    """``name = name.strip()``: the same value in another form; where it came from is further back."""
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value))


def _passed(call: ast.Call, parameters: list[str], name: str, *, is_method: bool) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    offset = 1 if is_method and parameters[:1] in (["self"], ["cls"]) else 0
    position = parameters.index(name) - offset
    if 0 <= position < len(call.args) and not any(
        isinstance(a, ast.Starred) for a in call.args[: position + 1]
    ):
        return call.args[position]
    return None


def _holds_lookup(node: ast.expr | None) -> bool:
    element = getattr(node, "elt", None) or getattr(node, "value", None)
    return isinstance(element, ast.Call) and lookup.is_lookup(element)
