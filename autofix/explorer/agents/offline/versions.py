"""What a function was before: its earlier texts, newest first, each with the commit that ended it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autofix.exceptions import WorkFailed
from autofix.explorer.agents.offline import history, python_code
from autofix.explorer.agents.offline.evidence import CodeFile
from autofix.explorer.agents.offline.python_code import Function, Module
from autofix.explorer.workspace import Commit

MAX_VERSIONS = 15  # commits of one file that are looked through


@dataclass(frozen=True)
class Version:
    """A file as it was before ``commit``."""

    commit: Commit
    module: Module

    def function(self, qualname: str) -> Function | None:
        """The function of this name in it."""
        return next((found for found in self.module.functions if found.qualname == qualname), None)


def before(file: CodeFile) -> Iterator[Version]:
    """The file's earlier versions that can be read as Python."""
    for commit in history.log(file.checkout, file.path, limit=MAX_VERSIONS):
        module = _module(file, commit.sha)
        if module is not None:
            yield Version(commit, module)


def before_commit(file: CodeFile, sha: str) -> Module | None:
    """The file as it was before this commit."""
    return _module(file, sha)


def functions_before(file: CodeFile, function: Function) -> Iterator[tuple[Commit, Module, Function]]:
    """The earlier versions of one function, under the same name in the same file."""
    for version in before(file):
        found = version.function(function.qualname)
        if found is not None:
            yield version.commit, version.module, found


def _module(file: CodeFile, sha: str) -> Module | None:
    try:
        source = file.checkout.pinned.read_before(sha, file.path)
    except (WorkFailed, OSError, ValueError):
        return None
    return None if source is None else python_code.parse(source)
