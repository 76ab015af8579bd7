"""Finding definitions and calls by name in the repositories, at the pin."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from autofix.exceptions import WorkFailed
from autofix.explorer.agents.offline.evidence import CodeFile, read
from autofix.explorer.agents.offline.python_code import Function, own_nodes
from autofix.explorer.workspace import Checkout, Match

MAX_MATCHES = 200  # a name that is used more often than this tells nothing
NOT_THE_PROGRAM = frozenset({"tests", "test", "testing", "docs", "examples", "migrations"})


@dataclass(frozen=True)
class Definition:
    """A function or method, and where it is."""

    file: CodeFile
    function: Function


@dataclass(frozen=True)
class ClassDefinition:
    """A class, and where it is."""

    file: CodeFile
    node: ast.ClassDef


@dataclass(frozen=True)
class CallSite:
    """A call. ``function``: the function that it is in."""

    file: CodeFile
    call: ast.Call
    function: Function | None


def is_program(path: str) -> bool:
    """Is this a file of the program itself, not of its tests or documents?"""
    parts = PurePosixPath(path)
    return not NOT_THE_PROGRAM.intersection(parts.parts) and not parts.name.startswith(("test_", "conftest"))


def only_definition(checkout: Checkout, name: str) -> Definition | None:
    """The one function or method of this name; None when there are several or none."""
    starts = [m for m in _search(checkout, f"def {name}(") if m.path.endswith(".py") and is_program(m.path)]
    starts = [match for match in starts if re.match(rf"\s*(async\s+)?def {name}\(", match.text)]
    file = read(checkout, starts[0].path) if len(starts) == 1 else None
    if file is None or file.module is None:
        return None
    found = [function for function in file.module.functions if function.node.name == name]
    return Definition(file, found[0]) if len(found) == 1 else None


def class_named(checkout: Checkout, name: str) -> ClassDefinition | None:
    """The one class of this name; None when there are several or none."""
    found = [
        ClassDefinition(file, node)
        for file in _files(checkout, f"class {name}")
        if file.module
        for node in file.module.classes
        if node.name == name
    ]
    return found[0] if len(found) == 1 else None


def call_sites(checkout: Checkout, name: str) -> list[CallSite] | None:
    """Every call of a function of this name; None when it has other uses (passed on, aliased) or too many."""
    sites: list[CallSite] = []
    if len(_search(checkout, name)) >= MAX_MATCHES:
        return None
    for file in _files(checkout, name):
        if file.module is None:
            return None
        called = {id(node.func) for node in ast.walk(file.module.tree) if isinstance(node, ast.Call)}
        for node in ast.walk(file.module.tree):
            if isinstance(node, ast.Call) and called_name(node) == name:
                sites.append(CallSite(file, node, file.module.function_at(node.lineno)))
            elif _mentions(node, name) and id(node) not in called:
                return None
    return sites


def _mentions(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Name | ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and _last_name(node) == name
    )


def called_name(call: ast.Call) -> str:
    """``find`` of ``book.find(code)``; empty for anything but a name or an attribute."""
    return _last_name(call.func)


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _files(checkout: Checkout, text: str) -> Iterator[CodeFile]:
    for path in dict.fromkeys(match.path for match in _search(checkout, text)):
        if path.endswith(".py") and is_program(path):
            file = read(checkout, path)
            if file is not None:
                yield file


def _search(checkout: Checkout, text: str) -> list[Match]:
    try:
        return checkout.pinned.search(text, limit=MAX_MATCHES)
    except WorkFailed:
        return []


def stores(checkout: Checkout, attribute: str) -> list[tuple[CodeFile, str, ast.AST]]:
    """(file, function, node) of each place that stores None, or the result of a lookup, under this attribute or keyword."""
    found: list[tuple[CodeFile, str, ast.AST]] = []
    for file in _files(checkout, attribute):
        for node in ast.walk(file.module.tree) if file.module else ():
            values: list[ast.expr] = []
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Attribute) and t.attr == attribute for t in node.targets
            ):
                values = [node.value]
            elif isinstance(node, ast.Call):
                values = [k.value for k in node.keywords if k.arg == attribute]
            function = file.module.function_at(getattr(node, "lineno", 0)) if file.module and values else None
            found += [(file, function.qualname, value) for value in values if function and _gives_none(value)]
    return found


def _gives_none(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return value.value is None
    return isinstance(value, ast.Call) and is_lookup(value)


def may_be_none(checkout: Checkout, value: ast.expr) -> str:
    """Why this expression can be None: a sentence; empty when nothing shows that it can."""
    if not isinstance(value, ast.Call):
        return ""
    name = called_name(value)
    if is_lookup(value):
        return f"`{ast.unparse(value)}` is None where nothing is found"
    definition = only_definition(checkout, name) if name else None
    if definition is None or definition.function.is_generator:
        return ""
    for node in own_nodes(definition.function.node):
        if isinstance(node, ast.Return) and _none_result(definition.function, node):
            return f"`{name}` ({definition.file.path}:{node.lineno}) returns None where it finds nothing"
    return ""


def is_documented_none(checkout: Checkout, call: ast.Call) -> bool:
    """Is it said that this call may find nothing: by ``.get`` itself, by its annotation, or by its docstring?"""
    if is_lookup(call):
        return True
    definition = only_definition(checkout, called_name(call))
    if definition is None:
        return False
    node = definition.function.node
    docstring = ast.get_docstring(node) or ""
    return admits_none(node.returns) or re.search(r"\b(None|if|when|unless)\b", docstring) is not None


def _none_result(function: Function, node: ast.Return) -> bool:
    """Is this return the "found nothing" of a function that else gives something?"""
    match node.value:
        case None | ast.Constant(value=None):
            others = (n for n in own_nodes(function.node) if isinstance(n, ast.Return) and n is not node)
            return any(other.value is not None for other in others)
        case ast.IfExp(body=ast.Constant(value=None)) | ast.IfExp(orelse=ast.Constant(value=None)):
            return True
        case ast.Call() as call:
            return is_lookup(call)
    return False


def is_lookup(call: ast.Call) -> bool:
    """``mapping.get(key)``, ``re.match(…)``, ``next(…, None)``: calls of the language that give None for nothing."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "get":
        return len(call.args) == 1 and not call.keywords
    if (
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "re"
    ):
        return call.func.attr in ("match", "search", "fullmatch")
    if isinstance(call.func, ast.Name) and call.func.id == "next" and len(call.args) > 1:
        return isinstance(call.args[1], ast.Constant) and call.args[1].value is None
    return False


