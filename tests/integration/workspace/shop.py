"""A small shop with odd files, and how another worker sees it."""

from __future__ import annotations

from autofix.explorer.state import FilePatch
from autofix.explorer.workspace import (
    Checkout,
    open_workspace,
)
from tests.repositories import ANN, Snapshot

CART_PATH = "shop/cart.py"
ODD = Snapshot(
    {
        "image.png": b"\x89PNG\0\1", "latin.txt": "Grüße".encode("latin-1"), "big.txt": "x" * 2**20 + "y",
        ".env": "KEY=1\n", ".gitignore": "*.log\n", "run.sh": "echo\n",
        ".gitattributes": "* text eol=crlf\n*.py -diff export-ignore\n",
    },
    "Odd files", ANN, 4, links={"passwd": "/etc/passwd", "docs": "shop"},
)  # fmt: skip


def reopened(checkout: Checkout, *patches: FilePatch) -> dict[str, str]:
    """The cart and the files that the patches name, as another worker sees them."""
    names = {CART_PATH, *(patch.patch.path for patch in patches)}
    with open_workspace("other", [checkout.repository], {checkout.name: checkout.sha}, patches) as checkouts:
        other = checkouts[checkout.name]
        return {name: other.read(name) for name in names if name in other.paths()}
