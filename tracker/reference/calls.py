"""An OpenAPI document as calls in groups: what each takes, what it answers, and how to try it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from tracker.reference.fields import Field, Schema, Schemas

METHODS: Final = ("get", "post", "put", "patch", "delete")
PLACES: Final = {"path": "in the path", "query": "in the query", "header": "a header"}
# Hosts without organizations have these beside the others; they differ in their path only.
TWIN: Final = "_by_issue"
GROUPS: Final = (
    ("Runs of an issue", "/{issue}/autofix/"),
    ("Settings of a project", "/preferences/"),
    ("Webhooks", "/webhooks/"),
    ("Issues of the tracker", ""),
)


@dataclass(frozen=True)
class Parameter:
    """A parameter. ``place``: path, query or header."""

    place: str
    field: Field

    @property
    def where(self) -> str:
        return PLACES[self.place]


@dataclass(frozen=True)
class Answer:
    """An answer with its status; ``media``: what is in it, empty for nothing."""

    status: str
    phrase: str
    media: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Call:
    """One method of one path. ``body``: None when it takes none; ``twin``: its path for hosts without organizations."""

    id: str
    method: str
    path: str
    text: str
    parameters: tuple[Parameter, ...]
    body: tuple[Field, ...] | None
    example: str
    answers: tuple[Answer, ...]
    refusals: tuple[Answer, ...]
    twin: str = ""

    @property
    def parts(self) -> list[tuple[bool, str]]:
        """The path in parts, each with whether it is a place for a value."""
        return [(part.startswith("{"), part) for part in re.split(r"(\{\w+\})", self.path) if part]

    @property
    def curl(self) -> list[str]:
        """The options of the call on a command line, without its address."""
        options = [] if self.method == "GET" else [f"-X {self.method}"]
        options.append('-H "Authorization: Bearer $TOKEN"')
        if self.body is not None:
            options += ['-H "Content-Type: application/json"', f"-d '{' '.join(self.example.split())}'"]
        return options


@dataclass(frozen=True)
class Group:
    """Calls that belong together."""

    title: str
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Reference:
    """The whole description. ``refusal``: the fields that every refusal has."""

    title: str
    text: str
    version: str
    groups: tuple[Group, ...]
    refusal: tuple[Field, ...]


def reference(document: Mapping[str, Any]) -> Reference:
    """What the OpenAPI document says."""
    schemas = Schemas(document["components"]["schemas"])
    found = list(_calls(document["paths"], schemas))
    twins = {call.id.removesuffix(TWIN): call.path for call in found if call.id.endswith(TWIN)}
    calls = [_with_twin(call, twins) for call in found if not call.id.endswith(TWIN)]
    groups: dict[str, list[Call]] = {title: [] for title, _ in GROUPS}
    for call in calls:
        groups[next(title for title, part in GROUPS if part in call.path)].append(call)
    info = document["info"]
    return Reference(
        title=info["title"],
        text=info.get("description", ""),
        version=info["version"],
        groups=tuple(Group(title, tuple(members)) for title, members in groups.items() if members),
        refusal=tuple(schemas.fields({"$ref": "ErrorView"})),
    )


def _with_twin(call: Call, twins: Mapping[str, str]) -> Call:
    return replace(call, twin=twins.get(call.id, ""))


def _calls(paths: Mapping[str, Any], schemas: Schemas) -> Iterator[Call]:
    for path, methods in paths.items():
        for method in METHODS:
            if method in methods:
                yield _call(path, method, methods[method], schemas)


def _call(path: str, method: str, given: Mapping[str, Any], schemas: Schemas) -> Call:
    taken = _content(given.get("requestBody", {}))[1]
    answers = [_answer(status, answer, schemas) for status, answer in given["responses"].items()]
    return Call(
        id=given["operationId"],
        method=method.upper(),
        path=path,
        text=given.get("description", "").replace("``", "`"),
        parameters=tuple(_parameters(path, given.get("parameters", ()), schemas)),
        body=None if taken is None else tuple(schemas.fields(taken)),
        example="" if taken is None else json.dumps(schemas.example(taken), indent=2, ensure_ascii=False),
        answers=tuple(answer for answer in answers if answer.status < "4"),
        refusals=tuple(answer for answer in answers if answer.status >= "4"),
    )


def _parameters(path: str, given: Any, schemas: Schemas) -> Iterator[Parameter]:
    """Those of the path first, in its order."""
    for parameter in sorted(given, key=lambda each: (each["in"] != "path", path.find(f"{{{each['name']}}}"))):
        row = schemas.field(
            parameter["name"],
            parameter["schema"],
            required=parameter.get("required", False),
            text=parameter.get("description", ""),
        )
        yield Parameter(parameter["in"], row)


def _answer(status: str, given: Mapping[str, Any], schemas: Schemas) -> Answer:
    media, schema = _content(given)
    return Answer(status, HTTPStatus(int(status)).phrase, media, tuple(schemas.fields(schema or {})))


def _content(given: Mapping[str, Any]) -> tuple[str, Schema | None]:
    """The first media type and its schema."""
    for media, described in given.get("content", {}).items():
        return media, described.get("schema", {})
    return "", None
