"""CODEOWNERS: who owns a path. The last pattern that matches wins (GitHub's rules)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autofix.explorer.agents.offline.evidence import read
from autofix.explorer.workspace import Checkout

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # the first one that exists counts
MAX_LINES = 5_000
MAX_PATTERN = 500


@dataclass(frozen=True)
class Ownership:
    """The owners of a path, and the line that says so."""

    owners: tuple[str, ...]
    file: str
    line: int


def owners(checkout: Checkout, path: str) -> Ownership | None:
    """Who owns ``path``; None without a CODEOWNERS file, a pattern that matches, or an owner behind it."""
    for place in PLACES:
        file = read(checkout, place)
        if file is not None:
            found = owners_in(file.lines, path)
            return Ownership(found[1], place, found[0]) if found and found[1] else None
    return None


def owners_in(lines: list[str], path: str) -> tuple[int, tuple[str, ...]] | None:
    """(line number, owners) of the last pattern that matches ``path``."""
    result = None
    for number, line in enumerate(lines[:MAX_LINES], start=1):
        words = re.split(r"(?<!\\)\s+", re.sub(r"(^|\s)#.*", "", line).strip())
        if words[0] and matches(words[0].replace("\\ ", " "), path):
            result = number, tuple(words[1:])
    return result


def matches(pattern: str, path: str) -> bool:
    """Does a CODEOWNERS pattern match? ``!`` and ``[ ]`` have no meaning there and match nothing."""
    if pattern.startswith("!") or "[" in pattern or len(pattern) > MAX_PATTERN:
        return False
    anchored = "/" in pattern.rstrip("/")
    folder_only = pattern.endswith("/")
    body = pattern.strip("/")
    if not body:
        return False
    parts = [_part(part) for part in body.split("/")]
    expression = "/".join(parts).replace("\0/", "(?:[^/]+/)*").replace("/\0", "/.+").replace("\0", ".*")
    start = "" if anchored else "(?:.*/)?"
    last = body.split("/")[-1]
    deep = (
        "" if last == "*" and anchored and not folder_only else "(?:/.*)?"
    )  # `docs/*` means only the files right there
    end = "/.+" if folder_only else deep
    return re.fullmatch(start + expression + end, path) is not None


def _part(part: str) -> str:
    if part == "**":
        return "\0"
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(c, re.escape(c)) for c in re.sub(r"\*+", "*", part))
