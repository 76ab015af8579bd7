"""What a function gives back for "nothing": said by its docstring, or allowed by every place that takes its result."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import pairwise

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.crash_site import CrashSite, returns
from autofix.explorer.agents.offline.python_code import Function, assignments, literal
from autofix.explorer.agents.offline.rules.base import Finding

VALUE = r"(None|0\.0|0|''|\"\"|\[\]|\{\}|\(\)|False)"
WHEN = r"(?:when|if|where) (?:the \w+|\w+) (?:is|are|has|have|was|were) (?:no\b|none|empty|blank|missing|nothing|zero|0\b)"
OTHERWISE = r"without|for (?:no\b|none|an? empty|an? blank|blank|empty|zero)|(?:when|if) (?:empty|blank|none)"
# "None when there are no runs", "0 without runs", "'' if it has none"
DOCUMENTED = re.compile(rf"`{{0,2}}{VALUE}`{{0,2}} (?:{WHEN}|{OTHERWISE})")
FOR_NOTHING = re.compile(
    rf"`{{0,2}}{VALUE}`{{0,2}} (?:when|if|where) (?:there|nothing|no|none|it|not)\b"
)  # "None if there is none"


@dataclass(frozen=True)
class EmptyResult:
    """``text``: the value as Python writes it. ``findings``: where that is said."""

    text: str
    findings: tuple[Finding, ...]


def empty_result(site: CrashSite, names: set[str]) -> EmptyResult | None:
    """What the crashing function should give where these names are empty or zero; None when the code does not say."""
    if site.function.is_generator or not site.at_top:
        return None
    return _documented(site, names) or _accepted(site) or _asked_for(site)


def _documented(site: CrashSite, names: set[str]) -> EmptyResult | None:
    node = site.function.node
    docstring = ast.get_docstring(node, clean=False) or ""
    said = list(DOCUMENTED.finditer(docstring))
    if len(said) != 1 or not _speaks_of(docstring[said[0].end(1) :], _with_sources(site, names)):
        return None
    value = said[0][1]
    wanted = literal(ast.parse(value, mode="eval").body)
    if any(literal(given.value) == wanted for given in returns(site.function)):
        return None  # that case is dealt with already; this one is another
    if value == "None" and node.returns is not None and not lookup.admits_none(node.returns):
        return None
    first = node.body[0]
    finding = Finding(
        f"its docstring says what it gives for nothing: {value}",
        site.place.file,
        first.lineno,
        first.end_lineno or first.lineno,
    )
    return EmptyResult(value, (finding,))


def _asked_for(site: CrashSite) -> EmptyResult | None:
    """None, when every caller asks right away whether it got None."""
    node = site.function.node
    if node.returns is not None and not lookup.admits_none(node.returns):
        return None
    if any(given.value is None or literal(given.value) == (True, None) for given in returns(site.function)):
        return None
    finding = checks_for_none(site)
    return EmptyResult("None", (finding,)) if finding else None


def documented_value(function: Function) -> str:
    """What the docstring says that the function gives for nothing; empty where it does not say."""
    docstring = ast.get_docstring(function.node, clean=False) or ""
    said = list(DOCUMENTED.finditer(docstring)) or list(FOR_NOTHING.finditer(docstring))
    return said[0][1] if len(said) == 1 else ""


def checks_for_none(site: CrashSite) -> Finding | None:
    """The one check for None right after a call of the function; None unless every caller has one."""
    name = site.function.node.name
    checkout = site.place.file.checkout
    if lookup.only_definition(checkout, name) is None:
        return None
    findings = [_asks(caller) for caller in lookup.call_sites(checkout, name) or []]
    return findings[0] if findings and all(findings) else None


def _asks(caller: lookup.CallSite) -> Finding | None:
    """``x = find(…)`` and then ``if x is None``, or ``if not x``."""
    for outer in ast.walk(caller.function.node) if caller.function else ():
        for block in (getattr(outer, "body", None), getattr(outer, "orelse", None)):
            for statement, following in pairwise(block) if isinstance(block, list) else ():
                match statement, following:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value), ast.If(test=test) if (
                        value is caller.call
                    ):
                        if ast.unparse(test) in (
                            f"{name} is None",
                            f"not {name}",
                            f"{name} is not None",
                            name,
                        ):
                            return Finding(
                                "its caller asks whether there is one", caller.file, test.lineno, test.lineno
                            )
    return None


def _with_sources(site: CrashSite, names: set[str]) -> set[str]:
    """The names, and those that they are made from: ``ordered = sorted(values)`` is empty where ``values`` is."""
    values = [value for name in names for _, value in assignments(site.function, name) if value is not None]
    return names | {node.id for value in values for node in ast.walk(value) if isinstance(node, ast.Name)}


def _speaks_of(phrase: str, names: set[str]) -> bool:
    """Is the phrase about one of these names, or about emptiness as such?"""
    words = re.findall(r"\w+", re.split(r"[.;\n]", phrase)[0].lower())[:8]
    stems = {name.lower().removesuffix("s") for name in names}
    return any(
        word.removesuffix("s") in stems or word in ("empty", "blank", "nothing", "none") for word in words
    )


def _accepted(site: CrashSite) -> EmptyResult | None:
    """None, when every call of the function stands where a field takes None."""
    node = site.function.node
    if node.returns is not None and not lookup.admits_none(node.returns):
        return None
    if any(given.value is None or literal(given.value) == (True, None) for given in returns(site.function)):
        return None
    checkout = site.place.file.checkout
    if lookup.only_definition(checkout, node.name) is None:
        return None
    sites = lookup.call_sites(checkout, node.name)
    if not sites:
        return None
    findings = []
    for call_site in sites:
        finding = _accepts(call_site)
        if finding is None:
            return None
        findings.append(finding)
    return EmptyResult("None", tuple(findings))


def _accepts(call_site: lookup.CallSite) -> Finding | None:
    if call_site.function is None:
        return None
    for outer in ast.walk(call_site.function.node):
        if isinstance(outer, ast.Call) and any(keyword.value is call_site.call for keyword in outer.keywords):
            why = lookup.accepts_none(
                lookup.CallSite(call_site.file, outer, call_site.function), call_site.call
            )
            if why:
                line = call_site.call.lineno
                return Finding(f"its result goes where None is allowed: {why}", call_site.file, line, line)
    return None
