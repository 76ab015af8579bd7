"""Bytes are read in another encoding than they were written in."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import ClassVar

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.crash_site import CrashSite, locate, quoted
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence
from autofix.explorer.agents.offline.python_code import literal, own_nodes
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import Splice, in_place_of, splice

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
UTF8 = frozenset({"", "utf-8", "utf8", "utf_8"})
WITH_MARK = "utf-8-sig"
CHANGING = frozenset("wax")  # modes in which a file is written


class WrongEncoding:
    """``path.read_text(encoding="utf-8")`` of a file that begins with a byte order mark, or that is written as Latin-1.

    Fires when the exception says that there is a mark (or the event shows it in front of the missing key) and the failing
    function opens one file as UTF-8; and when what cannot be decoded is written by this program, under the same name and in
    one other encoding.
    """

    name: ClassVar[str] = "wrong_encoding"
    summary: ClassVar[str] = "a file is read in another encoding than it was written in"
    before: ClassVar[str] = 'json.loads(path.read_text(encoding="utf-8"))'
    after: ClassVar[str] = 'json.loads(path.read_text(encoding="utf-8-sig"))'

    def matches(self, evidence: Evidence) -> Plan | None:
        """The encoding that it was written in."""
        site = locate(evidence, comprehensions=True, library=True)
        if site is None:
            return None
        if _has_mark(site):
            opened = [call for call in _readers(site.function.node) if _encoding(call) in UTF8]
            why = Finding("begins with a byte order mark", site.place.file, site.place.line, site.place.line)
            return self._plan(site, opened[0], WITH_MARK, why) if len(opened) == 1 else None
        if site.exception.type != "UnicodeDecodeError":
            return None
        opened = [call for call in _readers(site.function.node) if _encoding(call) is not None]
        written = _written(site, opened[0]) if len(opened) == 1 else {}
        if len(written) != 1 or _encoding(opened[0]) in written:
            return None
        ((encoding, finding),) = written.items()
        return self._plan(site, opened[0], encoding, finding)

    def _plan(self, site: CrashSite, call: ast.Call, encoding: str, why: Finding) -> Plan:
        given = next((k.value for k in call.keywords if k.arg == "encoding"), None)
        end = (call.end_lineno or call.lineno, (call.end_col_offset or 1) - 1)
        text = f'encoding="{encoding}"' if not (call.args or call.keywords) else f', encoding="{encoding}"'
        file = site.place.file
        return plan_at(
            self,
            site,
            call,
            title=f"Read it as {encoding} in `{site.function.qualname}`",
            cause=f"`{site.module.text(call)}` reads it as {_encoding(call) or 'the default encoding'}; it {why.text}",
            change=f'`encoding="{encoding}"`',
            findings=(why, Finding("is read here", file, call.lineno, call.end_lineno or call.lineno)),
            transform=splice(in_place_of(given, f'"{encoding}"') if given else Splice(end, end, text)),
        )


def _has_mark(site: CrashSite) -> bool:
    """Does the exception name a byte order mark, or the event show one in front of the key that is missing?"""
    if "utf-8-sig" in site.exception.value:
        return True
    key = quoted(r"^'(\w+)'$", site.exception.value) if site.exception.type == "KeyError" else ""
    rows = [value for value in site.known.values() if isinstance(value, dict)]
    return bool(key) and any(f"{mark}{key}" in row for row in rows for mark in (MARK, "\\ufeff"))


def _readers(root: ast.AST) -> list[ast.Call]:
    return [n for n in own_nodes(root) if isinstance(n, ast.Call) and _mode(n) == "r"]


def _mode(call: ast.Call) -> str:
    """``r`` or ``w`` for what opens a file as text; empty for anything else."""
    name = lookup.called_name(call)
    if name in ("read_text", "write_text"):
        return name[0]
    if name != "open" or (
        isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in sys.stdlib_module_names
    ):
        return ""  # `gzip.open` and others mean something else by it
    at = 1 if isinstance(call.func, ast.Name) else 0
    given = [k.value for k in call.keywords if k.arg == "mode"] or call.args[at : at + 1]
    known, mode = literal(given[0]) if given else (True, "r")
    if not known or not isinstance(mode, str) or "b" in mode:
        return ""
    return "w" if CHANGING & set(mode) else "r"


def _encoding(call: ast.Call) -> str | None:
    """The encoding that is asked for, empty for the default; None where it cannot be told."""
    given = [k.value for k in call.keywords if k.arg == "encoding"]
    known, value = literal(given[0]) if given else (True, "")
    return value.lower() if known and isinstance(value, str) else None


def _written(site: CrashSite, read: ast.Call) -> dict[str, Finding]:
    """The encodings in which the program writes the file of this name."""
    name = _file_name(read)
    found: dict[str, Finding] = {}
    for file, call in _writers(site) if name else ():
        encoding = _encoding(call)
        if (
            _file_name(call) == name
            and encoding is not None
            and (not name.startswith("self.") or _same_class(site, file, call))
        ):
            found.setdefault(
                encoding,
                Finding(
                    f"is written as {encoding or 'the default encoding'}", file, call.lineno, call.lineno
                ),
            )
    return found


def _same_class(site: CrashSite, file: CodeFile, call: ast.Call) -> bool:
    function = file.module.function_at(call.lineno) if file.module else None
    return function is not None and function.owner is not None and function.owner is site.function.owner


def _writers(site: CrashSite) -> Iterator[tuple[CodeFile, ast.Call]]:
    for word in ("write_text(", "open("):
        for file in lookup.files_with(site.place.file.checkout, word):
            for node in ast.walk(file.module.tree) if file.module else ():
                if isinstance(node, ast.Call) and _mode(node) == "w":
                    yield file, node


def _file_name(call: ast.Call) -> str:
    """What the file goes by: ``self.path`` of ``self.path.read_text()``; a plain local says nothing."""
    node = call.func.value if isinstance(call.func, ast.Attribute) else call.args[0] if call.args else None
    if node is None or (isinstance(node, ast.Name) and not node.id.isupper()):
        return ""
    return ast.unparse(node)
