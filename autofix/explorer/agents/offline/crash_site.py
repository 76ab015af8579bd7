"""The statement that raised, where a rule may edit: Python, at the pin as in the event, raised by this very line."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from autofix.explorer.agents.offline.evidence import Evidence, Place, shown_path
from autofix.explorer.agents.offline.python_code import Function, Module, block_of, own_nodes
from autofix.hosts.types import ExceptionInfo, Frame


@dataclass(frozen=True)
class CrashSite:
    """The failing statement with what is around it. ``block``: the list of statements that it belongs to.

    ``known``: the locals that the SDK sent, those of a comprehension together with its function's.
    """

    place: Place
    exception: ExceptionInfo
    module: Module
    function: Function
    statement: ast.stmt
    block: list[ast.stmt]
    known: Mapping[str, object]

    @property
    def at_top(self) -> bool:
        """Is the statement in the function's own body, not in a loop, branch or handler?"""
        return self.block is self.function.node.body

    @property
    def in_comprehension(self) -> bool:
        """Did a comprehension's own frame fail?"""
        return _is_comprehension(self.place)

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
        return self.known.get(name, UNKNOWN)


UNKNOWN = object()
COMPREHENSIONS = frozenset(
    {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
)  # frames of their own before Python 3.12, generator expressions in every Python


def locate(
    evidence: Evidence, *, comprehensions: bool = False, library: bool = False, lambdas: bool = False
) -> CrashSite | None:
    """The crash site, None where it is not one that a rule may reason about.

    ``comprehensions``: the frame may be one of the statement's comprehensions; for rules that edit expressions, as a
    statement before this one would not know the comprehension's names. ``library``: the standard library may have raised,
    called from this line. ``lambdas``: the statement may hold one; for rules that do not mind whether it ran.
    """
    place, raised = evidence.failing, evidence.exception
    if place is None or raised is None:
        return None
    deeper = raised.frames[place.depth + 1 :]
    if deeper and not (library and all(map(_is_standard, deeper))):
        return None
    site = site_at(evidence, len(evidence.places) - 1, comprehensions=comprehensions)
    if site is None or (not lambdas and any(isinstance(n, ast.Lambda) for n in ast.walk(site.statement))):
        return None  # the line may have run in another frame
    return site


def site_at(evidence: Evidence, index: int, *, comprehensions: bool = False) -> CrashSite | None:
    """The statement that this one of the evidence's places is at, None where it cannot be told."""
    place, raised = evidence.places[index], evidence.exception
    module, function = place.file.module, place.function
    if raised is None or not place.matches or module is None or function is None:
        return None
    known: dict[str, object] = dict(place.variables)
    if comprehensions and _plain(place.frame.function) in COMPREHENSIONS:
        around = next((p for p in reversed(evidence.places[:index]) if not _is_comprehension(p)), None)
        if around is None or around.function is not function:
            return None
        known = {**around.variables, **known}
    elif function.node.name != _plain(place.frame.function):
        return None
    statement = module.statement_at(place.line)
    block = block_of(function.node, statement) if statement else None
    if statement is None or block is None:
        return None
    return CrashSite(place, raised, module, function, statement, block, known)


def _is_comprehension(place: Place) -> bool:
    return _plain(place.frame.function) in COMPREHENSIONS


def _is_standard(frame: Frame) -> bool:
    """Is the frame's code the standard library's?"""
    name = (frame.module or PurePosixPath(shown_path(frame)).stem).split(".")[0]
    return not frame.in_app and (name in sys.stdlib_module_names or shown_path(frame).startswith("<frozen "))


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
