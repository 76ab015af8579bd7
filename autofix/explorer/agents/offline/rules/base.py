"""What a rule is: it recognises one kind of mistake in the evidence and plans the one edit that mends it, or keeps silent."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NotRequired, Protocol, TypedDict, Unpack

from autofix.explorer.agents.offline.crash_site import CrashSite
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence
from autofix.explorer.agents.offline.python_code import Function


@dataclass(frozen=True)
class Abstain:
    """No edit, and why. ``code`` is a machine word."""

    code: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """A statement with the lines of code that show it."""

    text: str
    file: CodeFile
    start_line: int
    end_line: int


@dataclass(frozen=True)
class Plan:
    """One edit of one file.

    ``title`` names the edit in a few words, as a pull request does; ``cause`` says in a sentence why it fails, ``change``
    what the edit does, ``findings`` what the edit rests on.
    ``suspect`` is the commit that made it fail, where the rule met it.
    """

    rule: str
    file: CodeFile
    function: Function | None
    start_line: int
    end_line: int
    title: str
    cause: str
    change: str
    findings: tuple[Finding, ...]
    transform: Callable[[str], str | Abstain]
    suspect: str = ""

    @property
    def where(self) -> str:
        """The function that is edited, by its qualified name; ``<module>`` outside of any."""
        return self.function.qualname if self.function else "<module>"

    def edit(self, source: str) -> str | Abstain:
        """The file's new text: formatting kept, compiled, changed; otherwise why not."""
        if source != self.file.source:
            return Abstain("code_differs", f"{self.file.path} is not the text that the plan was made for.")
        edited = self.transform(source)
        if isinstance(edited, Abstain):
            return edited
        if edited == source:
            return Abstain("nothing_changed", "The edit changes nothing.")
        try:
            compile(edited, self.file.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as exc:
            return Abstain("does_not_compile", f"The edited {self.file.path} would not compile: {exc}")
        return edited


class Said(TypedDict):
    """What a plan says besides where it is: see :class:`Plan`."""

    title: str
    cause: str
    change: str
    findings: tuple[Finding, ...]
    transform: Callable[[str], str | Abstain]
    suspect: NotRequired[str]


def plan_at(
    rule: Rule, site: CrashSite, lines: ast.expr | ast.stmt | tuple[int, int], **said: Unpack[Said]
) -> Plan:
    """The plan of an edit of the failing function, at these lines or at those of this node."""
    start, end = lines if isinstance(lines, tuple) else (lines.lineno, lines.end_lineno or lines.lineno)
    return Plan(rule.name, site.place.file, site.function, start, end, **said)


class Rule(Protocol):
    """A kind of mistake. ``matches`` gives None where it is another kind, or the precondition of a safe edit is not there.

    ``before`` and ``after`` are an example, for people; the class's docstring says when the rule applies.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    before: ClassVar[str]
    after: ClassVar[str]

    def matches(self, evidence: Evidence) -> Plan | None:
        """The plan, only where the code that was read shows the edit to be right."""
        ...
