"""Code at its pin: one worktree per repository and opening, made from the mirror, with confined paths."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from autofix import conf
from autofix.exceptions import EditRefused, PathRefused
from autofix.explorer import history, searching
from autofix.explorer.history import BlameLine, Commit
from autofix.explorer.pinned import PinnedTree
from autofix.explorer.pins import pin_repositories
from autofix.explorer.state import FilePatch, PatchStat
from autofix.explorer.text import MAX_FILE, Match, NotText, as_text
from autofix.hosts import RepositoryRef
from autofix.scm import mirrors, trees
from autofix.scm.git import Git
from autofix.scm.paths import confined
from autofix.scm.storage import WORKTREES, data_folder

__all__ = [
    "BlameLine",
    "Checkout",
    "Commit",
    "Match",
    "NotText",
    "drop_workspace",
    "open_workspace",
    "pin_repositories",
    "read_pinned",
]


class Checkout:
    """One repository at its pin, in a worktree of one opening.

    Of the worktree only the files that are read or written one by one are made; all of it when it is asked for as a whole.
    """

    def __init__(
        self, repository: RepositoryRef, sha: str, patches: Sequence[FilePatch], folder: Path
    ) -> None:
        self.repository = repository
        self.name = repository.name
        self.sha = sha
        self._patched = {patch.patch.path: patch.diff for patch in patches}
        self._folder = folder
        self._made: set[str] = set()  # paths that the worktree has, or had until they were deleted
        self.pinned = PinnedTree(repository, sha)

    # --- what is there -----------------------------------------------------------------------------------------------
    @cached_property
    def root(self) -> Path:
        """The whole worktree: the pin plus the session's patches, without a ``.git``."""
        trees.check_out(self._tree, except_for=self._made)
        return self._files

    def paths(self) -> list[str]:
        """The files as they are now, sorted."""
        found = (path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        return sorted(str(path.relative_to(self.root)) for path in found)

    def read(self, path: str) -> str:
        """The file as it is now; PathRefused, FileNotFoundError, NotText."""
        place = self._place(path)
        if not place.is_file():
            raise FileNotFoundError(path)
        with place.open("rb") as file:
            return as_text(file.read(MAX_FILE + 1), path)

    def read_pinned(self, path: str) -> str | None:
        """The file at the pin, None when it is no regular file there; PathRefused, NotText."""
        return self.pinned.read(path)

    def search(self, pattern: str, *, regex: bool = False, under: str = "", limit: int = 200) -> list[Match]:
        """Lines of text files that hold ``pattern`` (``regex``: a POSIX extended one), below ``under``.

        EditRefused when the expression is not valid or takes too long.
        """
        _ = self.root  # makes it
        return searching.search(self._tree, pattern, regex=regex, under=under, limit=limit)

    # --- its history -------------------------------------------------------------------------------------------------
    def blame(self, path: str, start: int, end: int) -> list[BlameLine]:
        """The lines from ``start`` to ``end`` at the pin, each with the commit that wrote it; FileNotFoundError."""
        last = self._pinned_line_count(path)
        return history.blame(self.pinned.store, self.sha, path, max(start, 1), min(end, last))

    def log(
        self, path: str = "", *, lines: tuple[int, int] | None = None, containing: str = "", limit: int = 20
    ) -> list[Commit]:
        """The newest commits up to the pin: of a path, of some of its lines, or that change how often a text occurs."""
        if lines is not None:
            lines = (max(lines[0], 1), min(lines[1], self._pinned_line_count(path)))
        return history.log(
            self.pinned.store,
            self.sha,
            confined(path) if path else "",
            lines=lines,
            containing=containing,
            limit=limit,
        )

    def show(self, sha: str, *, path: str = "") -> str:
        """One commit with its changes, at most 64 KiB of text; RepositoryUnavailable when there is none."""
        return history.show(self.pinned.store, sha, confined(path) if path else "")

    # --- changes -----------------------------------------------------------------------------------------------------
    def write(self, path: str, text: str) -> None:
        """Make or replace a file; PathRefused, EditRefused."""
        place = self._writable(path)
        try:
            content = text.encode()
        except UnicodeEncodeError as exc:
            raise NotText(f"{path} would not be text.") from exc
        as_text(content, path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as exc:
            raise EditRefused(f"{path} is in the way of a folder or a file.") from exc

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace the one occurrence of ``old``; EditRefused when there is none or more than one."""
        self._writable(path)
        text = self.read(path)
        count = text.count(old) if old else 0
        if count != 1:
            raise EditRefused(
                f"The text to replace must occur exactly once in {path}; it occurs {count} times."
            )
        self.write(path, text.replace(old, new))

    def delete(self, path: str) -> None:
        """Delete a file; PathRefused, EditRefused, FileNotFoundError."""
        place = self._writable(path)
        if not place.is_file():
            raise FileNotFoundError(path)
        place.unlink()

    def patch(self, path: str) -> FilePatch:
        """The file's whole change against the pin, in git's format; an empty diff when it is as it was."""
        exists = self._place(path).is_file()
        self._tree.run("update-index", "--add", "--remove", "--", path, failure=EditRefused)
        diff = self._tree.run(
            "diff", "--cached", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", self.sha, "--", path,
            failure=EditRefused, limit=4 * MAX_FILE,
        ).text  # fmt: skip
        kind: str = ("M" if path in self.pinned.entries else "A") if exists else "D"
        added, removed = _counted(diff)
        stat = PatchStat.model_validate({"path": path, "type": kind, "added": added, "removed": removed})
        return FilePatch(repo_name=self.name, diff=diff, patch=stat)

    # --- inside ------------------------------------------------------------------------------------------------------
    @property
    def _files(self) -> Path:
        return self._folder / "tree"

    @cached_property
    def _tree(self) -> Git:
        self._files.mkdir(parents=True)
        patches = list(self._patched.items())
        protected = conf.settings().protected_paths
        index = self._folder / "index"
        tree = trees.patched_index(self.pinned.store, self.sha, patches, index, protected)
        return replace(tree, work_tree=self._files)

    def _pinned_line_count(self, path: str) -> int:
        text = self.read_pinned(path)
        if text is None:
            raise FileNotFoundError(path)
        return text.count("\n") + (not text.endswith("\n"))

    def _place(self, path: str) -> Path:
        """Where the path is in the worktree; PathRefused when it, or a folder on its way, is a link or a submodule."""
        parts = confined(path).split("/")
        ways = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        for way in ways:
            entry = self.pinned.entries.get(way)
            if (entry and entry.mode not in trees.REGULAR) or (self._files / way).is_symlink():
                raise PathRefused(f"{way} is a link or a submodule.")
        if "root" not in self.__dict__ and path not in self._made:
            in_the_way = [way for way in ways[:-1] if way in self.pinned.entries or way in self._patched]
            self._made.update(trees.check_out(self._tree, path, *in_the_way), [path])
        return self._files / path

    def _writable(self, path: str) -> Path:
        trees.refuse_unless_writable(path, conf.settings().protected_paths)
        place = self._place(path)
        self.read_pinned(path)  # NotText: the change of a binary file could not be shown as a patch
        return place


@contextmanager
def open_workspace(
    session_key: str,
    repositories: Sequence[RepositoryRef],
    pins: Mapping[str, str],
    patches: Sequence[FilePatch],
) -> Iterator[dict[str, Checkout]]:
    """A checkout per pinned repository, by name: its pin plus its newest patches.

    Every opening has a folder of its own, so that two workers at one session cannot meet; it is removed at the end.
    """
    drop_workspace(session_key)
    newest = {(patch.repo_name, patch.patch.path): patch for patch in patches}
    with _folder(session_key) as folder:
        yield {
            repository.name: Checkout(
                repository,
                pins[repository.name],
                [patch for patch in newest.values() if patch.repo_name == repository.name],
                folder / str(position),
            )
            for position, repository in enumerate(repositories)
            if repository.name in pins
        }


def drop_workspace(session_key: str) -> None:
    """Remove what workers that died left of this session."""
    for folder in data_folder(WORKTREES).glob(f"{_prefix(session_key)}*"):
        try:
            with (folder / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError, NotADirectoryError):
            continue  # in use, or just gone


def read_pinned(repository: RepositoryRef, sha: str, path: str) -> str | None:
    """The text of a file at a commit, None when there is no such regular file; PathRefused, NotText."""
    store = mirrors.with_commit(repository, sha)
    entry = trees.entries(store, sha, confined(path)).get(path)
    return as_text(trees.blob(store, entry), path) if entry and entry.mode in trees.REGULAR else None


@contextmanager
def _folder(session_key: str) -> Iterator[Path]:
    """A fresh folder, locked while it is in use. It gets its name once the lock is held: nobody takes it for abandoned."""
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=data_folder(WORKTREES)))
    folder = fresh.with_name(f"{_prefix(session_key)}{fresh.name}")
    try:
        with (fresh / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fresh.rename(folder)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prefix(session_key: str) -> str:
    return f"{sha256(session_key.encode()).hexdigest()[:32]}-"


def _counted(diff: str) -> tuple[int, int]:
    """Added and removed lines of a diff of one file."""
    _, _, hunks = diff.partition("\n@@")
    starts = [line[:1] for line in hunks.split("\n")]
    return starts.count("+"), starts.count("-")
