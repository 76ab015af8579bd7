"""Small git repositories with fixed authors and dates, made with the real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from autofix.hosts import RepositoryRef

ANN = ("Ann", "ann@example.com")
BEN = ("Ben", "ben@example.com")
CART = "def total(prices, names):\n    return sum(prices[name] for name in names)\n"
SAFER_CART = CART.replace("prices[name]", "prices.get(name, 0)")


@dataclass(frozen=True)
class Snapshot:
    """One commit: files to write (None deletes one), message, author, day of March 2026, tag."""

    files: Mapping[str, str | bytes | None]
    message: str
    author: tuple[str, str] = ANN
    day: int = 1
    tag: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


SHOP = (
    Snapshot(
        {"shop/cart.py": CART.replace("sum(", "float("), "README.md": "A shop.\n"}, "Add a cart", ANN, 1
    ),
    Snapshot({"shop/cart.py": CART}, "Sum the prices\n\nAll of them.", BEN, 2, tag="v1.0"),
    Snapshot({"README.md": "A small shop.\n"}, "Say how small", ANN, 3),
)


def local_roots(*roots: Path) -> override_settings:
    """The settings, with local repositories allowed in these folders only."""
    options = {"ROOTS": [str(root) for root in roots]}
    return override_settings(AUTOFIX={**settings.AUTOFIX, "SCM": {"local": options}})


def bare_repository(
    folder: Path, snapshots: Sequence[Snapshot] = SHOP, *, name: str = "acme/shop"
) -> RepositoryRef:
    """A bare repository ``origin.git`` in the folder, with these commits on ``main``."""
    work, bare = folder / "work", folder / "origin.git"
    work.mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    (work / ".git" / "info" / "attributes").write_text("* -text\n")  # blobs hold what the snapshots say
    for snapshot in snapshots:
        _commit(work, snapshot)
    git(folder, "clone", "--quiet", "--bare", str(work), str(bare))
    return RepositoryRef(name=name, provider="local", url=bare.as_uri())


def path_of(repository: RepositoryRef) -> Path:
    """Where the bare repository is."""
    return Path(repository.url.removeprefix("file://"))


def git(folder: Path, *args: str, **environment: str) -> str:
    """Run git as a person would, without this machine's configuration; what it printed."""
    scrubbed = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    done = subprocess.run(
        ["git", *args],
        cwd=folder,
        env={**scrubbed, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _commit(work: Path, snapshot: Snapshot) -> None:
    for path, content in snapshot.files.items():
        place = work / path
        if content is None:
            place.unlink()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    for path, target in snapshot.links.items():
        (work / path).symlink_to(target)
    git(work, "add", "--all", "--force")
    date = f"2026-03-{snapshot.day:02}T12:00:00+00:00"
    name, email = snapshot.author
    git(
        work, "commit", "--quiet", "--allow-empty", "-m", snapshot.message,
        GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=email, GIT_AUTHOR_DATE=date,
        GIT_COMMITTER_NAME=name, GIT_COMMITTER_EMAIL=email, GIT_COMMITTER_DATE=date,
    )  # fmt: skip
    if snapshot.tag:
        git(work, "tag", snapshot.tag)
