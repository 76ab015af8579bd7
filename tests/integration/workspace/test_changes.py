"""What an agent may change, and that a change is rebuilt from its patches."""

from __future__ import annotations

import pytest

from autofix.exceptions import EditRefused, PathRefused
from autofix.explorer.state import FilePatch, PatchStat
from autofix.explorer.workspace import (
    Checkout,
)
from tests.integration.workspace.shop import CART_PATH, reopened
from tests.repositories import CART


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
