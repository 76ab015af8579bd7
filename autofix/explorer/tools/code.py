"""Tools that read code."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from autofix.explorer.searching import MAX_LINE
from autofix.explorer.tools.answers import ToolRefused, checkout_of, lines, tool
from autofix.explorer.tools.toolbox import Toolbox
from autofix.explorer.workspace import Checkout, Match, NotText
from autofix.redaction import REDACTED, without_keys

MAX_MATCHES = 200
MAX_PATHS = 500
MAX_READ_LINES = 800
_MAY_BE_KEY = re.compile(r"\s*[A-Za-z0-9+/=]{16,}\s*")


@tool
def list_files(toolbox: Toolbox, pattern: str = "*", repo_name: str = "") -> str:
    """Paths of files that match a shell pattern, in which a star spans folders."""
    paths = [path for path in checkout_of(toolbox, repo_name).paths() if fnmatchcase(path, pattern)]
    note = [f"[{len(paths) - MAX_PATHS} more; ask with a narrower pattern]"] if len(paths) > MAX_PATHS else []
    return lines([*paths[:MAX_PATHS], *note], f"No file matches {pattern!r}.")


@tool
def read_file(
    toolbox: Toolbox, path: str, start_line: int = 1, end_line: int | None = None, repo_name: str = ""
) -> str:
    """Lines of a file as it is now, each behind its number; at most 800 at once."""
    text = without_keys(checkout_of(toolbox, repo_name).read(path)).removesuffix("\n").split("\n")
    start = max(start_line, 1)
    end = min(len(text) if end_line is None else end_line, len(text), start + MAX_READ_LINES - 1)
    if start > end:
        raise ToolRefused(f"{path} has {len(text)} lines; {start_line} to {end_line} are not among them.")
    shown = [f"{number}\t{text[number - 1]}" for number in range(start, end + 1)]
    return "\n".join(
        [*shown, *([f"[{len(text) - end} more; ask from line {end + 1}]"] if end < len(text) else [])]
    )


@tool
def search_code(
    toolbox: Toolbox, pattern: str, *, regex: bool = False, under: str = "", repo_name: str = ""
) -> str:
    """Lines that hold a text (or match an extended regular expression), as path:line: text."""
    checkout = checkout_of(toolbox, repo_name)
    found = checkout.search(pattern, regex=regex, under=under, limit=MAX_MATCHES + 1)
    told = [f"{match.path}:{match.line}: {_line(checkout, match)}" for match in found[:MAX_MATCHES]]
    more = ["[more; ask with a narrower pattern or folder]"] if len(found) > MAX_MATCHES else []
    return lines([*told, *more], "Nothing found.")


def _line(checkout: Checkout, match: Match) -> str:
    """The line, unless it is from within a private key."""
    if _MAY_BE_KEY.fullmatch(match.text) is None:
        return match.text
    try:
        return without_keys(checkout.read(match.path)).split("\n")[match.line - 1][:MAX_LINE]
    except (NotText, OSError):
        return REDACTED
