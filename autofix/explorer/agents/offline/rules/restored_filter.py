"""A commit took away the condition on which things were collected."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from autofix.explorer.agents.offline import versions
from autofix.explorer.agents.offline.crash_site import UNKNOWN, CrashSite, locate
from autofix.explorer.agents.offline.crash_state import value_of
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import Function, own_nodes, stored_names
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import Splice, splice
from autofix.explorer.agents.offline.rules.safe_forms import known_names

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


@dataclass(frozen=True)
class _Filter:
    """``if test`` of a loop over ``source`` that collects ``given``; all but the test as text."""

    target: str
    source: str
    given: str
    test: ast.expr


class RestoredFilter:
    """``[int(cell) for cell in cells]``, which had ``if cell`` until a commit took that away.

    Fires for a comprehension whose earlier version, or the loop that it was written from, left out what the event shows to
    crash here; where the event does not show the thing, the condition must be against None, and the message about None.
    """

    name: ClassVar[str] = "restored_filter"
    summary: ClassVar[str] = "a commit took away the condition on which things are collected"
    before: ClassVar[str] = "return [int(cell) for cell in cells]"
    after: ClassVar[str] = "return [int(cell) for cell in cells if cell]"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The comprehension with its condition again."""
        site = locate(evidence, comprehensions=True, library=True)
        nodes = (
            [n for n in site.on_line() if isinstance(n, Comprehension) and len(n.generators) == 1]
            if site
            else []
        )
        if site is None or len(nodes) != 1:
            return None
        node = nodes[0]
        now = {ast.unparse(test) for test in node.generators[0].ifs}
        for commit, module, old in versions.functions_before(site.place.file, site.function):
            for former in _filters(old):
                if ast.unparse(former.test) not in now and _fits(site, node, former):
                    text, file = module.text(former.test), site.place.file
                    loop = node.generators[0].ifs[-1] if node.generators[0].ifs else node.generators[0].iter
                    at = (loop.end_lineno or loop.lineno, loop.end_col_offset or 0)
                    written = f" and {text}" if node.generators[0].ifs else f" if {text}"
                    return plan_at(
                        self,
                        site,
                        node,
                        title=f"Collect only where `{text}` in `{site.function.qualname}` again",
                        cause=f"`{site.function.qualname}` also takes what it left out until commit {commit.sha[:7]}: "
                        f"all where not `{text}`",
                        change=f"`if {text}` in the comprehension again",
                        findings=(
                            Finding(
                                f"had `if {text}` until commit {commit.sha[:7]}",
                                file,
                                node.lineno,
                                node.end_lineno or node.lineno,
                            ),
                        ),
                        transform=splice(Splice(at, at, written)),
                        suspect=commit.sha,
                    )
        return None


def _fits(site: CrashSite, node: Comprehension, former: _Filter) -> bool:
    """The same loop, and would the former condition have left out what crashed?"""
    generator = node.generators[0]
    if (ast.unparse(generator.target), ast.unparse(generator.iter)) != (former.target, former.source):
        return False
    if not {n.id for n in ast.walk(former.test) if isinstance(n, ast.Name)} <= known_names(
        site
    ) | stored_names(node):
        return False
    held = value_of(former.test, site.known)
    if held is not UNKNOWN:
        return not held and former.given == _given(node)
    about_none = isinstance(former.test, ast.Compare) and isinstance(former.test.ops[0], ast.IsNot)
    return about_none and "NoneType" in site.exception.value and former.given == _given(node)


def _given(node: Comprehension) -> str:
    """What is collected, as text."""
    return (
        f"{ast.unparse(node.key)}: {ast.unparse(node.value)}"
        if isinstance(node, ast.DictComp)
        else ast.unparse(node.elt)
    )


def _filters(old: Function) -> Iterator[_Filter]:
    for node in own_nodes(old.node):
        if isinstance(node, Comprehension) and len(node.generators) == 1:
            generator = node.generators[0]
            for test in generator.ifs:
                yield _Filter(ast.unparse(generator.target), ast.unparse(generator.iter), _given(node), test)
        elif isinstance(node, ast.For):
            yield from _of_loop(node)


def _of_loop(loop: ast.For) -> Iterator[_Filter]:
    """``for x in xs: if test: kept.append(f(x))``, or the same with ``if not test: continue``."""
    match loop.body:
        case [ast.If(test=test, body=[ast.Expr(value=call)], orelse=[])]:
            condition: ast.expr | None = test
        case [
            ast.If(test=ast.UnaryOp(op=ast.Not(), operand=test), body=[ast.Continue()], orelse=[]),
            ast.Expr(value=call),
        ]:
            condition = test
        case [
            ast.If(
                test=ast.Compare(left=left, ops=[ast.Is()], comparators=[none]),
                body=[ast.Continue()],
                orelse=[],
            ),
            ast.Expr(value=call),
        ]:
            condition = ast.Compare(left, [ast.IsNot()], [none])
        case _:
            return
    match call:
        case ast.Call(func=ast.Attribute(attr="append" | "add"), args=[given], keywords=[]) if (
            condition is not None
        ):
            yield _Filter(ast.unparse(loop.target), ast.unparse(loop.iter), ast.unparse(given), condition)
