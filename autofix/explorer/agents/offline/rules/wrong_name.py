"""A name that is read but goes by another one: an attribute, a method, a keyword, a local or global, an import."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from autofix.explorer.agents.offline import history, lookup, members
from autofix.explorer.agents.offline.crash_site import CrashSite, locate, quoted
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence, Place
from autofix.explorer.agents.offline.python_code import own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan
from autofix.explorer.agents.offline.rules.editing import Splice, in_place_of, splice

ALIKE = 0.75  # difflib's ratio: what counts as a misspelling of one name
APART = 0.1  # how much less alike the next best name must be
ALIKE_WORDS = 0.6  # the same of the one word that differs
MIN_NAME = 4  # letters; shorter names are alike by chance
MAX_RENAMES = 10  # newest commits of a file that are asked for a rename


@dataclass(frozen=True)
class _Right:
    """The right name, why, and the commit that renamed it (empty for a misspelling)."""

    name: str
    why: str
    commit: str = ""


@dataclass(frozen=True)
class _Owner:
    """What should have the name, in words, and the file that defines it."""

    name: str
    file: CodeFile


class WrongName:
    """``task.last_ran`` where the class has ``last_run``; so with methods, keywords, variables and imported names.

    Fires when the wrong name is defined nowhere, and either one commit replaced its definition by one of the names that are
    there, or exactly one of those is spelt nearly alike.
    """

    name: ClassVar[str] = "wrong_name"
    summary: ClassVar[str] = "a name was renamed or is misspelt, and one reader of it was left behind"
    before: ClassVar[str] = "return task.last_ran"
    after: ClassVar[str] = "return task.last_run"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The right name in its place."""
        site = locate(evidence, comprehensions=True)
        if site is None:
            return _of_import(evidence)
        kind, message = site.exception.type, site.exception.value
        if kind == "AttributeError":
            return _of_attribute(site, message)
        if kind == "NameError":
            return _of_name(site, quoted(r"^name '(\w+)' is not defined", message))
        if kind == "TypeError":
            return _of_keyword(site, message)
        return None


def _of_attribute(site: CrashSite, message: str) -> Plan | None:
    owner = quoted(r"^(?:type object )?'([\w.]+)'(?: object)? has no attribute", message)
    wrong = quoted(r"has no attribute '(\w+)'", message)
    in_module = quoted(r"^(?:partially initialized )?module '([\w.]+)' has no attribute", message)
    if owner:
        found = lookup.class_named(site.place.file.checkout, owner.rsplit(".", 1)[-1])
        known = members.of_class(found) if found else None
        file, what = (found.file, f"`{owner}`") if found else (None, "")
    else:
        file = members.file_of_module(site.place.file.checkout, in_module) if in_module else None
        known = members.of_module(file.module) if file and file.module else None
        what = f"the module `{in_module}`"
    if known is None or file is None or not wrong:
        return None
    nodes = [
        n
        for n in site.on_line()
        if isinstance(n, ast.Attribute) and n.attr == wrong and isinstance(n.ctx, ast.Load)
    ]
    receivers = {ast.unparse(node.value) for node in nodes}
    right = _right_name(file, wrong, known) if len(receivers) == 1 else None
    if right is None:
        return None
    same = [
        n for n in own_nodes(site.function.node)
        if isinstance(n, ast.Attribute) and n.attr == wrong and ast.unparse(n.value) in receivers
    ]  # fmt: skip
    edits = [in_place_of(n, f"{site.module.text(n.value)}.{right.name}") for n in same]
    return _plan(site.place, wrong, right, _Owner(what, file), edits)


def _of_keyword(site: CrashSite, message: str) -> Plan | None:
    called, wrong = (
        quoted(r"^(?:[\w.<>]+\.)?(\w+)\(\) got an unexpected", message),
        quoted(r"keyword argument '(\w+)'", message),
    )
    made = quoted(r"^(?:[\w.<>]+\.)?(\w+)\.__init__\(\) got an unexpected", message)
    if not called or not wrong:
        return None
    name = made or called
    calls = [
        n for n in site.on_line()
        if isinstance(n, ast.Call) and lookup.called_name(n) == name and any(k.arg == wrong for k in n.keywords)
    ]  # fmt: skip
    checkout = site.place.file.checkout
    if made:
        of_class = lookup.class_named(checkout, made)
        known, file = (members.keywords_of_class(of_class), of_class.file) if of_class else (None, None)
    else:
        definition = lookup.only_definition(checkout, called)
        known, file = (set(definition.function.parameters), definition.file) if definition else (None, None)
    if len(calls) != 1 or known is None or file is None:
        return None
    given = {k.arg for k in calls[0].keywords if k.arg}
    right = _right_name(file, wrong, known - given - {"self", "cls"})
    keyword = next(k for k in calls[0].keywords if k.arg == wrong)
    if right is None:
        return None
    at = (keyword.lineno, keyword.col_offset)
    edit = Splice(at, (at[0], at[1] + len(wrong.encode())), right.name)
    return _plan(site.place, wrong, right, _Owner(f"`{name}`", file), [edit])