@dataclass(frozen=True)
class Field:
    """A field of a class that keeps what it is given."""

    file: CodeFile
    name: str
    node: ast.AnnAssign


def accepts_none(call_site: CallSite, value: ast.AST) -> str:
    """Why None may stand where ``value`` stands as an argument of the call: the class's field says so. Empty otherwise."""
    field = field_for(call_site, value)
    if field is None or not admits_none(field.node.annotation):
        return ""
    return f"the field `{field.name}: {ast.unparse(field.node.annotation)}` may be None"


def field_for(call_site: CallSite, value: ast.AST) -> Field | None:
    """The dataclass field that receives ``value``, itself a keyword argument of this call of a class (or of ``cls``)."""
    call, function = call_site.call, call_site.function
    keyword = next((k.arg for k in call.keywords if k.value is value and k.arg), None)
    if keyword is None or not isinstance(call.func, ast.Name):
        return None
    if call.func.id == "cls" and function is not None and function.owner is not None:
        found: ClassDefinition | None = ClassDefinition(call_site.file, function.owner)
    else:
        found = class_named(call_site.file.checkout, call.func.id)
    if found is None or not _is_record(found.node):
        return None
    for statement in found.node.body:
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.target.id == keyword
        ):
            return Field(found.file, keyword, statement)
    return None


def _is_record(node: ast.ClassDef) -> bool:
    """A dataclass without an ``__init__`` of its own: what is passed is what is kept."""
    marked = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
    named = any(ast.unparse(base).endswith(("NamedTuple", "BaseModel")) for base in node.bases)
    own_init = any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in node.body)
    return (marked or named) and not own_init


def admits_none(annotation: ast.expr | None) -> bool:
    """``X | None``, ``Optional[X]`` or ``None`` as an annotation (also quoted)."""
    if annotation is None:
        return False
    text = (
        annotation.value
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
        else ast.unparse(annotation)
    )
    return bool(re.search(r"(^|\|)\s*None\s*($|\|)|^(\w+\.)?Optional\[", text))


def imports_of(checkout: Checkout, name: str) -> list[tuple[CodeFile, ast.Import | ast.ImportFrom]]:
    """Every import of this name at the top of the program's files, with the file."""
    return [
        (file, node)
        for file in _files(checkout, name)
        for node in (file.module.tree.body if file.module else ())
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any((alias.asname or alias.name) == name for alias in node.names)
    ]


def files_with(checkout: Checkout, text: str) -> Iterator[CodeFile]:
    """The program's Python files that hold this text."""
    return _files(checkout, text)
