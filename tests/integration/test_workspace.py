"""Code at its pin: what an agent sees, what it may change, and that nothing leads out of the worktree."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from autofix.exceptions import EditRefused, PathRefused, RepositoryUnavailable
from autofix.explorer.state import FilePatch, PatchStat
from autofix.explorer.workspace import (
    Checkout,
    Commit,
    Match,
    NotText,
    drop_workspace,
    open_workspace,
    pin_repositories,
    read_pinned,
)
from autofix.hosts import RepositoryRef
from autofix.scm import mirrors
from tests.repositories import ANN, CART, SHOP, Snapshot, bare_repository, git, path_of

CART_PATH = "shop/cart.py"
ODD = Snapshot(
    {
        "image.png": b"\x89PNG\0\1", "latin.txt": "Grüße".encode("latin-1"), "big.txt": "x" * 2**20 + "y",
        ".env": "KEY=1\n", ".gitignore": "*.log\n", "run.sh": "echo\n",
        ".gitattributes": "* text eol=crlf\n*.py -diff export-ignore\n",
    },
    "Odd files", ANN, 4, links={"passwd": "/etc/passwd", "docs": "shop"},
)  # fmt: skip


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder of the test's own; repositories may lie in the test's folder."""
    own = {"DATA_DIR": tmp_path / "data", "SCM": {"local": {"ROOTS": [str(tmp_path)]}}}
    with override_settings(AUTOFIX={**settings.AUTOFIX, **own}):
        yield tmp_path / "data"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small shop with odd files; made once, copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    windows = Snapshot({"windows.txt": "a\r\nb\r\n"}, "Lines of Windows", ANN, 4)
    bare_repository(folder, [*SHOP, windows, ODD])
    return folder


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> RepositoryRef:
    """The shop in the test's folder."""
    shutil.copytree(template, tmp_path, symlinks=True, dirs_exist_ok=True)
    return RepositoryRef(name="acme/shop", provider="local", url=(tmp_path / "origin.git").as_uri())


@pytest.fixture
def checkout(repository: RepositoryRef) -> Iterator[Checkout]:
    """The shop at its newest commit."""
    pins = pin_repositories([repository], "")
    with open_workspace("session", [repository], pins, []) as checkouts:
        yield checkouts["acme/shop"]


def reopened(checkout: Checkout, *patches: FilePatch) -> dict[str, str]:
    """The cart and the files that the patches name, as another worker sees them."""
    names = {CART_PATH, *(patch.patch.path for patch in patches)}
    with open_workspace("other", [checkout.repository], {checkout.name: checkout.sha}, patches) as checkouts:
        other = checkouts[checkout.name]
        return {name: other.read(name) for name in names if name in other.paths()}


# --- pins ------------------------------------------------------------------------------------------------------------------


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


# --- reading ---------------------------------------------------------------------------------------------------------------


def test_files_are_what_the_blobs_hold(checkout: Checkout) -> None:
    """Neither the repository's attributes nor line ends change what is read."""
    assert checkout.read(CART_PATH) == CART == checkout.read_pinned(CART_PATH)
    assert checkout.read("windows.txt") == "a\r\nb\r\n"
    assert CART_PATH in checkout.paths()
    assert checkout.paths() == sorted(checkout.paths())
    assert not (checkout.root / ".git").exists()


@pytest.mark.parametrize("path", ["image.png", "latin.txt", "big.txt"])
def test_only_text_is_read_or_changed(checkout: Checkout, path: str) -> None:
    """Binary, other encodings and large files are refused, in reading and in writing."""
    for attempt in (checkout.read, checkout.read_pinned, lambda p: checkout.write(p, "x"), checkout.delete):
        with pytest.raises(NotText):
            attempt(path)


def test_what_is_missing_is_missing(checkout: Checkout) -> None:
    """A file that is not there, a folder, and something below a file."""
    for path in ("none.py", "shop", f"{CART_PATH}/x"):
        with pytest.raises(FileNotFoundError):
            checkout.read(path)
        assert checkout.read_pinned(path) is None
    with pytest.raises(FileNotFoundError):
        checkout.blame("none.py", 1, 2)


@pytest.mark.parametrize(
    "path", ["passwd", "docs/cart.py", "docs", "../data", "/etc/passwd", ".git/config", "a\0b"]
)
def test_nothing_leads_out(checkout: Checkout, path: str) -> None:
    """Links of the repository and paths that step out are refused; a link's target is never read."""
    for attempt in (checkout.read, lambda p: checkout.write(p, "x"), checkout.delete, checkout.patch):
        with pytest.raises(PathRefused):
            attempt(path)


def test_a_link_made_later_is_refused_too(checkout: Checkout) -> None:
    """Even what some tool put into the worktree does not lead out of it."""
    (checkout.root / "way").symlink_to("/etc")
    with pytest.raises(PathRefused):
        checkout.read("way/passwd")
    assert "way/passwd" not in checkout.paths()


