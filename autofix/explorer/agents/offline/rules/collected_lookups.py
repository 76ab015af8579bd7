"""A function collects what it looks up, and puts None in where nothing is found."""

from __future__ import annotations

import ast
from typing import ClassVar

from autofix.explorer.agents.offline import lookup, versions
from autofix.explorer.agents.offline.crash_site import locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import Function, Module, own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan
from autofix.explorer.agents.offline.rules.editing import in_place_of, splice
from autofix.explorer.agents.offline.trace import Step, trace

Comprehension = ast.ListComp | ast.GeneratorExp | ast.SetComp


class CollectedLookups:
    """``[people.get(id) for id in ids]``, whose reader expects people.

    Fires when the None that crashed was collected by this comprehension, and the same function left out what it did not
    find before a commit: its comprehension had a condition then.
    """

    name: ClassVar[str] = "collected_lookups"
    summary: ClassVar[str] = "lookups are collected together with the None of what was not found"
    before: ClassVar[str] = "return [people.get(id) for id in ids]"
    after: ClassVar[str] = "return [people[id] for id in ids if id in people]"

    def matches(self, evidence: Evidence) -> Plan | None:
        """Only what is found is collected."""
        site, raised = locate(evidence), evidence.exception
        if site is None or raised is None or "NoneType" not in raised.value:
            return None
        made = [step for step in trace(evidence) if step.kind == "collected"]
        if len(made) != 1 or made[0].file.module is None:
            return None
        step, module = made[0], made[0].file.module
        function = next((f for f in module.functions if f.qualname == step.function), None)
        found = _comprehension(function, step) if function else None
        if function is None or found is None:
            return None
        before = next((v for v in versions.functions_before(step.file, function) if _left_out(v[2])), None)
        if before is None or _left_out(function) or _is_paired(step, function):
            return None
        commit, text = before[0], module.text(found)
        new = _only_found(found, module)
        return Plan(
            rule=self.name,
            title=f"Collect only what is found in `{function.qualname}`",
            file=step.file,
            function=function,
            start_line=found.lineno,
            end_line=found.end_lineno or found.lineno,
            cause=f"`{function.qualname}` puts None into its result for what it does not find, and its readers expect none",
            change=f"Leave it out: `{new}`",
            findings=(
                Finding(
                    f"`{text}`; until commit {commit.sha[:7]} what was not found was left out",
                    step.file,
                    found.lineno,
                    found.end_lineno or found.lineno,
                ),
            ),
            transform=splice(in_place_of(found, new)),
            suspect=commit.sha,
        )


def _comprehension(function: Function, step: Step) -> Comprehension | None:
    """The comprehension of lookups on the step's lines: one loop, no condition."""
    for node in own_nodes(function.node):
        if (
            isinstance(node, Comprehension)
            and step.start_line <= node.lineno <= step.end_line
            and isinstance(node.elt, ast.Call)
            and lookup.is_lookup(node.elt)
            and len(node.generators) == 1
            and not node.generators[0].ifs
        ):
            return node
    return None


def _left_out(function: Function) -> bool:
    """Does the function collect on a condition: a comprehension with ``if``, or an ``append`` below one?"""
    for node in own_nodes(function.node):
        if isinstance(node, Comprehension) and any(generator.ifs for generator in node.generators):
            return True
        if isinstance(node, ast.If) and any(
            isinstance(n, ast.Call) and lookup.called_name(n) in ("append", "add") for n in ast.walk(node)
        ):
            return True
    return False


def _is_paired(step: Step, function: Function) -> bool:
    """Does a caller pair the result with something else, so that its length counts?"""
    callers = lookup.call_sites(step.file.checkout, function.node.name) or []
    nodes = [node for caller in callers if caller.function for node in ast.walk(caller.function.node)]
    return any(
        isinstance(node, ast.Call) and lookup.called_name(node) in ("zip", "enumerate") for node in nodes
    )


def _only_found(node: Comprehension, module: Module) -> str:
    """``[box[key] for key in keys if key in box]`` for a plain ``box.get(key)``, else with ``:=``."""
    text, generator, call = module.text, node.generators[0], node.elt
    loop = f"for {text(generator.target)} in {text(generator.iter)}"
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.args[0], ast.Name)
        and isinstance(call.func.value, ast.Name | ast.Attribute)
    ):
        box, key = text(call.func.value), text(call.args[0])
        inside = f"{box}[{key}] {loop} if {key} in {box}"
    else:
        inside = f"found {loop} if (found := {text(call)}) is not None"
    opening, closing = {ast.ListComp: ("[", "]"), ast.SetComp: ("{", "}")}.get(type(node), ("(", ")"))
    return f"{opening}{inside}{closing}"
