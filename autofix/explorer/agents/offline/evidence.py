"""What the event shows, placed in the code at the pin: the exception chain, and each frame's file, line and function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from autofix.exceptions import WorkFailed
from autofix.explorer.agents.offline import python_code
from autofix.explorer.agents.offline.python_code import Function, Module
from autofix.explorer.workspace import Checkout
from autofix.hosts.types import Event, ExceptionInfo, Frame, Issue

LIBRARY_FOLDERS = frozenset(
    {"site-packages", "dist-packages", "node_modules", ".venv", "venv", "vendor", "_vendor"}
)
MAX_FRAMES = 200  # of the innermost frames; more of them only repeat (recursion)


@dataclass(frozen=True)
class CodeFile:
    """One file of a repository as it is at the pin."""

    checkout: Checkout
    path: str
    source: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines as git counts them."""
        return self.source.split("\n")

    @cached_property
    def module(self) -> Module | None:
        """The parsed file, None when it is no readable Python."""
        return python_code.parse(self.source) if self.path.endswith(".py") else None

    def line(self, number: int) -> str:
        """One line, counted from 1; empty past the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


@dataclass(frozen=True)
class Place:
    """A frame of the raised exception, found in a repository. ``depth``: its index among the exception's frames."""

    file: CodeFile
    frame: Frame
    line: int
    depth: int

    @property
    def matches(self) -> bool:
        """Is the line at the pin the one that the frame shows? True where the frame shows none."""
        shown = self.frame.context_line
        return shown is None or not shown.strip() or shown.strip() == self.file.line(self.line).strip()

    @cached_property
    def function(self) -> Function | None:
        """The function around the line."""
        return self.file.module.function_at(self.line) if self.file.module else None

    @property
    def function_name(self) -> str:
        """Its qualified name; the frame's word where the file is no Python."""
        return self.function.qualname if self.function else (self.frame.function or "<module>")

    @property
    def variables(self) -> dict[str, object]:
        """The frame's locals as the SDK wrote them: ``repr`` texts, lists and objects."""
        return self.frame.variables


@dataclass(frozen=True)
class Evidence:
    """Everything that conclusions may rest on. ``places`` run from the outermost frame to the failing one."""

    issue: Issue
    event: Event | None
    exception: ExceptionInfo | None
    places: tuple[Place, ...]
    checkouts: Mapping[str, Checkout]

    @property
    def failing(self) -> Place | None:
        """The innermost frame that lies in a repository."""
        return self.places[-1] if self.places else None


def gather(event: Event | None, issue: Issue, checkouts: Mapping[str, Checkout]) -> Evidence:
    """The evidence of one event in these checkouts."""
    raised = event.raised if event else None
    places = _places(raised, checkouts) if raised else ()
    return Evidence(issue, event, raised, places, checkouts)


def read(checkout: Checkout, path: str) -> CodeFile | None:
    """The file at the pin, None when it is missing, refused or no text."""
    try:
        source = checkout.read_pinned(path)
    except (WorkFailed, OSError, ValueError):
        return None
    return None if source is None else CodeFile(checkout, path, source)


def _places(raised: ExceptionInfo, checkouts: Mapping[str, Checkout]) -> tuple[Place, ...]:
    offset = max(len(raised.frames) - MAX_FRAMES, 0)
    frames = raised.frames[offset:]
    wanted = {PurePosixPath(shown_path(frame)).name for frame in frames}
    suffixes = (
        {name: _by_basename(checkout.pinned.paths, wanted) for name, checkout in checkouts.items()}
        if frames
        else {}
    )
    files: dict[tuple[str, str], CodeFile | None] = {}
    places = []
    any_in_app = any(frame.in_app for frame in raised.frames)
    for index, frame in enumerate(frames):
        key = (frame.abs_path, frame.filename)
        if not frame.lineno or (any_in_app and not frame.in_app):
            continue
        if key not in files:
            files[key] = _find(frame, checkouts, suffixes)
        file = files[key]
        if file is not None:
            places.append(Place(file, frame, frame.lineno, offset + index))
    return tuple(places)


def _find(
    frame: Frame, checkouts: Mapping[str, Checkout], suffixes: Mapping[str, Mapping[str, list[str]]]
) -> CodeFile | None:
    shown = shown_path(frame)
    if LIBRARY_FOLDERS.intersection(PurePosixPath(shown).parts):
        return None
    for name, checkout in checkouts.items():
        path = mapped(shown, checkout.repository.stack_root, checkout.repository.source_root)
        if path and path in suffixes[name].get(PurePosixPath(path).name, []):
            return read(checkout, path)
    found = longest_suffix(
        shown, {name: index.get(PurePosixPath(shown).name, []) for name, index in suffixes.items()}
    )
    if found is None:
        return None
    name, path, parts = found
    file = read(checkouts[name], path)
    if parts == 1 and "/" in shown and not _shows_line(file, frame):
        return None  # only the file's name agrees: `client.py` is in every library
    return file


def shown_path(frame: Frame) -> str:
    """The frame's path with forward slashes."""
    return (frame.abs_path or frame.filename).replace("\\", "/")


def mapped(shown: str, stack_root: str, source_root: str) -> str:
    """The repository path of a frame's path by the repository's code mapping; empty where it does not apply."""
    if not stack_root or not shown.startswith(stack_root):
        return ""
    return f"{source_root}{shown[len(stack_root) :]}".replace("//", "/").lstrip("/")


def longest_suffix(shown: str, candidates: Mapping[str, list[str]]) -> tuple[str, str, int] | None:
    """(repository, path, number of agreeing last parts) of the one path that agrees longest; None where two agree."""
    wanted = PurePosixPath(shown).parts
    scored = [
        (_agreeing(wanted, PurePosixPath(path).parts), name, path)
        for name, paths in candidates.items()
        for path in paths
    ]
    best = max((score for score, _, _ in scored), default=0)
    winners = [(name, path) for score, name, path in scored if score == best and best > 0]
    return (*winners[0], best) if len(winners) == 1 else None


def _agreeing(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(reversed(left), reversed(right), strict=False):
        if a != b:
            break
        count += 1
    return count


def _shows_line(file: CodeFile | None, frame: Frame) -> bool:
    text = (frame.context_line or "").strip()
    return bool(file and text and frame.lineno and text == file.line(frame.lineno).strip())


def _by_basename(paths: list[str], wanted: set[str]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {name: [] for name in wanted}
    for path in paths:
        name = path.rpartition("/")[2]
        if name in index:
            index[name].append(path)
    return index
