"""A small program that crashes. It has what it was before, what it should give once mended, or None where no edit is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent


@dataclass(frozen=True)
class Program:
    """``code`` crashes; ``before``: its earlier texts; ``result``: what ``RESULT`` is in the mended program, None to abstain."""

    name: str
    code: str
    before: tuple[str, ...] = ()
    result: object = None
    rule: str = ""
    more: Mapping[str, str] = field(default_factory=dict)


def changed(
    name: str,
    before: str,
    *edits: tuple[str, str],
    result: object = None,
    rule: str = "",
    more: Mapping[str, str] | None = None,
) -> Program:
    """A program that a commit made of another one by replacing texts."""
    code = before
    for old, new in edits:
        assert old in code, old
        code = code.replace(old, new)
    return Program(name, dedent(code), (dedent(before),), result, rule, more or {})
