"""What every provider of code hosting does. A new provider joins PROVIDERS and passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autofix.exceptions import Misconfigured, PushFailed, RepositoryUnavailable
from autofix.hosts import RepositoryRef
from autofix.scm import branches, mirrors
from autofix.scm.base import OpenedPullRequest, ScmProvider
from autofix.scm.registry import get_provider
from tests.repositories import CART, SAFER_CART, bare_repository, git, local_roots, path_of

PROVIDERS: dict[str, Callable[[Path], RepositoryRef]] = {"local": bare_repository}
MOMENT = datetime(2026, 11, 22, tzinfo=UTC)
DIFF = """diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -1,2 +1,2 @@
 def total(prices, names):
-    return sum(prices[name] for name in names)
+    return sum(prices.get(name, 0) for name in names)
"""


@pytest.fixture(autouse=True)
def allowed(tmp_path: Path) -> Iterator[None]:
    """Local repositories may lie in the test's folder."""
    with local_roots(tmp_path):
        yield


@pytest.fixture(params=PROVIDERS)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> RepositoryRef:
    """A repository with three commits, at this provider."""
    return PROVIDERS[request.param](tmp_path)


@pytest.fixture
def provider(repository: RepositoryRef) -> ScmProvider:
    """The provider of the repository."""
    return get_provider(repository.provider)


def push(repository: RepositoryRef, branch: str, *, message: str = "Fix", known: str = "") -> str:
    """Push the fix of the cart."""
    pin = mirrors.resolve(mirrors.mirror(repository), "refs/heads/main")
    assert pin is not None
    change = branches.Change(pin, [("shop/cart.py", DIFF)], message, MOMENT)
    return branches.push(repository, branch, change, known=known, protected=())


def open_it(provider: ScmProvider, repository: RepositoryRef, branch: str) -> OpenedPullRequest:
    """Find or open the pull request of the branch."""
    return provider.find_or_open_pull_request(
        repository, branch=branch, base="main", title="Fix", body="Because."
    )


def test_a_repository_that_is_there_checks_out(provider: ScmProvider, repository: RepositoryRef) -> None:
    """No complaint about a readable repository; a sentence about a missing one."""
    assert provider.check(repository) == ""
    assert provider.check(replace(repository, url=f"{repository.url}-missing"))


def test_the_default_branch_is_the_remotes_or_the_configured_one(repository: RepositoryRef) -> None:
    """Where no branch is configured, the remote's HEAD says it."""
    assert mirrors.default_branch(repository) == "main"
    assert mirrors.default_branch(replace(repository, branch="release/2")) == "release/2"
    with pytest.raises(RepositoryUnavailable):
        mirrors.default_branch(replace(repository, branch="--upload-pack=x"))


def test_pushing_twice_makes_one_commit(repository: RepositoryRef) -> None:
    """The commit derives from its content and moment: a repeated push finds its own work."""
    first, second = push(repository, "autofix/shop-1"), push(repository, "autofix/shop-1")
    assert first == second
    store = mirrors.fetch(repository)
    assert store.run("rev-list", "--count", "main..autofix/shop-1").text.strip() == "1"
    assert store.run("show", "autofix/shop-1:shop/cart.py").text == SAFER_CART != CART
    assert (
        store.run("log", "-1", "--format=%an <%ae> %s", first).text.strip()
        == "Autofix <autofix@localhost> Fix"
    )


def test_only_autofixs_own_commit_is_replaced(repository: RepositoryRef) -> None:
    """A newer change replaces the one that was pushed before; commits of others on the branch stay."""
    first = push(repository, "autofix/shop-1")
    with pytest.raises(branches.BranchTaken) as refused:
        push(repository, "autofix/shop-1", message="Fix better")
    assert not refused.value.retryable
    assert push(repository, "autofix/shop-1", message="Fix better", known=first) != first


