"""A duration, count or size that never was zero can be, since a commit took its floor away."""

from __future__ import annotations

import ast
import re
from typing import ClassVar

from autofix.explorer.agents.offline import lookup, versions
from autofix.explorer.agents.offline.crash_site import CrashSite, locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.lookup import Definition
from autofix.explorer.agents.offline.python_code import own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan
from autofix.explorer.agents.offline.rules.editing import in_place_of, splice
from autofix.explorer.agents.offline.rules.safe_forms import DIVISIONS, SafeForm, safe_forms
from autofix.explorer.workspace import Commit

UNIT = re.compile(r"(milliseconds|seconds|minutes|hours|days|weeks|bytes|kilobytes|megabytes)")


class RemovedFloor:
    """``size / run.seconds``, where ``seconds`` was ``max(end - start, 1)`` before.

    Fires when the divisor comes from a property or function that returns the very expression around which ``max(…, 1)``
    stood before a commit. The floor returns there; where that result is no number by now (a duration), at the division,
    provided that both count in the same unit.
    """

    name: ClassVar[str] = "removed_floor"
    summary: ClassVar[str] = "what is divided by can be zero since a commit took its floor away"
    before: ClassVar[str] = "return self.end - self.start"
    after: ClassVar[str] = "return max(self.end - self.start, 1)"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The floor, where it was or where it is divided."""
        site = locate(evidence)
        if site is None or site.exception.type != "ZeroDivisionError":
            return None
        divisors = [
            n.right for n in site.on_line() if isinstance(n, ast.BinOp) and isinstance(n.op, DIVISIONS)
        ]
        plans = [plan for divisor in divisors if (plan := self._of(site, divisor))]
        return plans[0] if len(plans) == 1 else None

    def _of(self, site: CrashSite, divisor: ast.expr) -> Plan | None:
        for name in _names(divisor):
            definition = lookup.only_definition(site.place.file.checkout, name)
            found = _lost_floor(definition) if definition else None
            if definition is not None and found is not None:
                return self._plan(site, divisor, definition, *found)
        return None

    def _plan(
        self, site: CrashSite, divisor: ast.expr, definition: Definition, given: ast.Return, form: SafeForm, commit: Commit,
        former: str,
    ) -> Plan | None:  # fmt: skip
        if given.value is None or not isinstance(form.whole, ast.Call):
            return None
        floor = ast.unparse(
            form.whole.args[1] if ast.unparse(form.whole.args[0]) == form.bare else form.whole.args[0]
        )
        direct = isinstance(divisor, ast.Attribute) or (
            isinstance(divisor, ast.Call) and not _is_converted(divisor, definition)
        )
        if direct and former == definition.function.qualname:
            file, function, node = definition.file, definition.function, given.value
        else:
            file, function, node = site.place.file, site.function, divisor
            if not _same_unit(former, ast.unparse(divisor)):
                return None
        text = file.module.text(node) if file.module else ast.unparse(node)
        new = f"max({text}, {floor})"
        return Plan(
            rule=self.name,
            title=f"Let `{ast.unparse(divisor)}` be at least {floor} in `{function.qualname}`",
            file=file,
            function=function,
            start_line=node.lineno,
            end_line=node.end_lineno or node.lineno,
            cause=f"`{ast.unparse(divisor)}` is zero; it was at least {floor} until commit {commit.sha[:7]}",
            change=f"`{new}` instead of `{text}`",
            findings=(
                Finding(
                    f"was `{ast.unparse(form.whole)}` until commit {commit.sha[:7]}",
                    definition.file,
                    given.lineno,
                    given.lineno,
                ),
            ),
            transform=splice(in_place_of(node, new)),
            suspect=commit.sha,
        )


def _names(divisor: ast.expr) -> list[str]:
    """The attributes and functions that make the divisor."""
    return [
        name for node in ast.walk(divisor)
        if (name := node.attr if isinstance(node, ast.Attribute) else "") or (name := _called(node))
    ]  # fmt: skip


def _called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _is_converted(divisor: ast.Call, definition: Definition) -> bool:
    """``run.elapsed.total_seconds()``: the result is turned into something else first."""
    return lookup.called_name(divisor) != definition.function.node.name


def _lost_floor(definition: Definition) -> tuple[ast.Return, SafeForm, Commit, str] | None:
    """The definition's one return, the ``max(…)`` that stood around it, the commit, and the function that it stood in."""
    given = [n for n in own_nodes(definition.function.node) if isinstance(n, ast.Return)]
    if len(given) != 1 or given[0].value is None:
        return None
    now = ast.unparse(given[0].value)
    owner = definition.function.qualname.rpartition(".")[0]
    for version in versions.before(definition.file):
        for function in version.module.functions:
            if function.qualname.rpartition(".")[0] != owner:
                continue
            for node in own_nodes(function.node):
                forms = (
                    list(safe_forms(node.value))
                    if isinstance(node, ast.Return) and node.value is not None
                    else []
                )
                for form in forms:
                    if form.kind == "clamp" and form.bare == now and ast.unparse(form.whole) != now:
                        return given[0], form, version.commit, function.qualname
    return None


def _same_unit(former: str, divisor: str) -> bool:
    """Do the name that the floor stood in and the divisor count in the same unit, as far as they name one?"""
    units = [UNIT.findall(text) for text in (former.lower(), divisor.lower())]
    return bool(units[0]) and units[0] == units[1]
