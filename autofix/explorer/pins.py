"""Which commit a session works on: the one that the crashed release was made of, where that can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from autofix.exceptions import RepositoryUnavailable
from autofix.hosts import RepositoryRef
from autofix.scm import mirrors
from autofix.scm.git import is_safe_name


def pin_repositories(repositories: Sequence[RepositoryRef], release: str) -> dict[str, str]:
    """The full sha of each repository, by name: the release's tag or commit where there is one, else the branch's head.

    Fetches the mirrors; RepositoryUnavailable.
    """
    return {repository.name: _pin(repository, release) for repository in repositories}


def _pin(repository: RepositoryRef, release: str) -> str:
    store = mirrors.fetch(repository)
    branch = f"refs/heads/{mirrors.default_branch(repository)}"
    found = (mirrors.resolve(store, revision) for revision in (*_revisions(release), branch))
    sha = next(filter(None, found), None)
    if sha is None:
        raise RepositoryUnavailable("The repository's branch has no commit.")
    mirrors.keep(store, sha)
    return sha


def _revisions(release: str) -> Iterator[str]:
    """What ``package@version+build`` may be called in the repository: a tag by these words, or a sha."""
    version = release.rpartition("@")[2]
    words = dict.fromkeys((release, version, version.partition("+")[0]))
    for word in filter(is_safe_name, words):
        yield f"refs/tags/{word}"
        yield f"refs/tags/v{word}"
        if re.fullmatch(r"[0-9a-f]{7,64}", word):
            yield word
