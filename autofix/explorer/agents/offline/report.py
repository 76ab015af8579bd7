"""The blocks of a turn: what was asked for, what was read, what follows from it. Plain enough to be read by people."""

from __future__ import annotations

import json
from collections.abc import Iterator

from autofix.artifact_schemas import Artifact as ArtifactModel
from autofix.explorer.agents.offline import history
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence
from autofix.explorer.agents.offline.investigation import Investigation
from autofix.explorer.agents.offline.root_cause import symptom
from autofix.explorer.agents.offline.wording import redacted, shortened, storable
from autofix.explorer.state import Artifact, BlockContent, FilePatch, Message, ToolCall

LABEL = "Written by the offline agent: rules and history, no language model."
CODE_AROUND = 4  # lines before and after a cited one
MAX_SHOWN_FRAMES = 20


def said(text: str, *patches: FilePatch) -> BlockContent:
    """A remark of the agent's, with the file patches that it speaks of."""
    return BlockContent(message=Message(role="assistant", content=storable(text)), file_patches=list(patches))


def artifact(key: str, data: ArtifactModel, text: str) -> BlockContent:
    """The result under its key."""
    return BlockContent(
        message=Message(role="assistant", content=storable(f"{text}\n\n{LABEL}")),
        artifacts=[Artifact(key=key, data=data.model_dump(mode="json"), reason=LABEL)],
    )


def asked(text: str, function: str, answer: str, **arguments: object) -> Iterator[BlockContent]:
    """A question to a tool, and its answer."""
    call = ToolCall(function=function, args=json.dumps(arguments, sort_keys=True), id=function)
    yield BlockContent(message=Message(role="assistant", content=text, tool_calls=[call]))
    yield BlockContent(message=Message(role="tool_use", content=storable(answer), tool_calls=[call]))


def reading(found: Investigation) -> Iterator[BlockContent]:
    """What was read for the root cause: event, frames, code, history."""
    yield from asked("I start with the event.", "read_event", _event(found.evidence))
    failing = found.evidence.failing
    if failing is None:
        return
    yield from asked("Which files of the repository are on the stack?", "map_frames", _frames(found.evidence))
    yield from asked(
        f"The code that failed, at commit {failing.file.checkout.sha[:7]}:",
        "read_code",
        _code(failing.file, failing.line, failing.line),
        repo_name=failing.file.checkout.name,
        path=failing.file.path,
        line=failing.line,
    )
    for step in found.steps[:5]:
        yield from asked(
            f"{step.text[0].upper()}{step.text[1:]}:" if step.text else "And before:",
            "read_code",
            _code(step.file, step.start_line, step.end_line),
            repo_name=step.file.checkout.name,
            path=step.file.path,
            line=step.start_line,
        )


def blaming(found: Investigation) -> Iterator[BlockContent]:
    """What was read for triage: the history of the ranked lines."""
    for place in found.places[:3]:
        lines = _blame(place.file, place.start_line, place.end_line)
        if lines:
            yield from asked(
                f"Who wrote `{place.function}` ({place.file.path}:{place.start_line})?",
                "blame",
                lines,
                repo_name=place.file.checkout.name,
                path=place.file.path,
                start=place.start_line,
                end=place.end_line,
            )


def _event(evidence: Evidence) -> str:
    event = evidence.event
    if event is None:
        return "No event is stored."
    parts = [f"{symptom(evidence)}", f"level {event.level}"]
    parts += [
        f"{name} {shortened(value)}"
        for name in ("environment", "release", "transaction")
        if (value := getattr(event, name))
    ]
    chain = [f"caused by {shortened(f'{e.type}: {e.value}')}" for e in reversed(event.exceptions[:-1])]
    return "\n".join([*parts, *chain[:10]])


def _frames(evidence: Evidence) -> str:
    shown = [
        f"{place.file.checkout.name}:{place.file.path}:{place.line} {place.function_name}"
        + ("" if place.matches else " (the line there is another one)")
        for place in evidence.places[-MAX_SHOWN_FRAMES:]
    ]
    failing = evidence.failing
    variables = failing.variables if failing else {}
    local = [f"  {name} = {redacted(name, value)}" for name, value in list(variables.items())[:20]]
    return storable("\n".join([*shown, *local]))


def _code(file: CodeFile, start: int, end: int) -> str:
    first, last = max(start - CODE_AROUND, 1), min(end + CODE_AROUND, len(file.lines), start + 40)
    return "\n".join(
        f"{number:>5} {'>' if start <= number <= end else ' '} {file.line(number)[:400]}"
        for number in range(first, last + 1)
    )


def _blame(file: CodeFile, start: int, end: int) -> str:
    commits = history.blame(file, start, end)
    return "\n".join(
        f"{c.sha[:7]} {c.committed_date} {c.author_name}: {shortened(c.message, 100)}" for c in commits[:5]
    )