def _of_name(site: CrashSite, wrong: str) -> Plan | None:
    function = site.function
    local = {
        n.id for n in own_nodes(function.node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    known = (local & set(site.known)) | set(function.parameters) | members.of_module(site.module)
    right = _right_name(site.place.file, wrong, known) if wrong else None
    nodes = [n for n in own_nodes(function.node) if isinstance(n, ast.Name) and n.id == wrong]
    if right is None or any(not isinstance(n.ctx, ast.Load) for n in nodes):
        return None
    edits = [in_place_of(node, right.name) for node in nodes]
    return _plan(site.place, wrong, right, _Owner("this place", site.place.file), edits)


def _of_import(evidence: Evidence) -> Plan | None:
    """``from shop.prices import total`` where that module has no ``total``: the import and its uses in the file."""
    failing, raised = evidence.failing, evidence.exception
    if (
        failing is None
        or raised is None
        or raised.type != "ImportError"
        or not failing.matches
        or not failing.file.module
    ):
        return None
    wrong = quoted(r"^cannot import name '(\w+)' from '", raised.value)
    source = quoted(r"' from '([\w.]+)'", raised.value)
    statement = failing.file.module.statement_at(failing.line)
    target = members.file_of_module(failing.file.checkout, source) if source else None
    if not isinstance(statement, ast.ImportFrom) or target is None or target.module is None:
        return None
    alias = next((a for a in statement.names if a.name == wrong), None)
    right = _right_name(target, wrong, members.of_module(target.module))
    tree = failing.file.module.tree
    if (
        alias is None
        or right is None
        or any(isinstance(n, ast.Name) and n.id == right.name for n in ast.walk(tree))
    ):
        return None
    at = (alias.lineno, alias.col_offset)
    edits = [Splice(at, (at[0], at[1] + len(wrong.encode())), right.name)]
    if alias.asname is None:
        uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == wrong]
        if any(not isinstance(n.ctx, ast.Load) for n in uses) or re.search(
            rf"['\"]{wrong}['\"]", failing.file.source
        ):
            return None
        edits += [in_place_of(n, right.name) for n in uses]
    return _plan(failing, wrong, right, _Owner(f"`{source}`", target), edits)


def _plan(place: Place, wrong: str, right: _Right, owner: _Owner, edits: Iterable[Splice]) -> Plan:
    pattern = re.compile(rf"\b{right.name}\b")
    defined = next((n for n, text in enumerate(owner.file.lines, 1) if pattern.search(text)), 1)
    return Plan(
        rule=WrongName.name,
        title=f"Read `{right.name}` instead of `{wrong}` in `{place.function_name}`",
        file=place.file,
        function=place.function,
        start_line=place.line,
        end_line=place.line,
        cause=f"{owner.name} has no `{wrong}`: {right.why}",
        change=f"Read `{right.name}` instead of `{wrong}`",
        findings=(Finding(f"`{right.name}` is what is there", owner.file, defined, defined),),
        transform=splice(*edits),
        suspect=right.commit,
    )


def _right_name(file: CodeFile, wrong: str, known: set[str]) -> _Right | None:
    """The name among ``known`` that ``wrong`` was renamed to, or is a misspelling of; None where that is not certain."""
    if wrong in known:
        return None
    newest = history.log(
        file.checkout, file.path, limit=MAX_RENAMES
    )  # also where the new name holds the old one
    counted = history.log(file.checkout, file.path, containing=wrong, limit=5)
    for commit in dict.fromkeys([*newest, *counted]):
        renamed = members.renamed(history.changes(file.checkout, commit.sha), file.path, wrong) & known
        if len(renamed) == 1:
            name = renamed.pop()
            return _Right(name, f"commit {commit.sha[:7]} renamed it to `{name}`", commit.sha)
    plain = {name for name in known if not name.startswith("__") and len(name) >= MIN_NAME}
    alike = sorted(((_likeness(wrong, name), name) for name in plain), reverse=True)[:2]
    clear = (
        bool(alike) and alike[0][0] >= ALIKE and all(score <= alike[0][0] - APART for score, _ in alike[1:])
    )
    if len(wrong) < MIN_NAME or not clear or members.is_stored_anywhere(file.checkout, wrong):
        return None
    if _differs_in_meaning(wrong, alike[0][1]):
        return None
    name = alike[0][1]
    return _Right(name, f"`{name}` is spelt nearly alike, and no other name is")


def _likeness(one: str, two: str) -> float:
    return difflib.SequenceMatcher(None, one, two).ratio()


def _differs_in_meaning(wrong: str, right: str) -> bool:
    """``start`` and ``started_at``, ``min_size`` and ``max_size`` are two things, not two spellings of one."""
    one, two = wrong.lower().split("_"), right.lower().split("_")
    if wrong.removesuffix("s") == right.removesuffix("s"):
        return True  # one of them and many of them
    if len(one) != len(two):
        return sorted("".join(one)) != sorted("".join(two))
    apart = [(a, b) for a, b in zip(one, two, strict=True) if a != b]
    return len(apart) != 1 or _likeness(*apart[0]) < ALIKE_WORDS or apart[0] in OPPOSITES


OPPOSITES = frozenset(
    {
        ("min", "max"),
        ("max", "min"),
        ("first", "last"),
        ("last", "first"),
        ("before", "after"),
        ("start", "stop"),
    }
)
