"""A key that is not always there is read as if it were."""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from typing import ClassVar

from autofix.explorer.agents.offline import history, lookup, members, readers
from autofix.explorer.agents.offline.crash_site import UNKNOWN, CrashSite, locate
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.python_code import is_neutral, literal
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import replace_expression

MAX_KEY = 500  # characters
ENOUGH_ROWS = 2  # in which a commit must have renamed a key, for it to be a rename


@dataclass(frozen=True)
class _Read:
    """``mapping["key"]["inner"]…``: the whole expression, the innermost subscript, and the keys from left to right."""

    whole: ast.Subscript
    mapping: ast.expr
    keys: tuple[str, ...]


class MissingKey:
    """``payload["plan"]["due"]`` where the payload has no plan.

    Fires when the value goes into a field that may be None (or has a default) and the same function reads other keys of
    the same mapping with ``.get``: keys of this mapping may be absent, and the receiver is ready for it.
    """

    name: ClassVar[str] = "missing_key"
    summary: ClassVar[str] = "an optional key of a mapping is read with [ ]"
    before: ClassVar[str] = 'Ticket(owner=raw.get("owner"), due=raw["plan"]["due"])'
    after: ClassVar[str] = 'Ticket(owner=raw.get("owner"), due=raw.get("plan", {}).get("due"))'

    def matches(self, evidence: Evidence) -> Plan | None:
        """Reading it with ``.get``."""
        site = locate(evidence, comprehensions=True)
        read = _failing_read(site) if site else None
        if site is None or read is None:
            return None
        if _has_other_name(site, read):
            return None
        default = _receiver_default(site, read)
        sibling = _sibling_get(site, read)
        if default is None or sibling is None or (len(read.keys) > 1 and default[0] != "None"):
            return None
        file, mapping = site.place.file, ast.unparse(read.mapping)
        new = _reading(mapping, read.keys, default[0])
        line = read.whole.lineno
        return plan_at(
            self,
            site,
            (line, read.whole.end_lineno or line),
            title=f"Read the optional key {read.keys[0]!r} with `.get` in `{site.function.qualname}`",
            cause=f"`{mapping}` need not have a key {read.keys[0]!r}, and `{site.function.qualname}` reads it unasked",
            change=f"Read it as the other optional keys are read: `{new}` instead of `{site.module.text(read.whole)}`",
            findings=(
                default[1],
                Finding(
                    "the same mapping's other optional keys are read with `.get`",
                    file,
                    sibling.lineno,
                    sibling.end_lineno or sibling.lineno,
                ),
            ),
            transform=replace_expression(read.whole, new),
        )


def _failing_read(site: CrashSite) -> _Read | None:
    """The one read on the failing line of the key that the exception names."""
    if site.exception.type != "KeyError":
        return None
    known, key = literal(_expression(site.exception.value))
    if not known or not isinstance(key, str):
        return None
    nodes = site.on_line()
    inner = [
        n
        for n in nodes
        if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Load) and literal(n.slice) == (True, key)
        and isinstance(n.value, ast.Name)
    ]  # fmt: skip
    missing = [n for n in inner if _lacks(site, n, key)]
    if len(missing) != 1 or len({ast.unparse(n) for n in inner}) != 1:
        return None
    whole, keys = missing[0], [key]
    while True:
        outer = next((n for n in nodes if isinstance(n, ast.Subscript) and n.value is whole), None)
        if outer is None:
            return _Read(whole, missing[0].value, tuple(keys))
        is_text, name = literal(outer.slice)
        if not is_text or not isinstance(name, str) or not isinstance(outer.ctx, ast.Load):
            return None
        whole = outer
        keys.append(name)


def _expression(text: str) -> ast.expr | None:
    if len(text) > MAX_KEY or "\n" in text:
        return ast.Name("unreadable")
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return ast.Name("unreadable")


def _lacks(site: CrashSite, node: ast.Subscript, key: str) -> bool:
    shown = site.local(node.value.id) if isinstance(node.value, ast.Name) else UNKNOWN
    return key not in shown if isinstance(shown, dict) else True


def _has_other_name(site: CrashSite, read: _Read) -> bool:
    """The key may be there under another name: a similar one is, or a newer commit took this one away elsewhere."""
    key = read.keys[0]
    shown = site.local(read.mapping.id) if isinstance(read.mapping, ast.Name) else UNKNOWN
    others = [other for other in shown if isinstance(other, str)] if isinstance(shown, dict) else []
    if difflib.get_close_matches(key, others, n=1) or any(key in other or other in key for other in others):
        return True
    return bool(history.taken_away(site.place.file, site.place.line, f'"{key}"'))


def _receiver_default(site: CrashSite, read: _Read) -> tuple[str, Finding] | None:
    """What the receiving field takes for "nothing", and where that is said; None where the receiver is not ready for it."""
    for call in ast.walk(site.statement):
        if not isinstance(call, ast.Call) or all(
            keyword.value is not read.whole for keyword in call.keywords
        ):
            continue
        field = lookup.field_for(lookup.CallSite(site.place.file, call, site.function), read.whole)
        if field is None:
            return None
        line = field.node.lineno
        finding = Finding(
            f"`{ast.unparse(field.node)}`: the field may stay without a value", field.file, line, line
        )
        known, value = literal(field.node.value) if field.node.value is not None else (False, None)
        if lookup.admits_none(field.node.annotation) and (
            field.node.value is None or (known and value is None)
        ):
            return ("None", finding) if readers.cope_with_none(field.file.checkout, field.name) else None
        if known and is_neutral(value) and field.node.value is not None:
            return ast.unparse(field.node.value), finding
    return None


