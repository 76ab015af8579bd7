"""A commit took an argument out of the call that fails."""

from __future__ import annotations

import ast
import re
from typing import ClassVar

from autofix.explorer.agents.offline import versions
from autofix.explorer.agents.offline.crash_site import CrashSite, locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import Module, own_nodes, stored_names
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import Splice, in_place_of, splice
from autofix.explorer.agents.offline.rules.safe_forms import known_names
from autofix.explorer.workspace import Commit

ANSWERS = {
    "UnicodeDecodeError": ("encoding", "errors"),
    "UnicodeEncodeError": ("encoding", "errors"),
    "TypeError": ("key",),
    "ValueError": ("default",),
    "StopIteration": ("default",),
}  # which keywords answer for which exception
DEFAULTED = ("pop", "next", "getattr")  # calls whose last argument by position is their answer for nothing


class RestoredArgument:
    """``path.read_text()``, which had ``encoding="latin-1"`` until a commit took that away.

    Fires for the one call on the failing line that is the same as before but for an argument that answers for this very
    exception: an encoding or ``errors`` for undecodable bytes, ``key=`` for things that do not compare, a default.
    """

    name: ClassVar[str] = "restored_argument"
    summary: ClassVar[str] = "a commit took an argument away without which the call fails"
    before: ClassVar[str] = "return path.read_text()"
    after: ClassVar[str] = 'return path.read_text(encoding="latin-1")'

    def matches(self, evidence: Evidence) -> Plan | None:
        """The call with its argument again."""
        site = locate(evidence, comprehensions=True, library=True, lambdas=True)
        if site is None:
            return None
        calls = [n for n in site.on_line() if isinstance(n, ast.Call)]
        for commit, module, old in versions.functions_before(site.place.file, site.function):
            formers = [n for n in own_nodes(old.node) if isinstance(n, ast.Call)]
            found = [(call, lost) for call in calls for was in formers if (lost := _lost(site, call, was))]
            if found:
                return self._plan(site, *found[0], commit, module) if len(found) == 1 else None
        return None

    def _plan(
        self, site: CrashSite, call: ast.Call, lost: ast.keyword | ast.expr, commit: Commit, module: Module
    ) -> Plan | None:
        value = lost.value if isinstance(lost, ast.keyword) else lost
        known = known_names(site) | stored_names(value) | _parameters(value)
        if not {n.id for n in ast.walk(value) if isinstance(n, ast.Name)} <= known:
            return None
        text = f"{lost.arg}={module.text(value)}" if isinstance(lost, ast.keyword) else module.text(value)
        now = next((k for k in call.keywords if isinstance(lost, ast.keyword) and k.arg == lost.arg), None)
        edit = in_place_of(now.value, module.text(value)) if now else _appended(call, text)
        file, end = site.place.file, call.end_lineno or call.lineno
        return plan_at(
            self,
            site,
            (call.lineno, end),
            title=f"Pass `{text}` in `{site.function.qualname}` again",
            cause=f"`{site.module.text(call)}` fails without `{text}`, which commit {commit.sha[:7]} took out of the call",
            change=f"Pass `{text}` to it again",
            findings=(Finding(f"had `{text}` until commit {commit.sha[:7]}", file, call.lineno, end),),
            transform=splice(edit),
            suspect=commit.sha,
        )


def _appended(call: ast.Call, text: str) -> Splice:
    """Before the closing parenthesis; in a call over several lines, which may end in a comma, behind the last argument."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not given or call.lineno == call.end_lineno:
        end = (call.end_lineno or call.lineno, (call.end_col_offset or 1) - 1)
        return Splice(end, end, f", {text}" if given else text)
    last = max(given, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0))
    at = (last.end_lineno or last.lineno, last.end_col_offset or 0)
    return Splice(at, at, f", {text}")


def _parameters(node: ast.AST) -> set[str]:
    """Those of its lambdas."""
    return {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}


def _lost(site: CrashSite, call: ast.Call, was: ast.Call) -> ast.keyword | ast.expr | None:
    """The one argument that ``was`` has and ``call`` has not, if it answers for the exception."""
    if ast.unparse(call.func) != ast.unparse(was.func):
        return None
    given, former = list(map(ast.unparse, call.args)), list(map(ast.unparse, was.args))
    names, former_names = ({k.arg: ast.unparse(k.value) for k in one.keywords} for one in (call, was))
    kind, message = site.exception.type, site.exception.value
    if given == former:
        apart = [k for k in was.keywords if names.get(k.arg) != former_names[k.arg]]
        if (
            len(apart) != 1
            or not names.items() - {(apart[0].arg, names.get(apart[0].arg))} <= former_names.items()
        ):
            return None
        answers = apart[0].arg in ANSWERS.get(kind, ()) and (
            kind != "TypeError" or "not supported between" in message
        )
        sorted_none = "NoneType" in message and re.search(r"\bNone\b|\bor\b", former_names[apart[0].arg])
        return apart[0] if answers and (apart[0].arg not in names or sorted_none) else None
    if names == former_names and given == former[:-1]:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        answers = name in DEFAULTED and kind in ("KeyError", "StopIteration", "AttributeError")
        decodes = name in ("decode", "encode", "read_text") and kind.startswith("Unicode")
        return was.args[-1] if answers or decodes else None
    return None
