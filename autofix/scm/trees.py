"""The state of a change: a commit plus patches, as an index of its own beside the mirror."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autofix.exceptions import EditRefused, PathRefused
from autofix.scm.git import Git, checked_sha
from autofix.scm.paths import confined, is_protected

REGULAR = ("100644", "100755")
_ABSENT = "000000"


@dataclass(frozen=True)
class Entry:
    """One path of a tree: git's mode and the blob's id."""

    mode: str
    oid: str


def entries(store: Git, sha: str, *paths: str) -> dict[str, Entry]:
    """What the commit's tree holds, by path; only ``paths`` when some are given."""
    listed = store.run("ls-tree", "-r", "-z", "--full-tree", checked_sha(sha), "--", *paths).text
    found: dict[str, Entry] = {}
    for line in filter(None, listed.split("\0")):
        meta, path = line.split("\t", 1)
        mode, _, oid = meta.split(" ")
        found[path] = Entry(mode, oid)
    return found


def blob(store: Git, entry: Entry) -> bytes:
    """The file's bytes."""
    return store.run("cat-file", "blob", entry.oid).stdout


def patched_index(
    store: Git, sha: str, patches: Sequence[tuple[str, str]], index: Path, protected: Iterable[str]
) -> Git:
    """The store with ``index`` holding the commit's tree plus ``patches`` (path, diff).

    EditRefused when a patch does not apply; PathRefused when one changes anything but its own regular, unprotected file.
    """
    tree = replace(store, index=index)
    tree.run("read-tree", checked_sha(sha))
    for _, diff in patches:
        if diff.strip():
            tree.run(
                "apply", "--cached", "--whitespace=nowarn", "-", stdin=diff.encode(), failure=EditRefused
            )
    changed = changes(tree, sha)
    if not set(changed) <= {path for path, _ in patches}:
        raise PathRefused("A patch changes a file that it does not name.")
    for path, modes in changed.items():
        refuse_unless_writable(path, protected)
        if not modes <= {*REGULAR, _ABSENT}:
            raise PathRefused(f"{path} is not a regular file.")
    return tree


def refuse_unless_writable(path: str, protected: Iterable[str]) -> None:
    """PathRefused when the path is outside of the repository or protected."""
    if is_protected(confined(path), protected):
        raise PathRefused(f"{path} is protected.")


def changes(tree: Git, sha: str) -> dict[str, set[str]]:
    """The paths in which the index differs from the commit, each with its modes before and after."""
    printed = tree.run("diff-index", "--cached", "--no-renames", "-z", checked_sha(sha)).text
    fields = printed.split("\0")
    return {path: set(meta[1:].split(" ")[:2]) for meta, path in zip(fields[::2], fields[1::2], strict=False)}


def check_out(tree: Git, *paths: str, except_for: Iterable[str] = ()) -> list[str]:
    """Write the index, or these paths of it, to the work tree; what was written. Links are written as small text files."""
    excluded = set(except_for)
    listed = tree.run("ls-files", "-z", "--", *paths).text.split("\0")
    wanted = [name for name in listed if name and name not in excluded]
    if wanted:
        names = "".join(f"{name}\0" for name in wanted).encode()
        tree.run("checkout-index", "--index", "--quiet", "-z", "--stdin", stdin=names)
    return wanted
