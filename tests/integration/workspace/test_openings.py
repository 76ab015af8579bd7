"""Worktrees come and go with their workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from autofix.explorer.workspace import (
    Checkout,
    drop_workspace,
    open_workspace,
    pin_repositories,
)
from autofix.hosts import RepositoryRef
from tests.integration.workspace.shop import CART_PATH
from tests.repositories import CART


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
