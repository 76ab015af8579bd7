"""Which commit a session works on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autofix.exceptions import RepositoryUnavailable
from autofix.explorer.workspace import (
    Checkout,
    pin_repositories,
    read_pinned,
)
from autofix.hosts import RepositoryRef
from autofix.scm import mirrors
from tests.integration.workspace.shop import CART_PATH, reopened
from tests.repositories import CART, git, path_of


@pytest.mark.parametrize(
    ("release", "revision"),
    [
        ("", "main"),
        ("9.9", "main"),
        ("shop@9.9", "main"),
        ("v1.0", "v1.0"),
        ("1.0", "v1.0"),
        ("shop@1.0", "v1.0"),
        ("shop@1.0+build.7", "v1.0"),
        ("--upload-pack=x", "main"),
        ("main^{/x}", "main"),
        ("refs/heads/main", "main"),
        ("\0", "main"),
    ],
)
def test_a_release_is_a_tag_or_else_the_branch_counts(
    repository: RepositoryRef, release: str, revision: str
) -> None:
    """Package and build words of a release are tried without, a v before it is tried, odd words find nothing."""
    sha = git(path_of(repository), "rev-parse", f"{revision}^{{commit}}").strip()
    assert pin_repositories([repository], release) == {"acme/shop": sha}


def test_a_release_may_be_a_sha(repository: RepositoryRef) -> None:
    """SDKs send the commit, whole or in short."""
    sha = git(path_of(repository), "rev-parse", "main~2").strip()
    for release in (sha, sha[:8], f"shop@{sha}"):
        assert pin_repositories([repository], release) == {"acme/shop": sha}


def test_pins_see_what_was_pushed_meanwhile(repository: RepositoryRef, tmp_path: Path) -> None:
    """The mirror is fetched, also after a branch was rewritten; a pinned commit stays readable after that."""
    old = pin_repositories([repository], "")["acme/shop"]
    git(tmp_path / "work", "push", "--quiet", "--force", str(path_of(repository)), "HEAD~2:main")
    new = pin_repositories([repository], "")["acme/shop"]
    assert new == git(tmp_path / "work", "rev-parse", "HEAD~2").strip()
    git(mirrors.mirror(repository).git_dir, "gc", "--quiet", "--prune=now")
    assert read_pinned(repository, old, "run.sh") == "echo\n"
    assert read_pinned(repository, new, "run.sh") is None


@pytest.mark.parametrize("change", [{"url": "file:///nowhere.git"}, {"branch": "none"}, {"branch": "--all"}])
def test_what_cannot_be_read_says_so(repository: RepositoryRef, change: dict[str, Any]) -> None:
    """A missing repository and a missing or hostile branch: one error, which may pass."""
    with pytest.raises(RepositoryUnavailable):
        pin_repositories([replace(repository, **change)], "")


def test_a_lost_mirror_is_made_again(checkout: Checkout, data_dir: Path) -> None:
    """Another machine, or an emptied data folder: the pin is fetched when it is needed, with half a clone in the way."""
    store = mirrors.mirror(checkout.repository)
    half = store.git_dir.with_suffix(".new")
    store.git_dir.rename(half)
    (half / "HEAD").unlink()
    assert reopened(checkout) == {CART_PATH: CART}


def test_locks_of_a_killed_fetch_do_not_stay_in_the_way(repository: RepositoryRef, tmp_path: Path) -> None:
    """A ref's lock file whose owner died is removed under the mirror's own lock."""
    pin_repositories([repository], "")
    store = mirrors.mirror(repository)
    (store.git_dir / "refs" / "heads").mkdir(exist_ok=True)
    (store.git_dir / "refs" / "heads" / "main.lock").touch()
    (store.git_dir / "packed-refs.lock").touch()
    git(tmp_path / "work", "push", "--quiet", "--force", str(path_of(repository)), "HEAD~1:main")
    assert pin_repositories([repository], "") == {
        "acme/shop": git(tmp_path / "work", "rev-parse", "HEAD~1").strip()
    }


def test_many_workers_make_one_mirror(repository: RepositoryRef) -> None:
    """Eight at once get the same pins; one mirror is there."""
    with ThreadPoolExecutor(8) as pool:
        pins = list(pool.map(lambda _: pin_repositories([repository], "")["acme/shop"], range(8)))
    assert len(set(pins)) == 1
    assert len(list(mirrors.mirror(repository).git_dir.parent.glob("*.git"))) == 1
