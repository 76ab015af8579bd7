"""Whatever an event holds, the offline agent ends each turn with a typed result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autofix.artifact_schemas import RootCauseArtifact
from autofix.citations import unresolved
from autofix.explorer.workspace import Checkout, open_workspace, pin_repositories
from autofix.hosts.memory import MemoryHost
from autofix.steps import STEPS
from tests.integration.crashing_shop import CrashingShop, artifact_of, tell
from tests.repositories import local_roots


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashingShop]:
    """The shop's repository, its program on disk, and the event of its crash."""
    folder = tmp_path_factory.mktemp("shop")
    with local_roots(folder):
        yield CrashingShop(folder)


TEXT = st.text(max_size=30) | st.sampled_from(
    [
        "KeyError",
        "AttributeError",
        "'gone'",
        "'NoneType' object has no attribute 'percent'",
        "shop/pricing.py",
        "None",
        "\x00",
        "\ud800",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@cache
def places_in(text: str) -> tuple[tuple[str | int, ...], ...]:
    """Every path into the payload."""
    found: list[tuple[str | int, ...]] = []

    def walk(value: Any, path: tuple[str | int, ...]) -> None:
        children = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, child in children:
            found.append((*path, key))
            walk(child, (*path, key))

    walk(json.loads(text), ())
    return tuple(
        path for path in found if path[0] in ("exception", "level", "environment", "extra", "transaction")
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_event_gives_a_typed_result(
    world: CrashingShop, opened: dict[str, Checkout], data: st.DataObject
) -> None:
    """A real payload with any parts replaced or gone: every turn ends with a valid artifact, whose citations hold."""
    text = json.dumps(world.payload)
    payload = json.loads(text)
    for _ in range(data.draw(st.integers(1, 4))):
        *way, last = data.draw(st.sampled_from(places_in(text)))
        holder: Any = payload
        try:
            for key in way:
                holder = holder[key]
            holder[last] = data.draw(JSON)
        except (LookupError, TypeError):
            continue
    host = MemoryHost()
    project = host.add_project(host.add_organization("acme"), "shop")

    def read_code(repo_name: str, path: str) -> str | None:
        return opened[repo_name].read_pinned(path)

    issue = host.add_issue(project, payload, title="It broke")
    event = host.latest_event(issue)
    assert event is not None
    for step, spec in STEPS.items():
        blocks = tell(step, host, issue, opened)
        json.dumps([block.model_dump(mode="json") for block in blocks]).encode()
        if spec.artifact is not None:
            result = spec.artifact.model_validate(artifact_of(blocks))
            cited = result.evidence if isinstance(result, RootCauseArtifact) else []
            assert unresolved(cited, read_code=read_code, event=event.raw) == []


@pytest.fixture(scope="module")
def opened(world: CrashingShop) -> Iterator[dict[str, Checkout]]:
    """One worktree for all mutated events; edits in it only ever repeat each other."""
    pins = pin_repositories([world.repository], "")
    with open_workspace("mutated", [world.repository], pins, []) as checkouts:
        yield checkouts
