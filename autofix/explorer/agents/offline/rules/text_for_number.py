"""A text from outside is compared or added as if it were the number that it stands for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import ClassVar

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.crash_site import UNKNOWN, CrashSite, locate
from autofix.explorer.agents.offline.crash_state import value_of
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence
from autofix.explorer.agents.offline.python_code import Function, literal
from autofix.explorer.agents.offline.rules.base import Finding, Plan
from autofix.explorer.agents.offline.rules.editing import Splice, in_place_of, splice

MIXED = re.compile(
    r"not supported between instances of '(str|int|float)' and '(str|int|float)'"
    r"|unsupported operand type\(s\) for [-+*/%]+=?: '(str|int|float)' and '(str|int|float)'"
    r"|^can only concatenate str \(not \"(int|float)\"\) to str"
    r"|^'str' object cannot be interpreted as an integer"
)
NUMBER = re.compile(r"\s*[-+]?\d+(\.\d+)?\s*")
FROM_OUTSIDE = frozenset({"os.environ.get", "environ.get", "os.getenv", "getenv"})


class TextForNumber:
    """``attempt < retries``, where ``retries`` is what ``os.environ.get("RETRIES", 3)`` gave.

    Fires when the event shows a text of digits on the failing line, and the code shows which number it stands for: its
    default beside it is a number (environment variables, options of the command line), or every other place of the program
    that reads this key converts it in the same way.
    """

    name: ClassVar[str] = "text_for_number"
    summary: ClassVar[str] = "a text from outside is used as a number without a conversion"
    before: ClassVar[str] = 'RETRIES = os.environ.get("RETRIES", 3)'
    after: ClassVar[str] = 'RETRIES = int(os.environ.get("RETRIES", 3))'

    def matches(self, evidence: Evidence) -> Plan | None:
        """The conversion, where the text comes in."""
        site = locate(evidence, comprehensions=True)
        if site is None or site.exception.type != "TypeError" or not MIXED.search(site.exception.value):
            return None
        plans = [
            self._as_elsewhere(site, node)
            if isinstance(node, ast.Subscript)
            else self._at_its_source(site, node)
            for node in site.on_line()
            if isinstance(node, ast.Subscript | ast.Name | ast.Attribute)
            and _may_be_digits(site, node)
            and _is_beside_number(site, node)
        ]
        found = [plan for plan in plans if plan]
        return found[0] if len(found) == 1 else None

    def _at_its_source(self, site: CrashSite, node: ast.Name | ast.Attribute) -> Plan | None:
        name = node.id if isinstance(node, ast.Name) else node.attr
        sources = list(_sources(site, name))
        if len(sources) != 1:
            return None
        file, call, kind, edit = sources[0]
        function = file.module.function_at(call.lineno) if file.module else None
        finding = Finding(
            f"its default is a number, `{kind}`", file, call.lineno, call.end_lineno or call.lineno
        )
        return self._plan(
            site,
            ast.unparse(node),
            (file, function, call),
            f"`{kind}` makes a number of it where it comes in",
            finding,
            edit,
        )

    def _as_elsewhere(self, site: CrashSite, node: ast.Subscript) -> Plan | None:
        known, key = literal(node.slice)
        reads = list(_reads(site, key)) if known and isinstance(key, str) else []
        others = [
            (file, read, kind)
            for file, read, kind in reads
            if (read.lineno, file.path) != (node.lineno, site.place.file.path)
        ]
        kinds = {kind for _, _, kind in others}
        if len(kinds) != 1 or "" in kinds:
            return None
        kind, (file, read, _) = kinds.pop(), others[0]
        text = site.module.text(node)
        finding = Finding(f"elsewhere it is read as `{kind}(…)`", file, read.lineno, read.lineno)
        where = (site.place.file, site.function, node)
        return self._plan(
            site,
            text,
            where,
            f"`{kind}({text})`, as elsewhere",
            finding,
            in_place_of(node, f"{kind}({text})"),
        )

    def _plan(
        self,
        site: CrashSite,
        text: str,
        where: tuple[CodeFile, Function | None, ast.expr],
        change: str,
        finding: Finding,
        edit: Splice,
    ) -> Plan:
        file, function, node = where
        return Plan(
            rule=self.name,
            title=f"Make a number of `{text}`",
            file=file,
            function=function,
            start_line=node.lineno,
            end_line=node.end_lineno or node.lineno,
            cause=f"`{text}` is a text of digits, and `{site.function.qualname}` uses it as a number",
            change=change,
            findings=(
                finding,
                Finding("uses it as a number", site.place.file, site.place.line, site.place.line),
            ),
            transform=splice(edit),
        )


def _may_be_digits(site: CrashSite, node: ast.expr) -> bool:
    """Does the event show a text of digits, or nothing where it never does: names of the module, fields of an object?"""
    value = value_of(node, site.known)
    if value is UNKNOWN:
        return isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id not in site.known)
    return isinstance(value, str) and NUMBER.fullmatch(value) is not None


def _is_beside_number(site: CrashSite, node: ast.expr) -> bool:
    """Is it compared with, added to or taken together with something that is no text?"""
    for parent in ast.walk(site.statement):
        match parent:
            case ast.BinOp(left=left, right=right):
                sides = [left, right]
            case ast.Compare(left=left, comparators=comparators):
                sides = [left, *comparators]
            case ast.AugAssign(target=target, value=value):
                sides = [ast.Name(target.id) if isinstance(target, ast.Name) else target, value]
            case ast.Call(func=ast.Name(id="range" | "max" | "min"), args=arguments):
                sides = list(arguments)
            case _:
                continue
        if any(side is node for side in sides):
            return not any(_is_text(site, side) for side in sides if side is not node)
    return False


def _is_text(site: CrashSite, node: ast.expr) -> bool:
    texts = any(
        isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
        for n in (node, *_operands(node))
    )
    return texts or isinstance(value_of(node, site.known), str)


def _operands(node: ast.expr) -> list[ast.expr]:
    """What a sum is made of."""
    return (
        [node.left, node.right, *_operands(node.left), *_operands(node.right)]
        if isinstance(node, ast.BinOp)
        else []
    )


def _sources(site: CrashSite, name: str) -> Iterator[tuple[CodeFile, ast.Call, str, Splice]]:
    """Where the program takes a text from outside for this name, with a number as its default."""
    for file in lookup.files_with(site.place.file.checkout, _last_word(name)):
        for node in ast.walk(file.module.tree) if file.module else ():
            match node:
                case ast.Assign(targets=[target], value=ast.Call() as call) if _last(target) == name:
                    found = _environment(call)
                case ast.keyword(arg=arg, value=ast.Call() as call) if arg == name:
                    found = _environment(call)
                case ast.Call() as call if _option(call) == name:
                    found = _number(next((k.value for k in call.keywords if k.arg == "default"), None))
                    if found:
                        last = call.keywords[-1].value
                        at = (last.end_lineno or last.lineno, last.end_col_offset or 0)
                        yield file, call, found, Splice(at, at, f", type={found}")
                    continue
                case _:
                    continue
            if found:
                text = file.module.text(call) if file.module else ""
                yield file, call, found, in_place_of(call, f"{found}({text})")


def _environment(call: ast.Call) -> str:
    """``int`` of ``os.environ.get("X", 3)``."""
    return _number(call.args[1]) if ast.unparse(call.func) in FROM_OUTSIDE and len(call.args) == 2 else ""  # noqa: PLR2004 - name and default


def _option(call: ast.Call) -> str:
    """``max_size`` of ``add_argument("--max-size", …)`` without a type or action of its own."""
    if lookup.called_name(call) != "add_argument" or {k.arg for k in call.keywords} & {
        "type",
        "action",
        "dest",
        "nargs",
        None,
    }:
        return ""
    names = [literal(argument)[1] for argument in call.args]
    long = [name for name in names if isinstance(name, str) and name.startswith("--")]
    return long[0][2:].replace("-", "_") if long else ""


def _number(node: ast.expr | None) -> str:
    known, value = literal(node) if node is not None else (False, None)
    return type(value).__name__ if known and type(value) in (int, float) else ""


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _reads(site: CrashSite, key: str) -> Iterator[tuple[CodeFile, ast.Subscript, str]]:
    """Each read of this key in the program, with the conversion around it; empty for none."""
    for file in lookup.files_with(site.place.file.checkout, key):
        nodes = list(ast.walk(file.module.tree)) if file.module else []
        around = {
            id(n.args[0]): n.func.id for n in nodes
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in ("int", "float") and len(n.args) == 1
        }  # fmt: skip
        for node in nodes:
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.ctx, ast.Load)
                and literal(node.slice) == (True, key)
            ):
                yield file, node, around.get(id(node), "")


def _last_word(name: str) -> str:
    """``size`` of ``max_size``: an option is spelt ``--max-size``."""
    return name.rsplit("_", 1)[-1] or name
