"""What an agent sees: the pinned files, as they are, and nothing outside of them."""

from __future__ import annotations

import pytest

from autofix.exceptions import EditRefused, PathRefused
from autofix.explorer.workspace import (
    Checkout,
    Match,
    NotText,
)
from tests.integration.workspace.shop import CART_PATH
from tests.repositories import CART


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
