"""A lookup may find nothing, and its result is used all the same."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from autofix.explorer.agents.offline import history, lookup
from autofix.explorer.agents.offline.crash_site import UNKNOWN, CrashSite, is_none, locate, quoted, returns
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import assignments, is_neutral, literal
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import insert_guard


@dataclass(frozen=True)
class _Guard:
    """``leave``: the statement that leaves the block (``return 0``, ``continue``). ``suspect``: the commit that removed it."""

    leave: str
    finding: Finding
    suspect: str = ""


class NoneAccess:
    """An attribute or item of a lookup's result, where the lookup found nothing.

    Fires when the same function already leaves with a neutral value where there is no key to look up, or when the commit
    that wrote the failing line took away the check of this very name.
    """

    name: ClassVar[str] = "none_access"
    summary: ClassVar[str] = "the result of a lookup is used without a check that it found something"
    before: ClassVar[str] = "if not code:\n    return 0\ncoupon = book.find(code)\nreturn coupon.percent"
    after: ClassVar[str] = (
        "if not code:\n    return 0\ncoupon = book.find(code)\nif coupon is None:\n    return 0\nreturn coupon.percent"
    )

    def matches(self, evidence: Evidence) -> Plan | None:
        """A guard right after the lookup."""
        site = locate(evidence)
        name = _none_name(site) if site else ""
        if site is None or not name or site.function.is_generator:
            return None
        bound = assignments(site.function, name)
        if len(bound) != 1 or bound[0][1] is None or name in site.function.parameters:
            return None
        assignment, value = bound[0]
        block = _common_block(site, assignment)
        if block is None or not isinstance(value, ast.Call):
            return None
        why = lookup.may_be_none(site.place.file.checkout, value)
        if not why:
            return None
        guard = _removed_guard(site, name) or _guard_of_the_key(site, block, assignment, value)
        if guard is None or (guard.leave == "continue" and not _in_loop(site, block)):
            return None
        file = site.place.file
        lookup_line = Finding(f"{why}", file, assignment.lineno, assignment.end_lineno or assignment.lineno)
        return plan_at(
            self,
            site,
            (assignment.lineno, site.place.line),
            title=f"Check that `{name}` was found in `{site.function.qualname}`",
            cause=f"`{name}` is None: {why}, and `{site.function.qualname}` uses it without a check",
            change=f"Right after the lookup: `if {name} is None: {guard.leave}`",
            findings=(lookup_line, guard.finding),
            transform=insert_guard(assignment, f"{name} is None", guard.leave, after=True),
            suspect=guard.suspect,
        )


def _none_name(site: CrashSite) -> str:
    """The one plain local on the failing line that was None."""
    attribute = quoted(r"^'NoneType' object has no attribute '(\w+)'", site.exception.value)
    subscripted = site.exception.value == "'NoneType' object is not subscriptable"
    used = [
        node.value
        for node in site.on_line()
        if (isinstance(node, ast.Attribute) and attribute == node.attr)
        or (isinstance(node, ast.Subscript) and subscripted)
    ]
    names = [node.id for node in used if isinstance(node, ast.Name)]
    others = len(used) > len(names)
    shown = {name for name in names if is_none(site.local(name))}
    if shown:
        return shown.pop() if len(shown) == 1 else ""
    unknown = {name for name in names if site.local(name) is UNKNOWN}
    return unknown.pop() if len(unknown) == 1 and not others else ""


def _common_block(site: CrashSite, assignment: ast.stmt) -> list[ast.stmt] | None:
    """The block that holds the lookup, and the failing statement after it (in it or nested below)."""
    for node in ast.walk(site.function.node):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if not isinstance(block, list) or assignment not in block:
                continue
            later = block[block.index(assignment) + 1 :]
            inside = any(
                statement is site.statement for later_one in later for statement in ast.walk(later_one)
            )
            return block if inside else None
    return None


def _in_loop(site: CrashSite, block: list[ast.stmt]) -> bool:
    return any(
        isinstance(n, ast.For | ast.AsyncFor | ast.While) and n.body is block
        for n in ast.walk(site.function.node)
    )


def _guard_of_the_key(
    site: CrashSite, block: list[ast.stmt], assignment: ast.stmt, value: ast.Call
) -> _Guard | None:
    """An earlier ``if not key: return <nothing>`` of the very key that is looked up: no such thing means the same.

    Only where the lookup is documented to find nothing at times, and never to skip: a loop that passes over what it does
    not know gives wrong results in silence.
    """
    if not lookup.is_documented_none(site.place.file.checkout, value):
        return None
    keys = {
        ast.unparse(argument) for argument in value.args if isinstance(argument, ast.Name | ast.Attribute)
    }
    for statement in block[: block.index(assignment)]:
        if not isinstance(statement, ast.If) or statement.orelse or len(statement.body) != 1:
            continue
        leave = _leaving(statement.body[0])
        if leave.startswith("return") and _tests_absence(statement.test) in keys:
            text = "the function already leaves like this where there is nothing to look up"
            return _Guard(
                leave,
                Finding(text, site.place.file, statement.lineno, statement.end_lineno or statement.lineno),
            )
    return None


def _tests_absence(test: ast.expr) -> str:
    """``key`` of ``not key`` or ``key is None``."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ast.unparse(test.operand)
    match test:
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return ast.unparse(left)
    return ""


def _leaving(statement: ast.stmt) -> str:
    """``return <neutral literal>`` or ``continue`` as text; empty for anything else."""
    if isinstance(statement, ast.Continue):
        return "continue"
    if isinstance(statement, ast.Return):
        known, value = literal(statement.value)
        if known and is_neutral(value):
            return ast.unparse(statement)
    return ""


def _removed_guard(site: CrashSite, name: str) -> _Guard | None:
    """The check of this name that the commit of the failing line took out, right beside that line."""
    file, line = site.place.file, site.place.line
    written = history.blame(file, line, line)
    for change in history.changes(file.checkout, written[0].sha, file.path) if written else []:
        if change.path != file.path or file.line(line).rstrip() not in change.beside:
            continue
        rows = [row.strip() for row in (*change.removed, *change.after[:1])]
        for test, leave in pairwise(rows):
            if not re.fullmatch(rf"if (not {name}|{name} is None):", test) or test in map(
                str.strip, change.added
            ):
                continue
            leaving = _leaving_text(leave)
            if leaving and _same_kind(site, leaving):
                text = f"commit {written[0].sha[:7]} wrote this line and took away `{test} {leaving}`"
                return _Guard(leaving, Finding(text, file, line, line), written[0].sha)
    return None


def _leaving_text(text: str) -> str:
    try:
        statements = ast.parse(f"def f():\n while 1:\n  {text}\n").body[0].body[0].body  # type: ignore[attr-defined]  # the shape that was just written
    except SyntaxError:
        return ""
    return _leaving(statements[0]) if len(statements) == 1 else ""


def _same_kind(site: CrashSite, leaving: str) -> bool:
    """The function did not begin to give another kind of result since: no bare value where it now gives collections."""
    displays = (ast.Tuple, ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    gives_collections = any(isinstance(given.value, displays) for given in returns(site.function))
    return leaving in ("continue", "return None", "return") or gives_collections == leaving.endswith(
        ("]", ")", "}")
    )
