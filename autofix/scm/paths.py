"""Which paths inside a repository may be named at all, and which may be written. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from autofix.exceptions import PathRefused

MAX_PATH = 1024
# File systems that ignore these code points would take ".g\u200cit" for ".git" (git's own list for HFS+).
_IGNORABLE = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
_REFUSED = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_GIT_NAMES = {".git", "git~1"}


def confined(path: str) -> str:
    """The path, which is relative, normal and names nothing of git's own; PathRefused otherwise."""
    if not path or len(path) > MAX_PATH:
        raise PathRefused("A path must have 1 to 1,024 characters.")
    if _REFUSED.search(path):
        raise PathRefused("A path must not hold backslashes, control characters or surrogates.")
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise PathRefused("A path must be relative to the repository and normal: no '..', no empty part.")
    if any(_is_gits_own(part) for part in parts):
        raise PathRefused("A path must not lead into .git.")
    return path


def _is_gits_own(part: str) -> bool:
    seen = part.translate(_IGNORABLE).split(":", 1)[0].rstrip(" .").casefold()
    return seen in _GIT_NAMES


def is_protected(path: str, patterns: Iterable[str]) -> bool:
    """Does a pattern match the path? ``**`` spans folders (none, too), ``*`` stays within one; case is ignored."""
    parts = path.casefold().split("/")
    return any(_matches(parts, pattern.casefold().strip("/").split("/")) for pattern in patterns)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        rest = pattern[1:]
        return any(_matches(parts[skip:], rest) for skip in range(len(parts) + 1)) if rest else bool(parts)
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
