"""A repository at one commit, read from its mirror: no worktree is made, and no path is listed before it is asked for."""

from __future__ import annotations

from functools import cached_property

from autofix.exceptions import EditRefused
from autofix.explorer import searching
from autofix.explorer.text import Match, as_text
from autofix.hosts import RepositoryRef
from autofix.scm import mirrors, trees
from autofix.scm.git import Git, checked_sha
from autofix.scm.paths import confined


class PinnedTree:
    """The files of one commit."""

    def __init__(self, repository: RepositoryRef, sha: str) -> None:
        self.repository = repository
        self.sha = sha
        # A commit never changes: what was searched once is known.
        self._found: dict[tuple[str, bool, str], bytes] = {}
        self._before: dict[str, str | None] = {}

    @cached_property
    def store(self) -> Git:
        """The mirror, which holds the commit; RepositoryUnavailable."""
        return mirrors.with_commit(self.repository, self.sha)

    @cached_property
    def entries(self) -> dict[str, trees.Entry]:
        """Everything in the commit's tree, by path."""
        return trees.entries(self.store, self.sha)

    @cached_property
    def paths(self) -> list[str]:
        """The regular files, sorted."""
        return sorted(path for path, entry in self.entries.items() if entry.mode in trees.REGULAR)

    def read(self, path: str) -> str | None:
        """The file's text, None when it is no regular file there; PathRefused, NotText."""
        return self._text(self.entries.get(confined(path)), path)

    def read_before(self, sha: str, path: str) -> str | None:
        """The file's text before the commit ``sha`` (in its first parent); None when there was none; PathRefused, NotText."""
        key = f"{checked_sha(sha)}^:{confined(path)}"
        if key not in self._before:
            read = self.store.run("cat-file", "blob", key, accept=(0, 128))
            self._before[key] = as_text(read.stdout, path) if read.code == 0 else None
        return self._before[key]

    def search(self, pattern: str, *, regex: bool = False, under: str = "", limit: int = 200) -> list[Match]:
        """Lines of text files that hold ``pattern`` (``regex``: a POSIX extended one), below ``under``; EditRefused."""
        key = (pattern, regex, under)
        if key not in self._found:
            self._found[key] = self.store.run(
                *searching.GIT, *searching.criterion(pattern, regex=regex), self.sha, "--", *([confined(under)] if under else []),
                accept=(0, 1), cut=True, limit=searching.MAX_OUTPUT, timeout_s=searching.TIMEOUT_S,
                failure=EditRefused,
            ).stdout  # fmt: skip
        return searching.matches(self._found[key], limit, prefix=f"{self.sha}:")

    def _text(self, entry: trees.Entry | None, path: str) -> str | None:
        return as_text(trees.blob(self.store, entry), path) if entry and entry.mode in trees.REGULAR else None