def _sibling_get(site: CrashSite, read: _Read) -> ast.Call | None:
    """A ``.get("other"…)`` of the same mapping in the same function."""
    for node in ast.walk(site.function.node):
        if (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args
            and ast.unparse(node.func.value) == ast.unparse(read.mapping)
            and literal(node.args[0]) != (True, read.keys[0])
        ):  # fmt: skip
            return node
    return None


def _reading(mapping: str, keys: tuple[str, ...], default: str) -> str:
    quoted = [
        f'"{key}"' if '"' not in key and "\\" not in key and key.isprintable() else repr(key) for key in keys
    ]
    steps = [f".get({key}, {{}})" for key in quoted[:-1]]
    last = quoted[-1] if default == "None" else f"{quoted[-1]}, {default}"
    return f"{mapping}{''.join(steps)}.get({last})"


class RenamedKey:
    """``row["price"]`` where the rows hold ``net_price`` since a commit that renamed the key elsewhere, but not here.

    Fires when that commit changed the very same expression in another place, and the mapping holds the new key.
    """

    name: ClassVar[str] = "renamed_key"
    summary: ClassVar[str] = "a key was renamed, and one reader of it was left behind"
    before: ClassVar[str] = 'row["price"] * row["count"]'
    after: ClassVar[str] = 'row["net_price"] * row["count"]'

    def matches(self, evidence: Evidence) -> Plan | None:
        """Reading the key by its new name."""
        site = locate(evidence, comprehensions=True)
        read = _failing_read(site) if site else None
        if site is None or read is None or not isinstance(read.mapping, ast.Name):
            return None
        shown = site.local(read.mapping.id)
        if not isinstance(shown, dict):
            return None
        old = read.keys[0]
        subscript = next(
            n for n in ast.walk(read.whole) if isinstance(n, ast.Subscript) and n.value is read.mapping
        )
        context, keys = _context(site, subscript), [key for key in shown if isinstance(key, str)]
        found = (_rename(site, old, context, keys) if context else None) or _renamed_in_rows(site, old, keys)
        if found is None:
            return None
        new, commit = found
        written = f'{read.mapping.id}["{new}"]'
        return plan_at(
            self,
            site,
            subscript,
            title=f"Read {new!r} instead of {old!r} in `{site.function.qualname}`",
            cause=f"`{site.function.qualname}` still reads {old!r}, which commit {commit[:7]} renamed",
            change=f"Read {new!r}, as commit {commit[:7]} wrote it in the same expression elsewhere",
            findings=(
                Finding(
                    f"still reads {old!r}",
                    site.place.file,
                    subscript.lineno,
                    subscript.end_lineno or subscript.lineno,
                ),
            ),
            transform=replace_expression(subscript, written),
            suspect=commit,
        )


def _context(site: CrashSite, subscript: ast.Subscript) -> str:
    """The operation around the read, with the name of the mapping left open; empty where there is none to compare."""
    for node in ast.walk(site.statement):
        if isinstance(node, ast.BinOp) and (node.left is subscript or node.right is subscript):
            return ast.unparse(node)
    return ""


def _rename(site: CrashSite, old: str, context: str, keys: list[str]) -> tuple[str, str] | None:
    """(new key, commit): all commits that replaced ``old`` in the same expression agree on one key that is there now."""
    checkout = site.place.file.checkout
    found: dict[str, str] = {}
    for commit in history.log(checkout, containing=f'"{old}"', limit=10):
        for change in history.changes(checkout, commit.sha):
            gone = [row for row in change.removed if _same_text(context) in _same_text(row)]
            came = {
                key
                for key in keys
                for row in change.added
                if _same_text(_renamed(context, old, key)) in _same_text(row)
            }
            if gone and len(came) == 1:
                found.setdefault(came.pop(), commit.sha)
    return next(iter(found.items())) if len(found) == 1 else None


def _renamed_in_rows(site: CrashSite, old: str, keys: list[str]) -> tuple[str, str] | None:
    """(new key, commit): one commit replaced this word, and no other, by a key that is there now, in two rows or more."""
    for commit in history.log(site.place.file.checkout, containing=f'"{old}"', limit=5):
        changes = history.changes(site.place.file.checkout, commit.sha)
        rows = [(row, new) for change in changes for row, was, new in members.replaced(change) if was == old]
        names = {new for _, new in rows}
        if len(names) == 1 and len({row for row, _ in rows}) >= ENOUGH_ROWS and names <= set(keys):
            return names.pop(), commit.sha
    return None


def _renamed(context: str, old: str, new: str) -> str:
    return context.replace(f"['{old}']", f"['{new}']")


def _same_text(text: str) -> str:
    return text.replace('"', "'").replace(" ", "")
