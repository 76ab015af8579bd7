"""The REST API as a client sees it."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT_S = 20


class Api:
    """Calls with one bearer token, for one organization. An answer without success is a requests.HTTPError."""

    def __init__(self, base_url: str, token: str, organization: str) -> None:
        self.base_url = base_url
        self.organization = organization
        self.session = requests.Session()
        self.session.trust_env = False  # a proxy of the environment must not get between us and ourselves
        self.session.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, json: Any = None, **options: Any) -> requests.Response:
        """The answer, whatever its status. ``path`` is relative to the organization."""
        url = f"{self.base_url}/api/0/organizations/{self.organization}/{path}"
        return self.session.request(
            method, url, json=json, timeout=TIMEOUT_S, allow_redirects=False, **options
        )

    def call(self, method: str, path: str, json: Any = None) -> Any:
        """The JSON of a successful answer."""
        answer = self.send(method, path, json)
        if not answer.ok:
            raise requests.HTTPError(
                f"{method} {path}: {answer.status_code} {answer.text[:500]}", response=answer
            )
        return answer.json() if answer.content else None

    def issues(self) -> list[dict[str, Any]]:
        """The organization's issues, newest first."""
        found = self.call("GET", "issues/")
        return list(found["results"] if isinstance(found, dict) else found)

    def autofix(self, issue: str, run_id: int | None = None) -> dict[str, Any] | None:
        """The state of the issue's newest run, or of the named one; None when there is none."""
        query = f"?run_id={run_id}" if run_id else ""
        state: dict[str, Any] | None = self.call("GET", f"issues/{issue}/autofix/{query}")["autofix"]
        return state

    def start(self, issue: str, **body: Any) -> dict[str, Any]:
        """Start or continue a run."""
        started: dict[str, Any] = self.call("POST", f"issues/{issue}/autofix/", body)
        return started

    def register_webhook(self, url: str) -> str:
        """Register an endpoint for every event; its secret."""
        return str(self.call("POST", "autofix/webhooks/", {"url": url, "events": ["*"]})["secret"])

    def diff(self, issue: str, run_id: int) -> str:
        """The run's changes as git would show them."""
        answer = self.send("GET", f"issues/{issue}/autofix/diff/?run_id={run_id}")
        answer.raise_for_status()
        return answer.text