def test_search(checkout: Checkout) -> None:
    """Fixed text and expressions, below a folder, in new files too, never in binary ones; bounded."""
    line = Match(CART_PATH, 2, "    return sum(prices[name] for name in names)")
    assert checkout.search("prices[name]") == [line]
    assert checkout.search(r"sum\(.*\)$", regex=True, under="shop") == [line]
    assert checkout.search("prices[name]", under="docs-of-nobody") == []
    assert checkout.search("PNG") == []
    checkout.write("new/notes.log", "needle\n" * 300)
    assert len(checkout.search("needle", limit=7)) == 7
    assert checkout.search("--open-files-in-pager=x") == []


@pytest.mark.parametrize("pattern", ["", "a\nb", "a\0b"])
def test_search_wants_one_line(checkout: Checkout, pattern: str) -> None:
    """A pattern of several lines would be several patterns."""
    with pytest.raises(EditRefused):
        checkout.search(pattern)


def test_a_wrong_expression_is_refused(checkout: Checkout) -> None:
    """The agent is told, and can try another one."""
    with pytest.raises(EditRefused):
        checkout.search("(", regex=True)


# --- history ---------------------------------------------------------------------------------------------------------------


def test_blame_and_log_tell_who_and_when(checkout: Checkout) -> None:
    """Lines at the pin with their commits; commits of a path, of lines, and by what they changed."""
    first, second = checkout.blame(CART_PATH, 1, 99)
    assert (first.line, first.text, first.commit.author_name) == (1, "def total(prices, names):", "Ann")
    ben = second.commit
    assert ben == Commit(ben.sha, "Ben", "ben@example.com", "2026-03-02", "Sum the prices\n\nAll of them.")
    assert [c.committed_date for c in checkout.log()] == [f"2026-03-0{day}" for day in (4, 4, 3, 2, 1)]
    assert checkout.log(CART_PATH, limit=1) == [ben]
    assert checkout.log(CART_PATH, lines=(1, 1)) == [first.commit]
    assert checkout.log(CART_PATH, lines=(50, 60)) == []
    assert checkout.log(containing="return sum") == [ben]
    assert "+    return sum" in checkout.show(ben.sha)
    assert "README" not in checkout.show(ben.sha[:7], path=CART_PATH)
    assert checkout.blame(CART_PATH, 50, 60) == []


@pytest.mark.parametrize("sha", ["--output=x", "HEAD", "", "abc", "0" * 40])
def test_show_takes_shas_only(checkout: Checkout, sha: str) -> None:
    """No option, no ref, and no commit that is not there."""
    with pytest.raises(RepositoryUnavailable):
        checkout.show(sha)


# --- changes ---------------------------------------------------------------------------------------------------------------


def test_patches_rebuild_the_change_anywhere(checkout: Checkout) -> None:
    """Changed, new, ignored, emptied and deleted files: another opening at pin plus patches has the same files."""
    checkout.replace(CART_PATH, "prices[name]", "prices.get(name, 0)")
    checkout.write("shop/new ü.py", "one\ntwo")
    checkout.write("trace.log", "ignored\n")
    checkout.write("windows.txt", "a\r\nc\r\n")
    checkout.write("README.md", "")
    checkout.delete("run.sh")
    changed = [CART_PATH, "shop/new ü.py", "trace.log", "windows.txt", "README.md", "run.sh"]
    patches = [checkout.patch(path) for path in changed]
    assert [(p.patch.type, p.patch.added, p.patch.removed) for p in patches] == [
        ("M", 1, 1), ("A", 2, 0), ("A", 1, 0), ("M", 1, 1), ("M", 0, 1), ("D", 0, 1),
    ]  # fmt: skip
    seen = reopened(checkout, *patches)
    assert seen == {path: checkout.read(path) for path in changed[:-1]}


def test_a_patch_is_the_whole_change(checkout: Checkout) -> None:
    """A second edit's patch holds the first one; going back to the start leaves an empty diff."""
    checkout.write(CART_PATH, CART + "# one\n")
    checkout.write(CART_PATH, CART + "# one\n# two\n")
    assert checkout.patch(CART_PATH).patch.added == 2
    checkout.write(CART_PATH, CART)
    assert checkout.patch(CART_PATH).diff == ""
    checkout.write("new.py", "x\n")
    checkout.delete("new.py")
    assert checkout.patch("new.py").diff == ""
    assert reopened(checkout, checkout.patch(CART_PATH)) == {CART_PATH: CART}


@pytest.mark.parametrize("path", [".env", "deep/er/.ENV", ".github/workflows/ci.yml", ".gitlab-ci.yml"])
def test_protected_paths_are_not_written(checkout: Checkout, path: str) -> None:
    """What the settings protect can be neither written, nor edited, nor deleted."""
    with pytest.raises(PathRefused, match="protected"):
        checkout.write(path, "x")
    with pytest.raises(PathRefused, match="protected"):
        checkout.replace(path, "a", "b")
    with pytest.raises(PathRefused, match="protected"):
        checkout.delete(path)


