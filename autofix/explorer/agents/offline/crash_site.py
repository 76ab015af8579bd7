"""The statement that raised, where a rule may edit: Python, at the pin as in the event, raised by this very line."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from autofix.explorer.agents.offline.evidence import Evidence, Place
from autofix.explorer.agents.offline.python_code import Function, Module, block_of, own_nodes
from autofix.hosts.types import ExceptionInfo


@dataclass(frozen=True)
class CrashSite:
    """The failing statement with what is around it. ``block``: the list of statements that it belongs to."""

    place: Place
    exception: ExceptionInfo
    module: Module
    function: Function
    statement: ast.stmt
    block: list[ast.stmt]

    @property
    def at_top(self) -> bool:
        """Is the statement in the function's own body, not in a loop, branch or handler?"""
        return self.block is self.function.node.body

    def on_line(self) -> list[ast.AST]:
        """The statement's nodes that lie on the failing line (all of them where the statement is a single expression)."""
        line = self.place.line
        return [
            node
            for node in ast.walk(self.statement)
            if isinstance(node, ast.expr) and node.lineno <= line <= (node.end_lineno or node.lineno)
        ]

    def local(self, name: str) -> object:
        """A local's value as the SDK wrote it (``repr`` text, list or object); :data:`UNKNOWN` when it was not sent."""
        return self.place.variables.get(name, UNKNOWN)


UNKNOWN = object()


def locate(evidence: Evidence) -> CrashSite | None:
    """The crash site, None where it is not one that a rule may reason about."""
    place, raised = evidence.failing, evidence.exception
    if place is None or raised is None or not place.matches or place.depth != len(raised.frames) - 1:
        return None
    module, function = place.file.module, place.function
    if module is None or function is None or function.node.name != _plain(place.frame.function):
        return None
    statement = module.statement_at(place.line)
    block = block_of(function.node, statement) if statement else None
    if statement is None or block is None:
        return None
    if any(isinstance(node, ast.Lambda) for node in ast.walk(statement)):
        return None  # the line may have run in another frame
    return CrashSite(place, raised, module, function, statement, block)


def _plain(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def quoted(pattern: str, text: str) -> str:
    """The first group of ``pattern`` in ``text``; empty when it is not there."""
    found = re.search(pattern, text)
    return found[1] if found else ""


def returns(function: Function) -> list[ast.Return]:
    """The function's own return statements."""
    return [node for node in own_nodes(function.node) if isinstance(node, ast.Return)]


def is_none(value: object) -> bool:
    """Did the SDK show None?"""
    return value is None or value == "None"


def is_empty(value: object) -> bool:
    """Did the SDK show an empty collection?"""
    return value in ([], {}, "[]", "()", "{}", "set()", "''", "deque([])")


def is_zero(value: object) -> bool:
    """Did the SDK show a zero?"""
    return value in (0, "0", "0.0", "-0.0", "Decimal('0')", "datetime.timedelta(0)")
