"""Commits that changed one place, while the failing line, which depends on it, was left as it was."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from autofix.explorer.agents.offline import history, lookup
from autofix.explorer.agents.offline.crash_site import quoted
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence
from autofix.explorer.agents.offline.python_code import own_nodes
from autofix.explorer.workspace import Commit


@dataclass(frozen=True)
class Suspect:
    """The commit, its repository, and the lines that it is suspected for."""

    commit: Commit
    file: CodeFile
    start_line: int
    end_line: int
    why: str


def blamed(file: CodeFile, start: int, end: int, why: str) -> Iterator[Suspect]:
    """The commit of most of these lines."""
    for commit in history.blame(file, start, end)[:1]:
        yield Suspect(commit, file, start, end, why)


def changed_signature(evidence: Evidence) -> Iterator[Suspect]:
    """A call that no longer fits: the commit that wrote the signature, when it is newer than the call."""
    failing, raised = evidence.failing, evidence.exception
    if failing is None or raised is None or raised.type != "TypeError":
        return
    name = quoted(r"^(?:[\w.<>]+\.)?(\w+)\(\) (?:missing|takes|got)", raised.value)
    definition = lookup.only_definition(failing.file.checkout, name) if name else None
    if definition is None:
        return
    line = definition.function.node.lineno
    signature = history.blame(definition.file, line, line)
    call = history.blame(failing.file, failing.line, failing.line)
    if signature and call and history.is_newer(failing.file.checkout, signature[0].sha, call[0].sha):
        yield Suspect(signature[0], definition.file, line, line, f"it changed what `{name}` takes")


def removed_words(evidence: Evidence) -> Iterator[Suspect]:
    """A name that is gone: the commit that took it out of other lines, when it is newer than the failing line.

    The missing key or attribute; where the program itself refuses a value, the values that its message quotes.
    """
    failing, raised = evidence.failing, evidence.exception
    if failing is None or raised is None or raised.value.startswith("'NoneType'"):
        return
    module = failing.file.module
    statement = module.statement_at(failing.line) if module else None
    words: list[str] = []
    if raised.type == "KeyError":
        words = [f'"{name}"' for name in re.findall(r"^['\"](\w+)['\"]$", raised.value)]
    elif raised.type == "AttributeError":
        words = re.findall(r"has no attribute '(\w+)'$", raised.value)
    elif isinstance(statement, ast.Raise):
        words = [f'"{name}"' for name in re.findall(r"'([\w-]{3,40})'", raised.value)[:3]]
    for word in words:
        for commit, path in history.taken_away(failing.file, failing.line, word):
            yield Suspect(commit, failing.file, failing.line, failing.line, f"it took {word} out of {path}")


def changed_producer(evidence: Evidence) -> Iterator[Suspect]:
    """Too many or too few values to unpack: the commit that wrote what the called function gives, when it is newer."""
    failing, raised = evidence.failing, evidence.exception
    if (
        failing is None
        or raised is None
        or not re.match(r"(too many|not enough) values to unpack", raised.value)
    ):
        return
    module = failing.file.module
    statement = module.statement_at(failing.line) if module else None
    calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)] if statement else []
    for name in dict.fromkeys(lookup.called_name(call) for call in calls):
        definition = lookup.only_definition(failing.file.checkout, name) if name else None
        for node in own_nodes(definition.function.node) if definition else ():
            if isinstance(node, ast.Return | ast.Yield) and definition:
                yield from _newer(evidence, definition.file, node, f"it changed what `{name}` gives")


def _newer(evidence: Evidence, file: CodeFile, node: ast.Return | ast.Yield, why: str) -> Iterator[Suspect]:
    failing = evidence.failing
    reader = history.blame(failing.file, failing.line, failing.line) if failing else []
    for found in blamed(file, node.lineno, node.end_lineno or node.lineno, why):
        if reader and history.is_newer(file.checkout, found.commit.sha, reader[0].sha):
            yield found


def opened(evidence: Evidence) -> Iterator[Suspect]:
    """What cannot be decoded: the commit that wrote how the file is opened that the failing line reads."""
    failing, raised = evidence.failing, evidence.exception
    function = failing.function if failing else None
    if failing is None or function is None or raised is None or raised.type != "UnicodeDecodeError":
        return
    for node in own_nodes(function.node):
        if isinstance(node, ast.With) and node.lineno < failing.line <= (node.end_lineno or node.lineno):
            for item in node.items:
                line = item.context_expr.lineno
                yield from blamed(failing.file, line, line, "it wrote how the file is opened")