@pytest.mark.parametrize("old", ["", "nowhere", "prices"])
def test_a_replacement_must_be_unmistakable(checkout: Checkout, old: str) -> None:
    """The text to replace occurs exactly once, or nothing happens."""
    with pytest.raises(EditRefused):
        checkout.replace(CART_PATH, old, "x")
    assert checkout.read(CART_PATH) == CART


@pytest.mark.parametrize(
    ("path", "text"),
    [("a.py", "\0"), ("a.py", "\ud800"), ("a.py", "x" * (2**20 + 1)), ("shop", "x"), (f"{CART_PATH}/x", "x")],
)
def test_edits_that_cannot_be_a_text_file_are_refused(checkout: Checkout, path: str, text: str) -> None:
    """Binary, broken or huge text, and files where folders are (or the other way round)."""
    with pytest.raises(EditRefused):
        checkout.write(path, text)


def stated(path: str, diff: str) -> FilePatch:
    """A patch that somebody else wrote."""
    return FilePatch(repo_name="acme/shop", diff=diff, patch=PatchStat(path=path))


UNLINKED = (
    "diff --git a/passwd b/passwd\ndeleted file mode 120000\n--- a/passwd\n+++ /dev/null\n@@ -1 +0,0 @@\n"
    "-/etc/passwd\n\\ No newline at end of file\n"
)
NEW = "diff --git a/{0} b/{0}\nnew file mode {1}\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+x\n"


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        (stated("a.py", NEW.format("b.py", 100644)), PathRefused),
        (stated(".env2", NEW.format(".env2", 100644) + NEW.format("x/.env", 100644)), PathRefused),
        (stated("x/.env", NEW.format("x/.env", 100644)), PathRefused),
        (stated("link", NEW.format("link", 120000)), PathRefused),
        (stated("../up", NEW.format("../up", 100644)), EditRefused),
        (stated(".git/config", NEW.format(".git/config", 100644)), EditRefused),
        (stated("passwd", UNLINKED), PathRefused),
        (stated("a.py", "not a patch"), EditRefused),
        (stated(CART_PATH, NEW.format(CART_PATH, 100644)), EditRefused),
    ],
)  # fmt: skip
def test_foreign_patches_are_checked(checkout: Checkout, patch: FilePatch, error: type[Exception]) -> None:
    """A patch may change its own regular, unprotected file and nothing else, wherever it came from."""
    with pytest.raises(error):
        reopened(checkout, patch)


# --- openings --------------------------------------------------------------------------------------------------------------


def worktrees(data_dir: Path) -> list[Path]:
    """The folders that there are."""
    return list((data_dir / "worktrees").glob("*"))


def test_nothing_is_made_until_it_is_needed(repository: RepositoryRef, data_dir: Path) -> None:
    """Steps that read no code pay for no worktree; history comes from the mirror."""
    pins = pin_repositories([repository], "")
    with open_workspace("session", [repository], pins, []) as checkouts:
        checkouts["acme/shop"].log()
        assert not list((data_dir / "worktrees").glob("*/0"))
        assert checkouts["acme/shop"].read(CART_PATH)
        assert list((data_dir / "worktrees").glob("*/0"))
    assert worktrees(data_dir) == []


def test_two_workers_at_one_session_do_not_meet(checkout: Checkout) -> None:
    """A worker that was taken over and its successor each have a worktree; neither sees nor removes the other's."""
    checkout.write(CART_PATH, "mine")
    pins = {checkout.name: checkout.sha}
    with open_workspace("session", [checkout.repository], pins, []) as checkouts:
        assert checkouts["acme/shop"].read(CART_PATH) == CART
        drop_workspace("session")
        assert checkouts["acme/shop"].read("README.md")
    assert checkout.read(CART_PATH) == "mine"


def test_what_a_killed_worker_left_is_removed(repository: RepositoryRef, data_dir: Path) -> None:
    """A worktree whose worker is gone goes with the session's next opening."""
    pins = pin_repositories([repository], "")
    child = os.fork()
    if child == 0:
        with open_workspace("session", [repository], pins, []) as checkouts:
            checkouts["acme/shop"].paths()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(worktrees(data_dir)) == 1
    with open_workspace("session", [repository], pins, []):
        assert len(worktrees(data_dir)) == 1
    assert worktrees(data_dir) == []


def test_the_patched_tree_is_plain_files(checkout: Checkout) -> None:
    """The worktree works without git: a program in it runs."""
    checkout.write("main.py", "from shop.cart import total\nprint(total({'tea': 2}, ['tea']))\n")
    done = subprocess.run([sys.executable, "main.py"], cwd=checkout.root, capture_output=True, check=True)
    assert done.stdout == b"2\n"
