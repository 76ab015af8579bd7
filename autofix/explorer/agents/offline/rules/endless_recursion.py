"""A walk along references that come back to where they began."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import ClassVar

from autofix.explorer.agents.offline import lookup, versions
from autofix.explorer.agents.offline.crash_site import UNKNOWN
from autofix.explorer.agents.offline.crash_state import shown
from autofix.explorer.agents.offline.evidence import Evidence, Place
from autofix.explorer.agents.offline.python_code import Function, own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan
from autofix.explorer.agents.offline.rules.editing import Splice, before_line, splice
from autofix.explorer.workspace import Commit

MEMORY = "above"
MIN_REPEATS = 3


@dataclass(frozen=True)
class _Walk:
    """``call``: the function's one call of itself; ``loop``: the loop whose ``item`` it passes on for ``parameter``."""

    call: ast.Call
    loop: ast.For
    item: str
    parameter: str


class EndlessRecursion:
    """A function that calls itself for each thing that one refers to, where things refer to each other.

    Fires when the frames show the same thing again and again, and the function kept in mind what it had met before a commit
    made it call itself. It then passes on what it came by, and skips that; anything without a circle goes as before.
    """

    name: ClassVar[str] = "endless_recursion"
    summary: ClassVar[str] = "a walk along references has no memory of where it came by"
    before: ClassVar[str] = (
        "def walk(terms, name):\n    for other in terms[name]:\n        walk(terms, other)"
    )
    after: ClassVar[str] = (
        "def walk(terms, name, above=()):\n    for other in terms[name]:\n        if other == name or other in above:\n"
        "            continue\n        walk(terms, other, above=(*above, name))"
    )

    def matches(self, evidence: Evidence) -> Plan | None:
        """A memory of the way."""
        if evidence.exception is None or evidence.exception.type != "RecursionError":
            return None
        place = _repeated(evidence)
        function = place.function if place else None
        walk = _walk(function) if function else None
        if (
            place is None
            or function is None
            or walk is None
            or not _comes_back(evidence, function, walk.parameter)
        ):
            return None
        commit = _had_memory(place, function)
        if commit is None or _uses(function, MEMORY):
            return None
        last = function.node.args.args[-1]
        end = (last.end_lineno or last.lineno, last.end_col_offset or 0)
        if function.node.args.defaults:
            default = function.node.args.defaults[-1]
            end = (default.end_lineno or default.lineno, default.end_col_offset or 0)
        inner = walk.call.args[-1] if not walk.call.keywords else walk.call.keywords[-1].value
        inside = (inner.end_lineno or inner.lineno, inner.end_col_offset or 0)
        node, file = function.node, place.file
        check = f"if {walk.item} == {walk.parameter} or {walk.item} in {MEMORY}:\n    continue"
        return Plan(
            rule=self.name,
            title=f"Let `{function.qualname}` skip what it came by",
            file=file,
            function=function,
            start_line=node.lineno,
            end_line=node.end_lineno or node.lineno,
            cause=f"`{function.qualname}` follows references that come back to where they began, and has no memory of its way",
            change=f"It passes on what it came by (`{MEMORY}`), and skips that",
            findings=(
                Finding(
                    f"until commit {commit.sha[:7]} it kept in mind what it had met",
                    file,
                    node.lineno,
                    node.lineno,
                ),
                Finding("calls itself for each", file, walk.call.lineno, walk.call.lineno),
            ),
            transform=splice(
                Splice(end, end, f", {MEMORY}=()"),
                before_line(walk.loop.body[0], check),
                Splice(inside, inside, f", {MEMORY}=(*{MEMORY}, {walk.parameter})"),
            ),
            suspect=commit.sha,
        )


def _repeated(evidence: Evidence) -> Place | None:
    """The place that makes up most of the innermost frames."""
    counted: dict[tuple[str, int], list[Place]] = {}
    for place in evidence.places:
        if place.matches:
            counted.setdefault((place.file.path, place.line), []).append(place)
    places = max(counted.values(), key=len, default=[])
    return places[-1] if len(places) >= MIN_REPEATS else None


def _walk(function: Function) -> _Walk | None:
    arguments = function.node.args
    if (
        arguments.vararg
        or arguments.kwarg
        or arguments.kwonlyargs
        or not arguments.args
        or function.is_generator
    ):
        return None
    calls = [
        n
        for n in own_nodes(function.node)
        if isinstance(n, ast.Call) and lookup.called_name(n) == function.node.name
    ]
    if len(calls) != 1 or any(isinstance(a, ast.Starred) for a in calls[0].args) or not calls[0].args:
        return None
    for loop in own_nodes(function.node):
        if (
            isinstance(loop, ast.For)
            and isinstance(loop.target, ast.Name)
            and any(n is calls[0] for n in ast.walk(loop))
        ):
            item = loop.target.id
            offset = 1 if function.owner is not None and function.parameters[:1] == ["self"] else 0
            at = [i for i, a in enumerate(calls[0].args) if isinstance(a, ast.Name) and a.id == item]
            if len(at) == 1 and not any(isinstance(n, ast.Break) for n in ast.walk(loop)):
                return _Walk(calls[0], loop, item, function.parameters[at[0] + offset])
    return None


def _comes_back(evidence: Evidence, function: Function, parameter: str) -> bool:
    """Do the frames show the same plain value for the parameter more than once?"""
    values = [
        shown(place.variables.get(parameter, UNKNOWN)) for place in evidence.places if place.function is function or (
            place.function is not None and place.function.qualname == function.qualname)
    ]  # fmt: skip
    plain = [value for value in values if isinstance(value, str | int)]
    return len(plain) >= MIN_REPEATS and len(set(plain)) < len(plain)


def _had_memory(place: Place, function: Function) -> Commit | None:
    """The commit before which the function asked whether it had met a thing."""
    for commit, _, old in versions.functions_before(place.file, function):
        for node in own_nodes(old.node):
            if (
                isinstance(node, ast.If)
                and isinstance(node.test, ast.Compare)
                and isinstance(node.test.ops[0], ast.NotIn | ast.In)
            ):
                box = ast.unparse(node.test.comparators[0])
                grows = any(
                    (isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in ("add", "append")
                     and ast.unparse(n.func.value) == box)
                    or (isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) and ast.unparse(n.value) == box)
                    for n in own_nodes(old.node)
                )  # fmt: skip
                if grows:
                    return commit
    return None


def _uses(function: Function, name: str) -> bool:
    return (
        any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(function.node))
        or name in function.parameters
    )
