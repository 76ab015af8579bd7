"""The demo's program: its history (told commit by commit in ``history/``), a bare repository, a checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, rmtree, which

HISTORY = Path(__file__).parent / "history"
BRANCH = "main"
REPOSITORY = "acme/shop"
FINE_BASKET = "baskets/1001.json"
CRASHING_BASKET = "baskets/2017.json"
TIMEOUT_S = 60
EXCEPTION_LINE = re.compile(r"[\w.]+(Error|Exception)\b")
GIT = which("git") or "git"

# The user's own git configuration (signing, hooks, templates) has no say in the demo.
GIT_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


def git(directory: Path, *args: str, **environment: str) -> str:
    """What git says; CalledProcessError when it fails."""
    done = subprocess.run(
        [GIT, *args], cwd=directory, env=GIT_ENVIRONMENT | environment, capture_output=True, text=True,
        check=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    return done.stdout


@dataclass(frozen=True)
class Ran:
    """How a run of the program ended."""

    exit_code: int
    output: str
    errors: str

    @property
    def last_error_line(self) -> str:
        """The exception's own line: the SDK may say something after it."""
        lines = self.errors.strip().splitlines()
        raised = [line for line in lines if EXCEPTION_LINE.match(line)]
        return (raised or lines or [""])[-1]


@dataclass(frozen=True)
class Program:
    """A bare repository of the program, as a code host would keep it, and a checkout of it."""

    bare: Path
    checkout: Path

    @property
    def head(self) -> str:
        """The sha that the checkout is at."""
        return git(self.checkout, "rev-parse", "HEAD").strip()

    def branches(self) -> dict[str, str]:
        """The bare repository's branches with their shas."""
        lines = git(
            self.bare, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"
        ).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def switch(self, branch: str) -> None:
        """Check out a branch of the bare repository as it is there now."""
        git(self.checkout, "fetch", "--quiet", "origin", f"+refs/heads/{branch}:refs/remotes/origin/{branch}")
        git(self.checkout, "checkout", "--quiet", "--detach", f"refs/remotes/origin/{branch}")

    def run(self, basket: str, *, dsn: str = "") -> Ran:
        """Run the program on a basket; with a DSN it reports its crash there by the Sentry SDK before it ends."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath), "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1", "SENTRY_DSN": dsn, "SENTRY_RELEASE": self.head, "NO_PROXY": "*",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "shop", basket], cwd=self.checkout, env=environment, capture_output=True,
            text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)


def build_program(directory: Path) -> Program:
    """Tell the history anew, push it to ``<directory>/shop.git`` and clone that to ``<directory>/shop``."""
    rmtree(directory, ignore_errors=True)  # half of it, when somebody stopped us in the middle
    directory.mkdir(parents=True)
    desk, bare, checkout = directory / "desk", directory / "shop.git", directory / "shop"
    desk.mkdir()
    git(desk, "init", "--quiet", f"--initial-branch={BRANCH}")
    for chapter in sorted(path for path in HISTORY.iterdir() if path.is_dir()):
        _commit(desk, chapter)
    git(directory, "clone", "--quiet", "--bare", str(desk), str(bare))
    git(directory, "clone", "--quiet", str(bare), str(checkout))
    return Program(bare, checkout)


def open_program(directory: Path) -> Program:
    """The program in that directory; built when it is not there yet."""
    program = Program(directory / "shop.git", directory / "shop")
    return program if program.checkout.is_dir() else build_program(directory)


def _commit(desk: Path, chapter: Path) -> None:
    """Lay a chapter's files over the tree so far and commit them as their author did."""
    said = tomllib.loads((chapter / "commit.toml").read_text(encoding="utf-8"))
    copytree(chapter / "tree", desk, dirs_exist_ok=True)
    git(desk, "add", "--all")
    git(
        desk, "commit", "--quiet", "--message", said["message"].strip(),
        GIT_AUTHOR_NAME=said["author_name"], GIT_AUTHOR_EMAIL=said["author_email"],
        GIT_AUTHOR_DATE=said["date"],
        GIT_COMMITTER_NAME=said["author_name"], GIT_COMMITTER_EMAIL=said["author_email"],
        GIT_COMMITTER_DATE=said["date"],
    )  # fmt: skip
