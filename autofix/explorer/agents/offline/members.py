"""What a class or module offers by name, and how commits renamed it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.evidence import CodeFile, read
from autofix.explorer.agents.offline.history import Change
from autofix.explorer.agents.offline.lookup import ClassDefinition
from autofix.explorer.agents.offline.python_code import Module
from autofix.explorer.workspace import Checkout

MAX_BASES = 5
DYNAMIC = ("__getattr__", "__getattribute__", "__slots__")


def of_class(found: ClassDefinition) -> set[str] | None:
    """All that its instances have by name; None where that cannot be told: an unknown base, attributes made up on the fly."""
    names: set[str] = set()
    waiting, seen = [found], 0
    while waiting:
        definition, seen = waiting.pop(), seen + 1
        if seen > MAX_BASES:
            return None
        names |= set(_own(definition.node))
        for base in definition.node.bases:
            name = ast.unparse(base).rsplit(".", 1)[-1].split("[")[0]
            if name in (
                "object",
                "NamedTuple",
                "Protocol",
                "ABC",
                "Generic",
                "Enum",
                "Exception",
                "ValueError",
            ):
                continue
            parent = lookup.class_named(definition.file.checkout, name)
            if parent is None:
                return None
            waiting.append(parent)
    return None if names.intersection(DYNAMIC) else names


def _own(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(value=ast.Name(id="self"), attr=attr, ctx=ast.Store()):
                yield attr


def keywords_of_class(found: ClassDefinition) -> set[str] | None:
    """The keywords that making one takes: of ``__init__``, else of a dataclass's fields; None where that cannot be told."""
    for statement in found.node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            arguments = statement.args
            if arguments.kwarg:
                return None
            return {a.arg for a in (*arguments.args, *arguments.kwonlyargs)}
    if found.node.bases or not any("dataclass" in ast.unparse(d) for d in found.node.decorator_list):
        return None
    fields = [
        s.target.id
        for s in found.node.body
        if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
    ]
    return set(fields)


def of_module(module: Module) -> set[str]:
    """The names that a module defines or imports at its top."""
    names: set[str] = set()
    for statement in module.tree.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {(alias.asname or alias.name).split(".")[0] for alias in aliases}
    return names


def file_of_module(checkout: Checkout, dotted: str) -> CodeFile | None:
    """The one file of a module by its dotted name."""
    tail = dotted.replace(".", "/")
    ends = (f"{tail}.py", f"{tail}/__init__.py")
    found = [p for p in checkout.pinned.paths if p in ends or p.endswith(tuple(f"/{end}" for end in ends))]
    return read(checkout, found[0]) if len(found) == 1 else None


def dotted_name(path: str) -> str:
    """``shop.prices`` of ``shop/prices.py``; a leading ``src`` folder does not count."""
    parts = PurePosixPath(path).with_suffix("").parts
    parts = parts[1:] if parts[:1] == ("src",) else parts
    return ".".join(parts[:-1] if parts[-1:] == ("__init__",) else parts)


def renamed(changes: Sequence[Change], path: str, old: str) -> set[str]:
    """What the definition of ``old`` in this file was replaced by, in rows that differ in nothing but the name.

    Of a function or class its rename is enough: its body stayed. A field's counts where a use of it was renamed, too: else
    one thing was taken away, and another one added.
    """
    defined = re.compile(rf"\s*((async\s+)?def|class)\s+{old}\b")
    kept = re.compile(rf"\s*(self\.)?{old}\s*[:=]")
    pairs = [
        (row, new)
        for change in changes
        if change.path == path
        for row, was, new in replaced(change)
        if was == old
    ]
    uses = {
        new for change in changes for row, was, new in replaced(change) if was == old and not kept.match(row)
    }
    return {new for row, new in pairs if defined.match(row) or (kept.match(row) and new in uses)}


def replaced(change: Change) -> Iterator[tuple[str, str, str]]:
    """(old row, old word, new word) for each row that was replaced by one that differs in this word alone."""
    for row in change.removed:
        for new_row in change.added:
            olds, news = re.findall(r"\w+", row), re.findall(r"\w+", new_row)
            if len(olds) != len(news) or re.split(r"\w+", row) != re.split(r"\w+", new_row):
                continue
            apart = {(old, new) for old, new in zip(olds, news, strict=True) if old != new}
            if len(apart) == 1:
                yield row, *apart.pop()


def is_stored_anywhere(checkout: Checkout, name: str) -> bool:
    """Is the name defined, assigned or used as a parameter anywhere in the repository?"""
    pattern = rf"(def|class) +{name}\b|\b{name} *(:[^=]*)?=[^=]|^ *{name} *:|[(,] *{name} *[,)=]"
    return any(
        match.path.endswith(".py") and lookup.is_program(match.path)
        for match in checkout.pinned.search(pattern, regex=True, limit=5)
    )
