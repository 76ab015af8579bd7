"""A commit took away the ``except`` that dealt with this very exception."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from textwrap import dedent, indent
from typing import ClassVar

from autofix.explorer.agents.offline import history, versions
from autofix.explorer.agents.offline.crash_site import CrashSite, site_at
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import Function, Module, own_nodes, stored_names
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import in_lines_of, splice
from autofix.explorer.agents.offline.rules.safe_forms import known_names
from autofix.explorer.workspace import Commit

MAX_FRAMES = 8  # of the innermost ones that are asked for a handler that they had
TOO_BROAD = frozenset({"Exception", "BaseException"})
BASES = {
    "JSONDecodeError": "ValueError",
    "InvalidOperation": "ArithmeticError",
    "ParseError": "SyntaxError",
}  # of the standard library's exceptions that are no builtins


class RestoredHandler:
    """``try: … except ValueError: return None`` around the failing statement, until a commit took it away.

    Fires for the innermost function on the stack that dealt with this kind of exception around the very statements that it
    still has, or around one that gives the same target or result by the same calls. A handler of everything does not count.
    """

    name: ClassVar[str] = "restored_handler"
    summary: ClassVar[str] = "a commit took away the handler of this exception"
    before: ClassVar[str] = "return int(text)"
    after: ClassVar[str] = "try:\n    return int(text)\nexcept ValueError:\n    return None"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The statements in their former ``try`` again."""
        last = len(evidence.places) - 1
        for index in range(last, max(last - MAX_FRAMES, -1), -1):
            site = site_at(evidence, index, comprehensions=True)
            if site is None or _is_handled(site):
                continue
            for commit, module, old in versions.functions_before(site.place.file, site.function):
                for attempt in () if _moved(site, commit) else _attempts(old, site):
                    run = _same_run(site, attempt) or _same_kind(site, attempt)
                    if run:
                        return self._plan(site, run, attempt, commit, module)
        return None

    def _plan(
        self, site: CrashSite, run: list[ast.stmt], attempt: ast.Try, commit: Commit, module: Module
    ) -> Plan | None:
        file, first, last = site.place.file, run[0], run[-1].end_lineno or run[-1].lineno
        if any(_spans_lines(statement) for statement in run):
            return None
        caught = ", ".join(ast.unparse(h.type) for h in attempt.handlers if h.type)
        inside = "\n".join(file.lines[first.lineno - 1 : last])
        handlers = _text(module, attempt)
        step = _step(module, attempt)
        text = f"try:\n{indent(dedent(inside), step)}\n{handlers}"
        return plan_at(
            self,
            site,
            (first.lineno, last),
            title=f"Handle {caught} in `{site.function.qualname}` again",
            cause=f"`{site.function.qualname}` handled {caught} here until commit {commit.sha[:7]}, which took the handler away",
            change=f"`try` with `except {caught}` around it, as it was",
            findings=(
                Finding(
                    f"until commit {commit.sha[:7]} this stood in `try`, with `except {caught}`",
                    file,
                    first.lineno,
                    last,
                ),
            ),
            transform=splice(in_lines_of(file.lines, first, last, text)),
            suspect=commit.sha,
        )


def _moved(site: CrashSite, commit: Commit) -> bool:
    """Did the commit put a handler in elsewhere? Then this one was not lost, but belongs there now."""
    rows = [row for change in history.changes(site.place.file.checkout, commit.sha) for row in change.added]
    return any(row.lstrip().startswith("except ") for row in rows)


def _is_handled(site: CrashSite) -> bool:
    """Does the statement stand in a ``try`` now?"""
    return any(
        isinstance(node, ast.Try)
        and any(inner is site.statement for part in node.body for inner in ast.walk(part))
        for node in own_nodes(site.function.node)
    )


def _attempts(old: Function, site: CrashSite) -> Iterator[ast.Try]:
    for node in own_nodes(old.node):
        if not isinstance(node, ast.Try) or node.finalbody or node.orelse:
            continue
        if all(_deals_with_it(handler, site) for handler in node.handlers):
            yield node


def _deals_with_it(handler: ast.ExceptHandler, site: CrashSite) -> bool:
    """Is it for this exception, and can its code still run: does the module know all that it names?"""
    types = (
        handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    )
    caught = {ast.unparse(one).rsplit(".", 1)[-1] for one in types}
    if not caught & lineage(site.exception.type) or caught & TOO_BROAD:
        return False
    stored = stored_names(handler) | ({handler.name} if handler.name else set())
    used = {n.id for n in ast.walk(handler) if isinstance(n, ast.Name)}
    return used - stored <= known_names(site)


def lineage(kind: str) -> set[str]:
    """The exception's name, and those of its bases as far as the language knows them."""
    name = kind.rsplit(".", 1)[-1]
    known = getattr(builtins, BASES.get(name, name), None)
    is_type = isinstance(known, type) and issubclass(known, Exception)
    return {name} | (
        {base.__name__ for base in known.__mro__[:-3]} if is_type and known is not None else set()
    )


def _same_run(site: CrashSite, attempt: ast.Try) -> list[ast.stmt]:
    """The statements of the ``try``, where they stand side by side in the function now, the failing one among them."""
    wanted = [ast.unparse(statement) for statement in attempt.body]
    for start in range(len(site.block)):
        run = site.block[start : start + len(wanted)]
        if any(one is site.statement for one in run) and [ast.unparse(one) for one in run] == wanted:
            return run
    return []


def _same_kind(site: CrashSite, attempt: ast.Try) -> list[ast.stmt]:
    """The failing statement alone, where it does what the one in the ``try`` did: same target, same calls."""
    if len(attempt.body) != 1:
        return []
    former, now = attempt.body[0], site.statement
    match former, now:
        case ast.Return(), ast.Return():
            alike = True
        case ast.Assign(targets=before), ast.Assign(targets=after):
            alike = list(map(ast.unparse, before)) == list(map(ast.unparse, after))
        case _:
            alike = False
    return [now] if alike and _calls(former) and _calls(former) <= _calls(now) else []


def _calls(node: ast.AST) -> set[str]:
    return {ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}


def _spans_lines(statement: ast.stmt) -> bool:
    """Does it hold a text of several lines, which another indentation would change?"""
    return any(
        isinstance(n, ast.Constant | ast.JoinedStr) and n.lineno != n.end_lineno for n in ast.walk(statement)
    )


def _text(module: Module, attempt: ast.Try) -> str:
    """The handlers as they stood, without their indentation."""
    lines = module.source.split("\n")
    end = attempt.handlers[-1].end_lineno or attempt.handlers[-1].lineno
    return dedent("\n".join(lines[attempt.handlers[0].lineno - 1 : end]))


def _step(module: Module, attempt: ast.Try) -> str:
    """The file's own indentation of one level."""
    return " " * (attempt.body[0].col_offset - attempt.col_offset) if "\\t" not in module.source else "\\t"
