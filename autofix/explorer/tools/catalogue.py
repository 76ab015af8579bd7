"""The tools that a model may call in a turn: each with a name, a description, typed arguments and one way to run it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from autofix.exceptions import Misconfigured
from autofix.explorer.state import Artifact, FilePatch
from autofix.explorer.tools import artifacts, code, custom, editing, events, history, outline, telemetry
from autofix.explorer.tools.answers import bounded, checkout_of, is_refusal, refusal
from autofix.explorer.tools.toolbox import Toolbox

READING = (
    *(events.issue_details, events.event_details, telemetry.event_value, telemetry.recent_events),
    *(telemetry.tag_distribution, telemetry.similar_issues),
    *(code.list_files, code.read_file, code.search_code),
    *(history.blame, history.log, history.show_commit),
)
EDITING = (editing.replace_text, editing.write_file, editing.delete_file)
OURS = frozenset(function.__name__ for function in (*READING, *EDITING, outline.outline))
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
"""What every provider takes as a tool's name."""


@dataclass(frozen=True)
class Answer:
    """What a call gave: text for the model, and what is to be kept of it."""

    text: str
    artifacts: Sequence[Artifact] = ()
    file_patches: Sequence[FilePatch] = ()


@dataclass(frozen=True)
class ToolSpec:
    """One tool. ``run`` gets validated arguments."""

    name: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[Toolbox, Any], Answer] = field(repr=False)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments; nobody may change it."""
        return self.arguments.model_json_schema()

    def call(self, toolbox: Toolbox, arguments: str) -> Answer:
        """Run it with arguments as JSON text; what is wrong with them is an answer, too."""
        try:
            given = self.arguments.model_validate_json(arguments or "{}")
        except ValidationError as exc:
            return Answer(bounded(refusal("the arguments are not valid:\n" + _listed(exc))))
        if any("\0" in value for _, value in given if isinstance(value, str)):
            return Answer(refusal("no text, path or name has NUL characters in it."))
        return self.run(toolbox, given)


def tools_for(toolbox: Toolbox, artifact_key: str | None) -> dict[str, ToolSpec]:
    """Every tool of a turn that is to end with this artifact (None: with edits), by name."""
    functions = (*READING, *((outline.outline,) if outline.available() else ()))
    specs = [
        *(_reading(function) for function in functions),
        *(_editing(function) for function in EDITING if toolbox.can_edit),
        *(_writing(key) for key in artifacts.writable(toolbox, artifact_key)),
        *(_custom(name, tool) for name, tool in custom.host_tools().items()),
    ]
    return {spec.name: spec for spec in specs}


def host_tool(name: str) -> ToolSpec | None:
    """The host's own tool of this name; None when it offers none, Misconfigured when it cannot be had."""
    try:
        return _custom(name, custom.host_tool(name))
    except KeyError:
        return None


@cache
def _reading(function: Callable[..., str]) -> ToolSpec:
    def run(toolbox: Toolbox, given: BaseModel) -> Answer:
        return Answer(function(toolbox, **dict(given)))

    return ToolSpec(function.__name__, inspect.getdoc(function) or "", _arguments_of(function), run)


@cache
def _editing(function: Callable[..., str]) -> ToolSpec:
    def run(toolbox: Toolbox, given: Any) -> Answer:
        text = function(toolbox, **dict(given))
        if is_refusal(text):
            return Answer(text)
        return Answer(text, file_patches=[checkout_of(toolbox, given.repo_name).patch(given.path)])

    return ToolSpec(function.__name__, inspect.getdoc(function) or "", _arguments_of(function), run)


@cache
def _writing(key: str) -> ToolSpec:
    def run(toolbox: Toolbox, given: BaseModel) -> Answer:
        problems = artifacts.unproven(toolbox, given)
        if problems:
            return Answer(
                refusal("the artifact cannot be accepted:\n" + "\n".join(f"- {line}" for line in problems))
            )
        return Answer(
            f"The artifact {key} is recorded.",
            artifacts=[Artifact(key=key, data=given.model_dump(mode="json"))],
        )

    return ToolSpec(f"{artifacts.PREFIX}{key}", artifacts.described(key), artifacts.MODELS[key], run)


def _custom(name: str, tool: custom.HostTool) -> ToolSpec:
    if name in OURS or name.startswith(artifacts.PREFIX):
        raise Misconfigured(f"TOOLS[{name!r}] has the name of a tool that is there already.")
    if _NAME.fullmatch(name) is None:
        raise Misconfigured(f"TOOLS[{name!r}]: a name has at most 64 letters, digits, _ and -.")

    def run(toolbox: Toolbox, given: BaseModel) -> Answer:
        return Answer(bounded(custom.answer(name, tool, toolbox.issue, given)))

    return ToolSpec(name, tool.description, tool.parameters, run)


def _arguments_of(function: Callable[..., str]) -> type[BaseModel]:
    """A model of the function's parameters behind the toolbox."""
    plain = inspect.unwrap(function)
    hints = get_type_hints(plain, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in list(inspect.signature(plain).parameters.items())[1:]
    }
    made: type[BaseModel] = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    return made


def _listed(exc: ValidationError) -> str:
    """What is wrong, a line each, without repeating what was given."""
    problems = exc.errors(include_input=False, include_url=False)
    return "\n".join(f"- {'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in problems[:20])
