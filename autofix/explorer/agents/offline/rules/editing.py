"""Edits that keep every other character of the file: an inserted guard, a replaced expression (libcst)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from autofix.explorer.agents.offline.rules.base import Abstain

Transform = Callable[[str], str | Abstain]


def insert_guard(anchor: ast.stmt, test: str, leave: str, *, after: bool) -> Transform:
    """Put ``if <test>: <leave>`` on lines of its own right before or after the statement that begins where ``anchor`` does."""

    def transform(source: str) -> str | Abstain:
        return _apply(
            source,
            lambda module: _GuardInserter(
                module, anchor.lineno, f"if {test}:\n{{indent}}{leave}\n", after=after
            ),
        )

    return transform


def replace_expression(old: ast.expr, new: str) -> Transform:
    """Put the text ``new`` where the expression ``old`` stands."""

    def transform(source: str) -> str | Abstain:
        start = (old.lineno, _column(source, old.lineno, old.col_offset))
        end = (
            old.end_lineno or old.lineno,
            _column(source, old.end_lineno or old.lineno, old.end_col_offset or 0),
        )
        return _apply(source, lambda _module: _Replacer(start, end, new))

    return transform


@dataclass(frozen=True)
class Splice:
    """Put ``text`` where the source has what lies from (line, byte column) ``start`` to ``end``; lines count from 1.

    ``was``: the expression that must be there, as ``ast.unparse`` writes it; empty where it does not matter.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    text: str
    was: str = ""


def in_place_of(node: ast.expr, text: str) -> Splice:
    """The splice that replaces a node of the parsed source."""
    end = (node.end_lineno or node.lineno, node.end_col_offset or 0)
    return Splice((node.lineno, node.col_offset), end, text, ast.unparse(node))


def before_line(statement: ast.stmt, text: str) -> Splice:
    """The splice that puts ``text`` (lines without indentation) before a statement that begins its line."""
    column = statement.col_offset
    lines = "".join(f"{line}\n{' ' * column}" for line in text.splitlines())
    return Splice((statement.lineno, column), (statement.lineno, column), lines)


def in_lines_of(lines: Sequence[str], first: ast.stmt, last: int, text: str) -> Splice:
    """The splice that puts ``text`` (without indentation) in place of whole lines, from the statement to line ``last``."""
    column = first.col_offset
    rows = [f"{' ' * column}{row}" if row else row for row in text.splitlines()]
    return Splice((first.lineno, column), (last, len(lines[last - 1].encode())), "\n".join(rows).lstrip())


def splice(*splices: Splice) -> Transform:
    """Make all these replacements; every other character stays."""

    def transform(source: str) -> str | Abstain:
        if "\r" in source or "\f" in source or ("\t" in source and any("\n" in one.text for one in splices)):
            return Abstain("not_editable", "Lines end or are indented in a way that this edit does not keep.")
        lines = source.encode().split(b"\n")
        starts = [0, *accumulate(len(line) + 1 for line in lines)]
        content = source.encode()
        found = all(_is_there(content[_at(starts, s.start) : _at(starts, s.end)], s.was) for s in splices)
        spans = sorted((_at(starts, s.start), _at(starts, s.end), s.text) for s in splices)
        if not found or any(first[1] > second[0] for first, second in pairwise(spans)):
            return Abstain("place_not_found", "The places of the edit are not where they should be.")
        for start, end, text in reversed(spans):
            content = content[:start] + text.encode() + content[end:]
        return content.decode()

    return transform


def _at(starts: list[int], position: tuple[int, int]) -> int:
    return starts[position[0] - 1] + position[1]


def _is_there(content: bytes, was: str) -> bool:
    """Positions in f-strings are not right in every Python."""
    try:
        return not was or ast.unparse(ast.parse(f"({content.decode()})", mode="eval").body) == was
    except (SyntaxError, ValueError):
        return False


class _Edit(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)
    done = 0

    def range_of(self, node: cst.CSTNode) -> CodeRange:
        found = self.get_metadata(PositionProvider, node)
        assert isinstance(found, CodeRange)  # noqa: S101  # what PositionProvider is documented to give
        return found


class _GuardInserter(_Edit):
    def __init__(self, module: cst.Module, line: int, template: str, *, after: bool) -> None:
        super().__init__()
        self.line, self.after = line, after
        text = template.replace("{indent}", module.default_indent)
        self.guard = cst.parse_statement(text, config=module.config_for_parsing)

    def leave_IndentedBlock(  # noqa: N802 - libcst's name
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.BaseSuite:
        for index, statement in enumerate(original_node.body):
            if self.range_of(statement).start.line == self.line and not self.done:
                self.done += 1
                at = index + 1 if self.after else index
                body = [*updated_node.body[:at], self.guard, *updated_node.body[at:]]
                return updated_node.with_changes(body=body)
        return updated_node


class _Replacer(_Edit):
    def __init__(self, start: tuple[int, int], end: tuple[int, int], new: str) -> None:
        super().__init__()
        self.start, self.end = start, end
        self.new = cst.parse_expression(new)

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]  # narrower than libcst's union
        left = super().on_leave(original_node, updated_node)
        if isinstance(original_node, cst.BaseExpression):
            found = self.range_of(original_node)
            if (found.start.line, found.start.column) == self.start and (
                found.end.line,
                found.end.column,
            ) == self.end:
                self.done += 1
                return self.new
        return left  # type: ignore[return-value]  # an expression is never removed here


def _apply(source: str, make: Callable[[cst.Module], _Edit]) -> str | Abstain:
    try:
        wrapper = MetadataWrapper(cst.parse_module(source))
        edit = make(wrapper.module)
        edited = wrapper.visit(edit)
    except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError) as exc:
        return Abstain("not_editable", f"The file could not be read for editing: {type(exc).__name__}.")
    return (
        edited.code
        if edit.done == 1
        else Abstain("place_not_found", "The place of the edit was not found exactly once.")
    )


def _column(source: str, line: int, byte_offset: int) -> int:
    """Ast counts columns in UTF-8 bytes, libcst in characters."""
    return len(source.split("\n")[line - 1].encode()[:byte_offset].decode(errors="replace"))
