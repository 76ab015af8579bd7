"""The OpenAPI schema: complete, valid, and true of what the API answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from autofix.autofix_agent import trigger_autofix_agent
from autofix.hosts import Issue
from autofix.testing import WakeupQueue
from tests.integration.api.conftest import Caller
from tests.pipeline import Play

pytestmark = pytest.mark.django_db(transaction=True)  # the application closes its connections


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schema as the command writes it; a warning of the generator's is a failure."""
    path = tmp_path_factory.mktemp("schema") / "openapi.json"
    call_command("spectacular", validate=True, fail_on_warn=True, format="openapi-json", file=str(path))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if "autofix" in path
    }


def test_every_operation_says_what_it_is(schema: dict[str, Any]) -> None:
    """OpenAPI 3.1; each operation has a name of its own, a description, tags, security, and its refusals."""
    assert schema["openapi"].startswith("3.1")
    found = operations(schema)
    assert len(found) > 25
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)
    for where, operation in found.items():
        assert operation.get("description"), where
        assert operation["tags"] == ["autofix"], where
        assert operation["security"] == [{"bearer": []}, {"session": []}], where
        assert any(status.startswith("2") for status in operation["responses"]), where
    assert "/api/0/internal/seer-rpc/{method}/" not in schema["paths"]


IN_URL = {"organization": "acme", "issue": "SHOP-1", "project": "shop"}
OF_ISSUE = "/api/0/organizations/{organization}/issues/{issue}/autofix/"
OPERATIONS = [
    ("GET", OF_ISSUE),
    ("POST", OF_ISSUE),
    ("GET", f"{OF_ISSUE}runs/"),
    ("GET", f"{OF_ISSUE}diff/"),
    ("GET", f"{OF_ISSUE}setup/"),
    ("POST", f"{OF_ISSUE}cancel/"),
    ("POST", f"{OF_ISSUE}update/"),
    ("GET", "/api/0/projects/{organization}/{project}/autofix/preferences/"),
    ("PUT", "/api/0/projects/{organization}/{project}/autofix/preferences/"),
]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_as_described(
    api: Caller, issue: Issue, queue: WakeupQueue, play: Play, schema: dict[str, Any], method: str, path: str
) -> None:
    """Whatever is sent, fitting the schema or not, the answer is one that the schema describes, and no error of ours."""
    trigger_autofix_agent(issue)
    application = get_wsgi_application()
    operation = schemathesis.openapi.from_dict(schema)[path][method]
    named = {name: value for name, value in IN_URL.items() if f"{{{name}}}" in path}

    def check(case: Case[Any]) -> None:
        case.path_parameters = named
        answer = case.call(
            base_url="http://localhost", app=application, headers={"Authorization": f"Bearer {api.token}"}
        )
        case.validate_response(answer, checks=CHECKS)

    for mode in GenerationMode:
        BOUNDED(given(operation.as_strategy(generation_mode=mode, path_parameters=named))(check))()
