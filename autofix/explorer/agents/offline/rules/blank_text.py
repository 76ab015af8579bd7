"""A blank text is read as a number, a date or JSON, where blank may mean that there is none."""

from __future__ import annotations

import ast
from typing import ClassVar

from autofix.explorer.agents.offline import lookup, readers
from autofix.explorer.agents.offline.crash_site import CrashSite, locate
from autofix.explorer.agents.offline.crash_state import value_of
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import assignments, is_neutral, literal
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import Transform, in_place_of, insert_guard, splice
from autofix.explorer.agents.offline.rules.empty_results import empty_result

NUMBERS = frozenset({"int", "float", "Decimal", "decimal.Decimal"})
READERS = NUMBERS | {
    "date.fromisoformat", "datetime.fromisoformat", "time.fromisoformat", "datetime.date.fromisoformat",
    "datetime.datetime.fromisoformat", "datetime.strptime", "datetime.datetime.strptime", "json.loads", "UUID", "uuid.UUID",
}  # fmt: skip
FAILURES = frozenset({"ValueError", "TypeError", "InvalidOperation", "JSONDecodeError"})


class BlankText:
    """``date.fromisoformat(row["due"])`` of a row whose cell is blank, or None.

    Fires for conversions of the standard library when the event shows that the text was blank or None, and the code says
    what that means: the value goes into a field that may be None, or whose default is a zero; or the function's docstring,
    annotation and callers say what it gives for nothing. A text that is there and wrong is left alone.
    """

    name: ClassVar[str] = "blank_text"
    summary: ClassVar[str] = "a blank text is converted where it may be blank"
    before: ClassVar[str] = 'Task(due=date.fromisoformat(row["due"]))'
    after: ClassVar[str] = 'Task(due=date.fromisoformat(row["due"]) if row["due"] else None)'

    def matches(self, evidence: Evidence) -> Plan | None:
        """The conversion on a condition, or a guard before it."""
        site = locate(evidence, comprehensions=True, library=True)
        if site is None or site.exception.type.rsplit(".", 1)[-1] not in FAILURES:
            return None
        calls = [
            n for n in site.on_line() if isinstance(n, ast.Call) and ast.unparse(n.func) in READERS and n.args
        ]
        blank = [call for call in calls if _test(site, call.args[0])]
        if len(blank) != 1:
            return None
        return self._in_field(site, blank[0]) or self._guarded(site, blank[0])

    def _in_field(self, site: CrashSite, call: ast.Call) -> Plan | None:
        """The condition where the field takes None, or the field's own zero."""
        said = _field_default(site, call)
        if said is None:
            return None
        default, finding = said
        old: ast.expr
        text, argument = site.module.text(call), site.module.text(call.args[0])
        if default == "None":
            new, old = f"{text} if {_test(site, call.args[0])} else None", call
        elif ast.unparse(call.func) in NUMBERS and len(call.args) == 1:
            new, old = f"{argument} or {default}", call.args[0]
        else:
            return None
        return self._plan(
            site,
            call,
            f"`{new}` instead of `{site.module.text(old)}`",
            finding,
            default,
            splice(in_place_of(old, new)),
        )

    def _guarded(self, site: CrashSite, call: ast.Call) -> Plan | None:
        """A guard in a function that says what it gives for nothing."""
        argument = call.args[0]
        if not isinstance(argument, ast.Name) or len(call.args) + len(call.keywords) != 1 + _formats(call):
            return None
        bound = len(assignments(site.function, argument.id)) + (argument.id in site.function.parameters)
        result = empty_result(site, {argument.id}) if bound == 1 and not site.in_comprehension else None
        if result is None:
            return None
        test = _test(site, argument)
        absent = test.removesuffix(" is not None") + " is None" if test.endswith("None") else f"not {test}"
        change = f"Before it: `if {absent}: return {result.text}`"
        guard = insert_guard(site.statement, absent, f"return {result.text}", after=False)
        return self._plan(site, call, change, result.findings[0], result.text, guard)

    def _plan(
        self,
        site: CrashSite,
        call: ast.Call,
        change: str,
        finding: Finding,
        default: str,
        transform: Transform,
    ) -> Plan:
        argument = site.module.text(call.args[0])
        end = call.end_lineno or call.lineno
        state = "None" if value_of(call.args[0], site.known) is None else "blank"
        return plan_at(
            self,
            site,
            (call.lineno, end),
            title=f"Take {default} for a blank `{argument}` in `{site.function.qualname}`",
            cause=f"`{argument}` is {state}, and `{site.function.qualname}` converts it unasked",
            change=change,
            findings=(Finding("converts it unasked", site.place.file, call.lineno, end), finding),
            transform=transform,
        )


def _test(site: CrashSite, node: ast.expr) -> str:
    """The condition on which the text is there; empty where it was, or reading it twice might not be the same."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript) or any(
        isinstance(n, ast.Call) for n in ast.walk(node)
    ):
        return ""
    value, text = value_of(node, site.known), site.module.text(node)
    if value is None:
        return f"{text} is not None"
    if not isinstance(value, str) or value.strip():
        return ""
    return f"{text}.strip()" if value else text


def _formats(call: ast.Call) -> int:
    return int(ast.unparse(call.func).endswith("strptime"))


def _field_default(site: CrashSite, call: ast.Call) -> tuple[str, Finding] | None:
    """``None`` or a zero, where the keyword that takes the converted value belongs to a field that says so."""
    for outer in ast.walk(site.statement):
        if not isinstance(outer, ast.Call) or all(k.value is not call for k in outer.keywords):
            continue
        field = lookup.field_for(lookup.CallSite(site.place.file, outer, site.function), call)
        if field is None:
            return None
        known, value = literal(field.node.value) if field.node.value is not None else (False, None)
        line = field.node.lineno
        finding = Finding(
            f"`{ast.unparse(field.node)}`: the field may stay without a value", field.file, line, line
        )
        if lookup.admits_none(field.node.annotation) and (
            field.node.value is None or (known and value is None)
        ):
            return ("None", finding) if readers.cope_with_none(field.file.checkout, field.name) else None
        if known and type(value) in (int, float) and is_neutral(value) and field.node.value is not None:
            return ast.unparse(field.node.value), finding
    return None
