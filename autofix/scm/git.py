"""Git as a subprocess that trusts nothing: no configuration but ours, no hooks, no prompts, bounded in time and output."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autofix.exceptions import RepositoryUnavailable, WorkFailed
from autofix.scm.processes import Output, execute
from autofix.scm.storage import data_folder

TIMEOUT_S = 60.0
NETWORK_TIMEOUT_S = 300.0
MAX_OUTPUT = 64 * 1024 * 1024
_HOME = "git-home"
_INHERITED = ("PATH", "TMPDIR", "SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
_CONFIG = (
    "protocol.allow=never",
    "http.followRedirects=false",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.autocrlf=false",
    "core.quotePath=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "credential.helper=",
    "submodule.recurse=false",
    "diff.algorithm=histogram",
    "diff.noprefix=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
)
_REMOTE_PROTOCOLS = ("https", "ssh")
_URL = re.compile(
    r"(?:https|ssh|file)://[^\s\x00-\x1f]+|/[^\x00-\x1f]+|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^\s\x00-\x1f]+"
)
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+@-]{0,254}")


@dataclass(frozen=True)
class Git:
    """Git on one store of objects. ``url`` is the remote ``origin``, kept out of the command line and the disk: it may
    hold credentials. ``local`` switches the file transport on.
    """

    git_dir: Path
    work_tree: Path | None = None
    index: Path | None = None
    url: str = ""
    local: bool = False

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        failure: type[WorkFailed] = RepositoryUnavailable,
        accept: Sequence[int] = (0,),
        timeout_s: float = TIMEOUT_S,
        limit: int = MAX_OUTPUT,
        cut: bool = False,
        environment: dict[str, str] | None = None,
    ) -> Output:
        """Run one command; a status outside of ``accept``, a time-out or more output than ``limit`` bytes raises ``failure``.

        ``cut``: output past the limit is dropped instead, and the command stopped.
        """
        command = [
            "git",
            "--literal-pathspecs",
            "--no-replace-objects",
            "--no-pager",
            *self._options(),
            *args,
        ]
        # Never the caller's folder: git looks there for what it was not told.
        place = self.work_tree or data_folder(_HOME)
        variables = self._environment() | (environment or {})
        output, complaint = execute(command, variables, place, stdin=stdin, timeout_s=timeout_s, limit=limit)
        if output is None:
            raise failure(f"git {args[0]} did not end within {timeout_s:.0f} s.")
        if output.truncated:
            if cut:
                return output
            raise failure(f"git {args[0]} printed more than {limit} bytes.")
        if output.code not in accept:
            raise failure(f"git {args[0]} failed: {without_credentials(complaint, self.url)}")
        return output

    def _options(self) -> Iterator[str]:
        protocols = (*_REMOTE_PROTOCOLS, "file") if self.local else _REMOTE_PROTOCOLS
        for setting in (
            *_CONFIG,
            *(f"protocol.{name}.allow=always" for name in protocols),
            "safe.directory=*",
        ):
            yield from ("-c", setting)

    def _environment(self) -> dict[str, str]:
        home = _home(trusting=self.local)
        given = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        ours = {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "LC_ALL": "C",
            "GIT_DIR": str(self.git_dir),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(home / "trusting.gitconfig") if self.local else os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
            "GIT_OPTIONAL_LOCKS": "0",
        }
        if self.work_tree is not None:
            ours["GIT_WORK_TREE"] = str(self.work_tree)
        if self.index is not None:
            ours["GIT_INDEX_FILE"] = str(self.index)
        if self.url:
            url = checked_url(self.url)
            ours |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "remote.origin.url",
                "GIT_CONFIG_VALUE_0": url,
            }
        return given | ours


def checked_url(url: str) -> str:
    """The url, which is https, ssh, file, an absolute path or ``user@host:path``; RepositoryUnavailable otherwise."""
    if _URL.fullmatch(url) is None or "://-" in url or "@-" in url:
        raise RepositoryUnavailable("The repository's address is not one that git may be given.")
    return url


def checked_sha(sha: str) -> str:
    """The full sha; RepositoryUnavailable when it is anything else."""
    if _SHA.fullmatch(sha) is None:
        raise RepositoryUnavailable("A commit must be named by its full sha.")
    return sha


def is_safe_name(name: str) -> bool:
    """May this be a branch, tag or revision in a command? Options and git's revision operators may not."""
    if _NAME.fullmatch(name) is None or name.endswith(("/", ".", ".lock")):
        return False
    return not any(sequence in name for sequence in ("..", "//", "@{", "/.", ".lock/"))


def without_credentials(message: str, url: str = "") -> str:
    """The message's last lines without what stands between ``://`` and ``@``, and without control characters."""
    userinfo = re.match(r"[a-z]+://([^/@]*)@", url)
    for secret in filter(None, re.split("[:]", userinfo.group(1)) if userinfo else []):
        message = message.replace(secret, "…")
    message = re.sub(r"://[^/\s]*@", "://…@", message)
    lines = [re.sub(r"[\x00-\x1f\x7f]", " ", line).strip() for line in message.splitlines()]
    return " ".join(line for line in lines[-6:] if line)[-500:] or "it gave no reason"


def _home(*, trusting: bool) -> Path:
    # Empty but for one file: a served local repository is opened by a second git, which sees no -c of the first.
    home = data_folder(_HOME)
    if trusting and not (home / "trusting.gitconfig").exists():
        fresh = home / f"trusting.{os.getpid()}.{time.monotonic_ns()}"
        fresh.write_text("[safe]\n\tdirectory = *\n")
        fresh.replace(home / "trusting.gitconfig")
    return home
