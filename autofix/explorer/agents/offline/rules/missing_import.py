"""A module or name is used that the file does not import."""

from __future__ import annotations

import ast
import sys
from typing import ClassVar

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.crash_site import CrashSite, locate, quoted
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.members import of_module
from autofix.explorer.agents.offline.rules.base import Finding, Plan, plan_at
from autofix.explorer.agents.offline.rules.editing import Splice, splice


class MissingImport:
    """``json.loads(text)`` in a file that does not import ``json``, or a name that the other files import from one place.

    Fires for a module of the standard library that is used as one (``json.…``), and where every file of the program that
    imports the name does so by the same absolute line.
    """

    name: ClassVar[str] = "missing_import"
    summary: ClassVar[str] = "a name is used that the file does not import"
    before: ClassVar[str] = "return json.loads(text)"
    after: ClassVar[str] = "import json\n\nreturn json.loads(text)"

    def matches(self, evidence: Evidence) -> Plan | None:
        """The import, after the file's other ones."""
        site = locate(evidence)
        name = quoted(r"^name '(\w+)' is not defined", site.exception.value) if site else ""
        if site is None or not name or site.exception.type != "NameError" or name in of_module(site.module):
            return None
        finding, line = _standard(site, name) or _as_elsewhere(site, name) or (None, "")
        place = _after_imports(site.module.tree)
        if finding is None or place is None:
            return None
        path = site.place.file.path
        return plan_at(
            self,
            site,
            (site.place.line, site.place.line),
            title=f"Import `{name}` in {path}",
            cause=f"`{site.function.qualname}` uses `{name}`, which {path} does not import",
            change=f"Add `{line}` to its imports",
            findings=(finding,),
            transform=splice(Splice(place, place, f"{line}\n")),
        )


def _standard(site: CrashSite, name: str) -> tuple[Finding, str] | None:
    used = [
        n for n in site.on_line()
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == name
    ]  # fmt: skip
    if name not in sys.stdlib_module_names or not used:
        return None
    line = site.place.line
    why = f"`{ast.unparse(used[0])}` is of the standard library's module `{name}`"
    return Finding(why, site.place.file, line, line), f"import {name}"


def _as_elsewhere(site: CrashSite, name: str) -> tuple[Finding, str] | None:
    """The one line by which the program's other files import the name."""
    found: dict[str, Finding] = {}
    for match in lookup.imports_of(site.place.file.checkout, name):
        file, statement = match
        line = _alone(statement, name)
        if not line:
            return None
        found.setdefault(
            line, Finding(f"{file.path} imports it by `{line}`", file, statement.lineno, statement.lineno)
        )
    return next((finding, line) for line, finding in found.items()) if len(found) == 1 else None


def _alone(statement: ast.Import | ast.ImportFrom, name: str) -> str:
    """The import of this one name; empty where it is relative, and so means something else in another file."""
    alias = next(a for a in statement.names if (a.asname or a.name) == name)
    if isinstance(statement, ast.ImportFrom):
        return "" if statement.level else ast.unparse(ast.ImportFrom(statement.module, [alias], 0))
    return ast.unparse(ast.Import([alias]))


def _after_imports(tree: ast.Module) -> tuple[int, int] | None:
    """The start of the line after the file's last import at its top; None where it has none on a line of its own."""
    imports = [s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)]
    if not imports:
        documented = [
            s for s in tree.body[:1] if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)
        ]
        return ((documented[0].end_lineno or 1) + 1, 0) if documented else (1, 0)
    return ((imports[-1].end_lineno or 1) + 1, 0)