def test_opening_twice_gives_one_pull_request(provider: ScmProvider, repository: RepositoryRef) -> None:
    """The same branch has the same id, number and url; another branch has others."""
    push(repository, "autofix/shop-1")
    push(repository, "autofix/shop-2")
    first = open_it(provider, repository, "autofix/shop-1")
    assert open_it(provider, repository, "autofix/shop-1") == first
    assert first.number >= 1
    assert "autofix/shop-1" in first.url
    assert open_it(provider, repository, "autofix/shop-2").number != first.number


def test_workers_that_open_at_once_get_the_same_one(provider: ScmProvider, repository: RepositoryRef) -> None:
    """Eight at once: one pull request."""
    push(repository, "autofix/shop-1")
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_it(provider, repository, "autofix/shop-1"), range(8)))
    assert len(set(opened)) == 1


def test_a_branch_that_was_not_pushed_has_no_pull_request(
    provider: ScmProvider, repository: RepositoryRef
) -> None:
    """Opening says so, and so it does for a name that is an option."""
    for branch in ("autofix/none", "--delete"):
        with pytest.raises(PushFailed):
            open_it(provider, repository, branch)


def test_an_unknown_provider_is_a_wrong_setting() -> None:
    """Only what SCM names exists."""
    with pytest.raises(Misconfigured, match="no provider 'nowhere'"):
        get_provider("nowhere")


# --- of the local provider alone -------------------------------------------------------------------------------------------


def test_local_numbers_follow_their_branch(tmp_path: Path) -> None:
    """refs/pull/<number>/head shows what was pushed last, as on a hosted service."""
    repository = bare_repository(tmp_path)
    first = push(repository, "autofix/shop-1")
    number = open_it(get_provider("local"), repository, "autofix/shop-1").number
    newest = push(repository, "autofix/shop-1", message="Fix better", known=first)
    assert git(path_of(repository), "rev-parse", f"refs/pull/{number}/head").strip() == newest


@pytest.mark.parametrize("url", ["{bare}", "file://{bare}", "file://localhost{bare}"])
def test_local_repositories_are_named_by_path_or_url(tmp_path: Path, url: str) -> None:
    """A path and both spellings of its url mean the same repository."""
    repository = bare_repository(tmp_path)
    named = replace(repository, url=url.format(bare=path_of(repository)))
    assert get_provider("local").clone_url(named) == path_of(repository).as_uri()


@pytest.mark.parametrize(
    "url", ["origin.git", "https://example.com/x", "file://elsewhere/x", "ext::sh", "", "\0"]
)
def test_other_addresses_are_no_local_repository(url: str) -> None:
    """Relative paths, other schemes and other machines are refused."""
    with pytest.raises(RepositoryUnavailable):
        get_provider("local").clone_url(RepositoryRef(name="x", provider="local", url=url))


def test_local_roots_confine(tmp_path: Path) -> None:
    """With ROOTS, repositories outside of them do not exist, whatever links lead there."""
    (tmp_path / "inside").mkdir()
    outside = bare_repository(tmp_path / "outside")
    (tmp_path / "inside" / "link.git").symlink_to(path_of(outside))
    (tmp_path / "inside" / "work").mkdir()
    (tmp_path / "inside" / "work" / ".git").symlink_to(path_of(outside))
    inside = bare_repository(tmp_path / "inside" / "own")
    with local_roots(tmp_path / "inside"):
        check = get_provider("local").check
        assert check(inside) == ""
        assert "ROOTS" in check(outside)
        for way in ("link.git", "work"):
            assert "ROOTS" in check(replace(outside, url=str(tmp_path / "inside" / way)))
            assert check(replace(outside, url=str(tmp_path / "inside" / way), approved=True)) == ""


def test_autofixs_own_mirrors_are_no_local_repositories(tmp_path: Path) -> None:
    """A mirror holds another tenant's code: naming its path is refused."""
    store = mirrors.mirror(bare_repository(tmp_path))
    with local_roots(Path("/")), pytest.raises(RepositoryUnavailable, match="autofix's own"):
        get_provider("local").clone_url(RepositoryRef(name="x", provider="local", url=str(store.git_dir)))
