"""The local provider: repositories on this machine. A pull request there is a pushed branch with a number."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, unquote, urlsplit

from autofix import conf
from autofix.exceptions import AutofixError, PushFailed, RepositoryUnavailable
from autofix.hosts import RepositoryRef
from autofix.scm.base import OpenedPullRequest
from autofix.scm.git import Git, is_safe_name
from autofix.scm.storage import MIRRORS, WORKTREES, data_folder, file_lock

_PULL = re.compile(r"refs/pull/(\d+)/head (\S*)")


class LocalProvider:
    """Repositories on this machine, by path or file:// url: in a folder of ``SCM["local"]["ROOTS"]``, or approved."""

    name: ClassVar[str] = "local"

    def check(self, repository: RepositoryRef) -> str:
        """Empty when the repository can be read; else a sentence that says why not."""
        try:
            Git(self._path(repository), local=True).run("rev-parse", "--git-dir")
        except AutofixError as exc:
            return exc.detail
        return ""

    def clone_url(self, repository: RepositoryRef) -> str:
        """The ``file://`` url of the repository; RepositoryUnavailable when it may not be used."""
        return f"file://{quote(str(self._path(repository)))}"

    def allows_local_transport(self, repository: RepositoryRef) -> bool:
        """Yes: a path that may not be used has no url."""
        return True

    def find_or_open_pull_request(
        self, repository: RepositoryRef, *, branch: str, base: str, title: str, body: str
    ) -> OpenedPullRequest:
        """The number whose ref ``refs/pull/<number>/head`` follows this branch, given to it now when there is none."""
        if not is_safe_name(branch):
            raise PushFailed("The branch has a name that git may not be given.")
        git = Git(self._path(repository), local=True)
        with file_lock(data_folder(MIRRORS) / f"{_digest(git.git_dir)}.pulls.lock"):
            number = self._number_of(git, branch) or self._open(git, branch)
        return OpenedPullRequest(pr_id=number, number=number, url=f"{self.clone_url(repository)}#{branch}")

    def _number_of(self, git: Git, branch: str) -> int | None:
        return next((number for number, followed in _pulls(git) if followed == f"refs/heads/{branch}"), None)

    def _open(self, git: Git, branch: str) -> int:
        git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/heads/{branch}", failure=PushFailed
        )
        number = 1 + max((number for number, _ in _pulls(git)), default=0)
        # Symbolic, so that it follows later pushes, as a hosted pull request does.
        git.run("symbolic-ref", f"refs/pull/{number}/head", f"refs/heads/{branch}", failure=PushFailed)
        return number

    def _path(self, repository: RepositoryRef) -> Path:
        path = named_path(repository.url)
        if (path / ".git" / "HEAD").is_file():
            path = (path / ".git").resolve()  # what is used is what is judged: .git may be a link
        roots = [Path(root).resolve() for root in conf.settings().scm.get(self.name, {}).get("ROOTS", ())]
        if not repository.approved and not any(path.is_relative_to(root) for root in roots):
            raise RepositoryUnavailable(
                "The repository lies outside of the folders that SCM['local']['ROOTS'] names, and no operator has "
                "approved it."
            )
        # Mirrors hold other tenants' code.
        if any(path.is_relative_to(data_folder(ours)) for ours in (MIRRORS, WORKTREES)):
            raise RepositoryUnavailable("The repository lies in a folder that is autofix's own.")
        if not (path / "HEAD").is_file():
            raise RepositoryUnavailable("There is no git repository at this path.")
        return path


def named_path(url: str) -> Path:
    """The real path that a path or a ``file://`` url names; RepositoryUnavailable when it names none."""
    parts = urlsplit(url)
    is_url = parts.scheme == "file" and parts.netloc in ("", "localhost")
    path = Path(unquote(parts.path) if is_url else url)
    if not path.is_absolute() or "\0" in str(path):
        raise RepositoryUnavailable("A local repository is named by an absolute path or a file:// url.")
    return path.resolve()


def _pulls(git: Git) -> list[tuple[int, str]]:
    """Number and followed branch of every pull request."""
    listed = git.run("for-each-ref", "--format=%(refname) %(symref)", "refs/pull/").text
    found = (_PULL.fullmatch(line) for line in listed.splitlines())
    return [(int(match[1]), match[2]) for match in found if match]


def _digest(path: Path) -> str:
    return sha256(str(path).encode()).hexdigest()
