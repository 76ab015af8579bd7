"""One bare mirror per repository, fetched under a lock. Commits that sessions are pinned to are kept by refs of their own."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from hashlib import sha256

from autofix.exceptions import RepositoryUnavailable
from autofix.hosts import RepositoryRef
from autofix.scm.git import NETWORK_TIMEOUT_S, Git, checked_sha, is_safe_name
from autofix.scm.registry import get_provider
from autofix.scm.storage import MIRRORS, data_folder, file_lock

# What a checkout writes is what the blob holds: the repository's own attributes must not convert or hide anything.
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding !diff\n"
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_STALE_LOCKS = ("*.lock", "refs/**/*.lock")


def mirror(repository: RepositoryRef) -> Git:
    """The mirror as it is, fetched once when there is none yet; RepositoryUnavailable."""
    store = _store(repository)
    return store if (store.git_dir / "HEAD").exists() else fetch(repository)


def fetch(repository: RepositoryRef) -> Git:
    """The mirror, up to date with the remote; RepositoryUnavailable."""
    store = _store(repository)
    with locked(store):
        if not store.git_dir.exists():
            return _clone(store)
        # Only this lock's holder writes refs here, so a ref's lock file is what a killed fetch left behind.
        for pattern in _STALE_LOCKS:
            for stale in store.git_dir.glob(pattern):
                stale.unlink(missing_ok=True)
        _fetch(store)
    return store


def locked(store: Git) -> AbstractContextManager[None]:
    """Alone at this mirror."""
    return file_lock(store.git_dir.with_suffix(".lock"))


def default_branch(repository: RepositoryRef) -> str:
    """The branch that pull requests go to: the configured one, else the remote's HEAD; RepositoryUnavailable."""
    if repository.branch:
        if not is_safe_name(repository.branch):
            raise RepositoryUnavailable("The configured branch has a name that git may not be given.")
        return repository.branch
    printed = (
        mirror(repository).run("ls-remote", "--symref", "origin", "HEAD", timeout_s=NETWORK_TIMEOUT_S).text
    )
    for line in printed.splitlines():
        target = line.split("\t")[0].removeprefix("ref: refs/heads/")
        if line.startswith("ref: refs/heads/") and is_safe_name(target):
            return target
    raise RepositoryUnavailable("The repository has no default branch; configure one.")


def resolve(store: Git, revision: str) -> str | None:
    """The full sha of the commit that this ref or (abbreviated) sha names, None when there is none."""
    found = store.run(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", accept=(0, 1, 128)
    )
    return (found.text.strip() or None) if found.code == 0 else None


def with_commit(repository: RepositoryRef, sha: str) -> Git:
    """The mirror, which holds this commit and keeps it; RepositoryUnavailable when the remote has lost it."""
    store = mirror(repository)
    if resolve(store, checked_sha(sha)) is None:
        store = fetch(repository)
    if resolve(store, sha) is None:
        with locked(store):
            store.run("fetch", "--no-write-fetch-head", "origin", sha, timeout_s=NETWORK_TIMEOUT_S)
    keep(store, sha)
    return store


def holds(repository: RepositoryRef, sha: str) -> bool:
    """Is the commit on this machine? The remote is not asked."""
    store = _store(repository)
    return (store.git_dir / "HEAD").exists() and resolve(store, checked_sha(sha)) is not None


def keep(store: Git, sha: str) -> None:
    """Keep the commit from being collected when its branch moves on."""
    if resolve(store, f"refs/autofix/{sha}") is None:
        with locked(store):
            store.run("update-ref", f"refs/autofix/{checked_sha(sha)}", sha)


def _store(repository: RepositoryRef) -> Git:
    provider = get_provider(repository.provider)
    digest = sha256(f"{repository.provider}\n{repository.url}".encode()).hexdigest()
    return Git(
        git_dir=data_folder(MIRRORS) / f"{digest}.git",
        url=provider.clone_url(repository),
        local=provider.allows_local_transport(repository),
    )


def _clone(store: Git) -> Git:
    fresh = Git(store.git_dir.with_suffix(".new"), url=store.url, local=store.local)
    shutil.rmtree(fresh.git_dir, ignore_errors=True)  # what a clone that died left behind
    fresh.run("init", "--quiet", "--bare", "--template=")
    (fresh.git_dir / "info").mkdir(exist_ok=True)
    (fresh.git_dir / "info" / "attributes").write_text(_ATTRIBUTES)
    _fetch(fresh)
    fresh.git_dir.rename(store.git_dir)
    return store


def _fetch(store: Git) -> None:
    store.run(
        "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force",
        "--end-of-options", "origin", *_REFSPECS, timeout_s=NETWORK_TIMEOUT_S,
    )  # fmt: skip
