"""A blank text is parsed as a number."""

from __future__ import annotations

import ast
import re
from typing import ClassVar

from autofix.explorer.agents.offline import lookup, versions
from autofix.explorer.agents.offline.crash_site import CrashSite, locate
from autofix.explorer.agents.offline.crash_state import value_of
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import literal
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import in_place_of, splice
from autofix.explorer.agents.offline.rules.safe_forms import safe_forms
from autofix.explorer.agents.offline.trace import trace

BLANK = re.compile(r"invalid literal for int\(\) with base 10: ''|could not convert string to float: ''")


class BlankNumber:
    """``int(cell)`` of an empty cell, in a function that took over from ``int(row["count"] or 0)``.

    Fires when a caller on the stack passes what it converted itself before, with a default for blanks, and every other
    caller that converted its value itself before had the same default.
    """

    name: ClassVar[str] = "blank_number"
    summary: ClassVar[str] = "a blank text is parsed as a number where blanks had a default"
    before: ClassVar[str] = "return int(cell)"
    after: ClassVar[str] = "return int(cell or 0)"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The default, where the text is converted now."""
        site = locate(evidence)
        if site is None or site.exception.type != "ValueError" or not BLANK.search(site.exception.value):
            return None
        call = _conversion(site)
        passed = next((step for step in trace(evidence) if step.kind == "argument"), None)
        if call is None or passed is None or not isinstance(call.func, ast.Name):
            return None
        defaults = _defaults(site, call.func.id)
        if len(defaults) != 1:
            return None
        ((default, (commit, finding)),) = defaults.items()
        argument = site.module.text(call.args[0])
        return plan_at(
            self,
            site,
            call,
            title=f"Take a blank for {default} in `{site.function.qualname}`",
            cause=f"`{argument}` is blank, and `{site.function.qualname}` has no answer for that; its callers had one before",
            change=f"`{argument} or {default}` instead of `{argument}`",
            findings=(
                finding,
                Finding("converts it without a default", site.place.file, call.lineno, call.lineno),
            ),
            transform=splice(in_place_of(call.args[0], f"{argument} or {default}")),
            suspect=commit,
        )


def _conversion(site: CrashSite) -> ast.Call | None:
    """The one ``int(name)`` or ``float(name)`` on the failing line, of a parameter that was blank."""
    calls = [
        node for node in site.on_line()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("int", "float")
        and len(node.args) == 1 and isinstance(node.args[0], ast.Name) and node.args[0].id in site.function.parameters
    ]  # fmt: skip
    if len(calls) != 1 or value_of(calls[0].args[0], site.known) != "":
        return None
    return calls[0]


def _defaults(site: CrashSite, conversion: str) -> dict[str, tuple[str, Finding]]:
    """The defaults for blanks that the callers had when they converted the same values themselves; "" for none."""
    found: dict[str, tuple[str, Finding]] = {}
    for caller in lookup.call_sites(site.place.file.checkout, site.function.node.name) or []:
        if caller.function is None or len(caller.call.args) != 1:
            return {}
        value = ast.unparse(caller.call.args[0])
        for commit, _, old in versions.functions_before(caller.file, caller.function):
            calls = [
                n
                for n in ast.walk(old.node)
                if isinstance(n, ast.Call) and ast.unparse(n.func) == conversion and n.args
            ]
            forms = [
                f for call in calls for f in safe_forms(call.args[0]) if f.kind == "or" and f.bare == value
            ]
            bare = any(ast.unparse(call.args[0]) == value for call in calls)
            if forms or bare:
                default = _default_text(forms[0].whole) if forms else ""
                line = caller.call.lineno
                text = f"until commit {commit.sha[:7]} this was `{conversion}({value} or {default})`"
                found.setdefault(default, (commit.sha, Finding(text, caller.file, line, line)))
                break
    return {} if "" in found else found


def _default_text(node: ast.expr) -> str:
    if not isinstance(node, ast.BoolOp) or not isinstance(literal(node.values[-1])[1], int | float):
        return ""
    return ast.unparse(node.values[-1])
