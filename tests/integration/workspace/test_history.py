"""Who changed what, up to the pin."""

from __future__ import annotations

import pytest

from autofix.exceptions import RepositoryUnavailable
from autofix.explorer.workspace import (
    Checkout,
    Commit,
)
from tests.integration.workspace.shop import CART_PATH


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
