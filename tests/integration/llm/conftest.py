"""A shop with a bug, a model whose every word is known, and the agent between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from autofix import autofix_agent
from autofix.hosts import Issue
from autofix.models import Repository, Run
from autofix.steps import StoppingPoint
from autofix.testing import WakeupQueue
from tests.integration.llm import replies
from tests.llm_server import ModelServer, model_server
from tests.repositories import bare_repository

Configure = Callable[..., None]
Investigate = Callable[..., Run]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A running model that plays the whole pipeline until told otherwise."""
    with model_server() as server:
        server.respond = replies.whole_pipeline()
        yield server


@pytest.fixture
def configure(settings: Settings, model: ModelServer, tmp_path: Path) -> Configure:
    """``configure(LLM_MODEL=…, TURN={…})``: the agent asks the scripted model, with these changes."""

    def configured(*, TURN: dict[str, Any] | None = None, **options: Any) -> None:  # noqa: N803 - the setting's name
        given = {
            "AGENT": "llm",
            "LLM_MODEL": "openai:scripted",
            "LLM_BASE_URL": model.url,
            "LLM_API_KEY": "key",
        }
        settings.AUTOFIX = {
            **settings.AUTOFIX,
            "EXPLORER": {"OPTIONS": given | options},
            "TURN": TURN or {},
            "SCM": {"local": {"ROOTS": [str(tmp_path)]}},
        }

    configured()
    return configured


@pytest.fixture
def shop(issue: Issue, configure: Configure, tmp_path: Path) -> Issue:
    """The issue, with a repository that its project is mapped to."""
    repository = bare_repository(tmp_path / "shop")
    Repository.objects.create(
        organization_id=issue.organization_id,
        project_id=issue.project_id,
        name=repository.name,
        provider=repository.provider,
        url=repository.url,
    )
    return issue


@pytest.fixture
def investigate(shop: Issue, queue: WakeupQueue) -> Investigate:
    """``investigate("solution")``: a run of the issue up to there, to its end."""

    def investigated(stopping_point: str = "root_cause", **more: Any) -> Run:
        run = autofix_agent.trigger_autofix_agent(
            shop, referrer="api.web", stopping_point=StoppingPoint(stopping_point), **more
        ).run
        queue.drain()
        run.refresh_from_db()
        return run

    return investigated
