"""Reading one Python file: which function a line is in, what a statement says, where a name gets its value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
MAX_SOURCE = 1_000_000  # characters; a longer file is generated, and not read
MAX_DEPTH = 200  # levels of the tree; what is deeper was written by no one, and would exhaust what walks it


@dataclass(frozen=True)
class Function:
    """A function or method: ``qualname`` as in ``Ticket.from_payload``, ``owner`` its class."""

    qualname: str
    node: FunctionNode
    owner: ast.ClassDef | None = None

    @property
    def parameters(self) -> list[str]:
        """The names of its positional and keyword parameters, in order."""
        arguments = self.node.args
        return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]

    @property
    def is_generator(self) -> bool:
        """Does it yield?"""
        return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(self.node))


@dataclass(frozen=True)
class Module:
    """A parsed file."""

    source: str
    tree: ast.Module
    functions: tuple[Function, ...]
    classes: tuple[ast.ClassDef, ...]

    def function_at(self, line: int) -> Function | None:
        """The innermost function that holds this line."""
        around = [f for f in self.functions if f.node.lineno <= line <= (f.node.end_lineno or f.node.lineno)]
        return max(around, key=lambda f: f.node.lineno, default=None)

    def statement_at(self, line: int) -> ast.stmt | None:
        """The innermost statement that holds this line."""
        around = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
        ]
        return max(around, key=lambda node: (node.lineno, -(node.end_lineno or 0)), default=None)

    def text(self, node: ast.AST) -> str:
        """The node's own text."""
        return ast.get_source_segment(self.source, node) or ast.unparse(node)


@lru_cache(maxsize=256)
def parse(source: str) -> Module | None:
    """The file, None when it is not Python that this interpreter can read."""
    if len(source) > MAX_SOURCE:
        return None
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if _depth(tree) > MAX_DEPTH:
        return None
    functions = tuple(_functions(tree, "", None))
    return Module(source, tree, functions, tuple(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)))


def _depth(tree: ast.AST) -> int:
    """How deep the tree is."""
    deepest, waiting = 0, [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return deepest


def _functions(node: ast.AST, prefix: str, owner: ast.ClassDef | None) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(prefix + child.name, child, owner)
            yield from _functions(child, f"{prefix}{child.name}.<locals>.", None)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.", child)
        else:
            yield from _functions(child, prefix, owner)


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below ``node`` without those of functions and classes nested in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, SCOPES):
            yield from own_nodes(child)


def body_of(function: Function) -> list[ast.stmt]:
    """The function's statements without its docstring."""
    body = function.node.body
    return body[1:] if ast.get_docstring(function.node, clean=False) is not None else body


def assignments(function: Function, name: str) -> list[tuple[ast.stmt, ast.expr | None]]:
    """Every statement of the function that binds ``name``, with the value; None where the value is only a part."""
    found = [
        (node, _value(node))
        for node in own_nodes(function.node)
        if isinstance(node, ast.stmt) and _rebinds(node, name)
    ]
    named = [n for n in ast.walk(function.node) if isinstance(n, ast.NamedExpr) and n.target.id == name]
    return found + [(ast.Expr(n.value, lineno=n.lineno, end_lineno=n.end_lineno), None) for n in named]


def _rebinds(node: ast.stmt, name: str) -> bool:
    """Does this one statement give the name another value, or make it one of another scope?"""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return any(_binds(target, name) for target in targets)
        case ast.AnnAssign(target=target, value=value):
            return value is not None and _binds(target, name)
        case ast.AugAssign(target=target) | ast.For(target=target) | ast.AsyncFor(target=target):
            return _binds(target, name)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any(item.optional_vars is not None and _binds(item.optional_vars, name) for item in items)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return name in names
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return any((alias.asname or alias.name) == name for alias in aliases)
    return isinstance(node, ast.Match | ast.Try | ast.TryStar) and _catches(node, name)


def _value(node: ast.stmt) -> ast.expr | None:
    if isinstance(node, ast.AnnAssign):
        return node.value
    plain = isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    return node.value if plain and isinstance(node, ast.Assign) else None


def _catches(node: ast.stmt, name: str) -> bool:
    return any(
        isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and part.name == name
        for part in own_nodes(node)
    )


def _binds(target: ast.AST, name: str) -> bool:
    if isinstance(target, ast.Name):
        return target.id == name
    if isinstance(target, ast.Tuple | ast.List):
        return any(_binds(element, name) for element in target.elts)
    return isinstance(target, ast.Starred) and _binds(target.value, name)


def stored_names(root: ast.AST) -> set[str]:
    """The names that are set below ``root``."""
    return {n.id for n in ast.walk(root) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def literal(node: ast.AST | None) -> tuple[bool, object]:
    """(True, value) for a literal, else (False, None). A missing return value is None."""
    if node is None:
        return True, None
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False, None


def is_neutral(value: object) -> bool:
    """A value that means "nothing there": None, False, zero, an empty text or collection."""
    return value is None or value is False or value in (0, 0.0, "") or value in ([], {}, ())


def block_of(root: ast.AST, statement: ast.stmt) -> list[ast.stmt] | None:
    """The list of statements that ``statement`` is a direct member of."""
    for node in ast.walk(root):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and any(member is statement for member in block):
                return block
    return None
