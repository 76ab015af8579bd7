"""A call that no longer fits what the function takes."""

from __future__ import annotations

import ast
import re
from typing import ClassVar

from autofix.explorer.agents.offline import lookup, versions
from autofix.explorer.agents.offline.crash_site import CrashSite, locate, quoted
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.lookup import Definition
from autofix.explorer.agents.offline.python_code import Function, literal
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import Splice, splice
from autofix.explorer.workspace import Commit

MISSING = re.compile(r"\(\) missing 1 required (?:positional|keyword-only) argument: '(\w+)'")
ENOUGH_CALLS = 2  # that pass the same value, for it to be what everyone passes
TOO_MANY = re.compile(r"\(\) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+) (?:was|were) given")


class ChangedSignature:
    """A call that was left behind when a commit added a parameter, took one away, or made one keyword-only.

    Fires for a missing argument where the caller has a value under the parameter's very name (a parameter, or ``self``'s
    field that the other callers pass), or all other callers pass the same literal; for too many where the commit took away
    exactly one parameter, or put ``*`` before the one that is passed by position.
    """

    name: ClassVar[str] = "changed_signature"
    summary: ClassVar[str] = "a call was left behind when a function's parameters changed"
    before: ClassVar[str] = "return money(amount)"
    after: ClassVar[str] = "return money(amount, locale)"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The call as the function takes it now."""
        site = locate(evidence)
        if site is None or site.exception.type != "TypeError":
            return None
        name = quoted(r"^(?:[\w.<>]+\.)?(\w+)\(\) (?:missing|takes)", site.exception.value)
        definition = lookup.only_definition(site.place.file.checkout, name) if name else None
        calls = [n for n in site.on_line() if isinstance(n, ast.Call) and lookup.called_name(n) == name]
        if definition is None or len(calls) != 1 or any(isinstance(a, ast.Starred) for a in calls[0].args):
            return None
        changed = _changed(definition)
        if changed is None or any(k.arg is None for k in calls[0].keywords):
            return None
        commit, old = changed
        missing = MISSING.search(site.exception.value)
        if missing:
            edit = _added(site, calls[0], definition, old, missing[1])
        else:
            edit = _less(calls[0], definition, old) if TOO_MANY.search(site.exception.value) else None
        if edit is None:
            return None
        change, found, splices = edit
        signature = definition.function.node.lineno
        return plan_at(
            self,
            site,
            calls[0],
            title=f"Call `{name}` in `{site.function.qualname}` as it is defined now",
            cause=f"commit {commit.sha[:7]} changed what `{name}` takes, and this call was left behind",
            change=change,
            findings=(
                Finding(f"takes this since commit {commit.sha[:7]}", definition.file, signature, signature),
                found,
            ),
            transform=splice(*splices),
            suspect=commit.sha,
        )


Edit = tuple[str, Finding, list[Splice]]


def _changed(definition: Definition) -> tuple[Commit, Function] | None:
    """The newest commit that changed the parameters, and the function before it."""
    now = ast.unparse(definition.function.node.args)
    for commit, _, old in versions.functions_before(definition.file, definition.function):
        if ast.unparse(old.node.args) != now:
            return commit, old
    return None


def _added(
    site: CrashSite, call: ast.Call, definition: Definition, old: Function, parameter: str
) -> Edit | None:
    """The new parameter's value, where the caller has one under that name or all others pass the same literal."""
    if parameter in old.parameters:
        return None
    value, why = _own_value(site, parameter) or _of_others(site, call, definition, parameter) or ("", None)
    if why is None:
        return None
    positional = (
        len(call.args) == definition.function.parameters.index(parameter) - _bound(definition)
        and not call.keywords
    )
    text = value if positional else f"{parameter}={value}"
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    last = max(given, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0), default=None)
    if last is None:
        at = (call.end_lineno or call.lineno, (call.end_col_offset or 1) - 1)
    else:
        at, text = (last.end_lineno or last.lineno, last.end_col_offset or 0), f", {text}"
        if _enclosed(site, last):
            return None
    return f"Pass `{text.removeprefix(', ')}` to it", why, [Splice(at, at, text)]


