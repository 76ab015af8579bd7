"""A change as one commit on its pin, pushed as a branch. Doing it twice gives the same commit and one branch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autofix.exceptions import PushFailed
from autofix.hosts import RepositoryRef
from autofix.scm import mirrors, trees
from autofix.scm.git import NETWORK_TIMEOUT_S, Git, is_safe_name
from autofix.scm.storage import WORKTREES, data_folder

AUTHOR_NAME = "Autofix"
AUTHOR_EMAIL = "autofix@localhost"


class BranchTaken(PushFailed):
    """The branch holds commits that are not autofix's; they are not overwritten."""

    retryable = False


@dataclass(frozen=True)
class Change:
    """Patches (path, diff) on the commit ``pin``, with the message and the moment that their commit carries.

    The moment is fixed, so that a repeated attempt makes the very same commit.
    """

    pin: str
    patches: Sequence[tuple[str, str]]
    message: str
    moment: datetime


def push(
    repository: RepositoryRef, branch: str, change: Change, *, known: str, protected: Iterable[str]
) -> str:
    """Push the change as ``branch``; the sha of its commit.

    ``known``: the sha that an earlier push recorded, which may be replaced; anything else on the branch may not.
    Raises RepositoryUnavailable, PathRefused, EditRefused, PushFailed, BranchTaken.
    """
    if not is_safe_name(branch):
        raise PushFailed("The branch has a name that git may not be given.")
    store = mirrors.with_commit(repository, change.pin)
    sha = _commit(store, change, protected)
    ref = f"refs/heads/{branch}"
    there = _remote_sha(store, ref)
    if there == sha:
        return sha
    if there not in ("", known):
        raise BranchTaken
    store.run(
        "push", "--quiet", "--no-verify", "--no-signed", "--recurse-submodules=no",
        f"--force-with-lease={ref}:{there}", "--end-of-options", "origin", f"{sha}:{ref}",
        failure=PushFailed, timeout_s=NETWORK_TIMEOUT_S,
    )  # fmt: skip
    return sha


def _commit(store: Git, change: Change, protected: Iterable[str]) -> str:
    with tempfile.TemporaryDirectory(prefix="push-", dir=data_folder(WORKTREES)) as folder:
        tree = trees.patched_index(store, change.pin, change.patches, Path(folder) / "index", protected)
        if not trees.changes(tree, change.pin):
            raise PushFailed("The patches change nothing.")
        oid = tree.run("write-tree").text.strip()
    moment = f"{int(change.moment.timestamp())} +0000"
    identity = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", AUTHOR_NAME), ("EMAIL", AUTHOR_EMAIL), ("DATE", moment))
    }
    made = store.run(
        "commit-tree", oid, "-p", change.pin, "-F", "-", stdin=change.message.encode(), environment=identity
    )
    return made.text.strip()


def _remote_sha(store: Git, ref: str) -> str:
    """The sha that the remote's ref holds, empty when there is none."""
    listed = store.run("ls-remote", "--end-of-options", "origin", ref, timeout_s=NETWORK_TIMEOUT_S).text
    named = (line.split("\t") for line in listed.splitlines())
    return next((sha for sha, name in named if name == ref), "")
