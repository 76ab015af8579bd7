"""A commit took away the check that kept the failing statement from being reached."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import ClassVar

from autofix.explorer.agents.offline import history, versions
from autofix.explorer.agents.offline.crash_site import UNKNOWN, CrashSite, locate
from autofix.explorer.agents.offline.crash_state import value_of
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import Function, Module, is_neutral, literal, own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import before_line, splice
from autofix.explorer.workspace import Commit


class RestoredGuard:
    """``if not lines: return 0`` before ``total / len(lines)``, until a commit took it away.

    Fires when an earlier version of the function left (``return`` of a literal, ``continue``, ``break``) on a condition that
    the event shows to hold, about a name on the failing line, and that the function no longer asks anywhere.
    """

    name: ClassVar[str] = "restored_guard"
    summary: ClassVar[str] = "a commit took away the check before the failing statement"
    before: ClassVar[str] = "return sum(lines) / len(lines)"
    after: ClassVar[str] = "if not lines:\n    return 0\nreturn sum(lines) / len(lines)"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The check as it was, right before the failing statement."""
        site = locate(evidence)
        if site is None or site.function.is_generator or isinstance(site.statement, ast.If | ast.While):
            return None
        for commit, module, old in versions.functions_before(site.place.file, site.function):
            for guard in _guards(old):
                if _applies(site, guard) and not _readers_changed(site, guard, commit):
                    return self._plan(site, guard, commit, module)
        return None

    def _plan(self, site: CrashSite, guard: ast.If, commit: Commit, module: Module) -> Plan:
        test, leave = module.text(guard.test), module.text(guard.body[0])
        file, line = site.place.file, site.place.line
        return plan_at(
            self,
            site,
            (site.statement.lineno, line),
            title=f"Put back the check `{test}` in `{site.function.qualname}`",
            cause=f"`{test}` holds here, and `{site.function.qualname}` no longer asks for it since commit {commit.sha[:7]}",
            change=f"Before it: `if {test}: {leave}`, as it was",
            findings=(
                Finding(
                    f"until commit {commit.sha[:7]}, `if {test}: {leave}` came before this", file, line, line
                ),
            ),
            transform=splice(before_line(site.statement, f"if {test}:\n    {leave}")),
            suspect=commit.sha,
        )


def _guards(old: Function) -> Iterator[ast.If]:
    for node in own_nodes(old.node):
        if isinstance(node, ast.If) and not node.orelse and len(node.body) == 1:
            leave = node.body[0]
            if isinstance(leave, ast.Continue | ast.Break) or (
                isinstance(leave, ast.Return) and _is_plain(leave)
            ):
                yield node


def _readers_changed(site: CrashSite, guard: ast.If, commit: Commit) -> bool:
    """Did the commit take checks for None away from who reads the result, too? Then nobody expects None any more."""
    leave = guard.body[0]
    if not isinstance(leave, ast.Return) or literal(leave.value) != (True, None):
        return False
    own = ast.unparse(guard.test)
    rows = [row for change in history.changes(site.place.file.checkout, commit.sha) for row in change.removed]
    return any(re.search(r"\bis (not )?None\b", row) and own not in row for row in rows)


def _is_plain(leave: ast.Return) -> bool:
    """The same in every version of the function: a literal, and not one that says that all is well."""
    known, value = literal(leave.value)
    return known and (is_neutral(value) or isinstance(value, str))


def _applies(site: CrashSite, guard: ast.If) -> bool:
    held = value_of(guard.test, site.known)
    if held is UNKNOWN or not held:
        return False
    asked = {
        ast.unparse(n.test)
        for n in ast.walk(site.function.node)
        if isinstance(n, ast.If | ast.IfExp | ast.While)
    }
    if ast.unparse(guard.test) in asked:
        return False
    on_line = {ast.unparse(node) for node in site.on_line()}
    about = {ast.unparse(n) for n in ast.walk(guard.test) if isinstance(n, ast.Name | ast.Attribute)}
    if not about & on_line:
        return False
    if isinstance(guard.body[0], ast.Return):
        return _gives_the_same_kind(site, guard.body[0])
    return any(
        isinstance(n, ast.For | ast.AsyncFor | ast.While) and n.body is site.block
        for n in own_nodes(site.function.node)
    )


def _gives_the_same_kind(site: CrashSite, leave: ast.Return) -> bool:
    """The function does not give another kind of result by now: a display where it now gives plain values, or the reverse."""
    given = [
        n.value for n in own_nodes(site.function.node) if isinstance(n, ast.Return) and n.value is not None
    ]
    known, value = literal(leave.value)
    if not known or value is None:
        return known and (value is not None or leave.value is None or bool(given))
    if not given:
        return False
    kinds = {type(literal(one)[1]) for one in given if literal(one)[0] and literal(one)[1] is not None}
    displays = (ast.Tuple, ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    shaped = any(isinstance(one, displays) for one in given)
    if shaped != isinstance(value, list | dict | tuple | set):
        return False
    same_length = all(
        not isinstance(one, ast.Tuple) or not isinstance(value, tuple) or len(one.elts) == len(value)
        for one in given
    )
    texts = any(isinstance(one, ast.JoinedStr) for one in given) or str in kinds
    return same_length and texts == isinstance(value, str)