def _enclosed(site: CrashSite, node: ast.expr) -> bool:
    """Does the argument end in a parenthesis of its own, so that its end is not where the next one would begin?"""
    line = (
        site.place.file.line(node.end_lineno or node.lineno)
        .encode()[node.end_col_offset or 0 :]
        .decode(errors="replace")
    )
    return line.lstrip()[:1] not in (")", ",") if line.strip() else False


def _own_value(site: CrashSite, parameter: str) -> tuple[str, Finding] | None:
    """The calling function's own parameter of this name."""
    function = site.function
    if parameter in function.parameters and parameter not in ("self", "cls"):
        line = function.node.lineno
        return parameter, Finding(
            f"`{function.qualname}` is given `{parameter}` itself", site.place.file, line, line
        )
    return None


def _of_others(
    site: CrashSite, call: ast.Call, definition: Definition, parameter: str
) -> tuple[str, Finding] | None:
    """The literal, or the own field, that every other caller passes."""
    passed: dict[str, Finding] = {}
    count = 0
    index = definition.function.parameters.index(parameter) - _bound(definition)
    for other in lookup.call_sites(site.place.file.checkout, definition.function.node.name) or []:
        if other.file.path == site.place.file.path and other.call.lineno == call.lineno:
            continue
        by_name = [k.value for k in other.call.keywords if k.arg == parameter]
        value = by_name[0] if by_name else other.call.args[index] if index < len(other.call.args) else None
        if value is None or not (literal(value)[0] or _own_field(site, other, value)):
            return None
        count += 1
        line = value.lineno
        passed.setdefault(
            ast.unparse(value),
            Finding(f"the other calls pass `{ast.unparse(value)}`", other.file, line, line),
        )
    if len(passed) != 1:
        return None
    ((text, finding),) = passed.items()
    return (text, finding) if count >= ENOUGH_CALLS or text in ("None", "True", "False") else None


def _own_field(site: CrashSite, other: lookup.CallSite, value: ast.expr) -> bool:
    """``self.locale`` in another method of the same class."""
    same = (
        other.function is not None
        and site.function.owner is not None
        and other.function.owner is site.function.owner
    )
    return (
        same
        and isinstance(value, ast.Attribute)
        and isinstance(value.value, ast.Name)
        and value.value.id == "self"
    )


def _less(call: ast.Call, definition: Definition, old: Function) -> Edit | None:
    """Without the argument of the one parameter that went, or with the name of the one that is keyword-only now."""
    function = definition.function
    line = function.node.lineno
    found = Finding("what it takes", definition.file, line, line)
    gone = [name for name in old.parameters if name not in function.parameters]
    rest = [name for name in old.parameters if name in function.parameters]
    named = [a.arg for a in function.node.args.kwonlyargs if a.arg in [o.arg for o in old.node.args.args]]
    if len(gone) == 1 and rest == function.parameters and not named:
        at = old.parameters.index(gone[0]) - _bound(definition)
        if not 0 < at < len(call.args) or any(
            isinstance(n, ast.Call | ast.NamedExpr) for n in ast.walk(call.args[at])
        ):
            return None
        before, argument = call.args[at - 1], call.args[at]
        start = (before.end_lineno or before.lineno, before.end_col_offset or 0)
        end = (argument.end_lineno or argument.lineno, argument.end_col_offset or 0)
        return (
            f"Leave `{ast.unparse(argument)}` out: `{gone[0]}` is no parameter any more",
            found,
            [Splice(start, end, "")],
        )
    if len(named) == 1 and not gone and not [n for n in function.parameters if n not in old.parameters]:
        at = old.parameters.index(named[0]) - _bound(definition)
        if at != len(call.args) - 1 or at < 0:
            return None
        start = (call.args[at].lineno, call.args[at].col_offset)
        return f"Pass `{named[0]}` by its name", found, [Splice(start, start, f"{named[0]}=")]
    return None


def _bound(definition: Definition) -> int:
    """1 where the first parameter is the object itself."""
    return int(
        definition.function.owner is not None and definition.function.parameters[:1] in (["self"], ["cls"])
    )
