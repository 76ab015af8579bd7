"""Tools that read git's history."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from autofix.explorer.tools.answers import checkout_of, lines, tool
from autofix.explorer.tools.toolbox import Toolbox
from autofix.explorer.workspace import Commit
from autofix.redaction import without_keys

MAX_BLAMED = 400
MAX_COMMITS = 100


@tool
def blame(toolbox: Toolbox, path: str, start_line: int, end_line: int, repo_name: str = "") -> str:
    """Who last changed each of these lines (at most 400): line, commit, date, author, text."""
    end = min(end_line, start_line + MAX_BLAMED - 1)
    checkout = checkout_of(toolbox, repo_name)
    found = checkout.blame(path, start_line, end)
    text = without_keys(checkout.read_pinned(path) or "").split("\n")
    told = [
        f"{line.line}\t{line.commit.sha[:7]} {line.commit.committed_date} {line.commit.author_name}\t{text[line.line - 1]}"
        for line in found
    ]
    if end < end_line and len(found) == MAX_BLAMED:
        told.append(f"[up to {end_line - end} more; ask from line {end + 1}]")
    return lines(told, "There are no such lines.")


@tool
def log(
    toolbox: Toolbox,
    path: str = "",
    containing: str = "",
    limit: Annotated[int, Field(ge=1, le=MAX_COMMITS)] = 20,
    repo_name: str = "",
) -> str:
    """The newest commits, of one path, or that added or removed a text."""
    found = checkout_of(toolbox, repo_name).log(path, containing=containing, limit=limit + 1)
    more = "[more; ask with a higher limit or for one path]"
    told = [*map(_told, found[:limit]), *([more] if len(found) > limit else [])]
    return lines(told, "No commit found.")


@tool
def show_commit(toolbox: Toolbox, sha: str, path: str = "", repo_name: str = "") -> str:
    """One commit's message and changes; with a path, only those of that file."""
    return checkout_of(toolbox, repo_name).show(sha, path=path)


def _told(commit: Commit) -> str:
    subject = commit.message.partition("\n")[0]
    return f"{commit.sha[:7]} {commit.committed_date} {commit.author_name} <{commit.author_email}> {subject}"
