"""Our own agent, with its blocks, ledger and leases in the database of ``DATABASE_URL`` (SQLite without)."""

from __future__ import annotations

import os

from loop import FOLDER, URL, measured

os.environ |= {
    "DJANGO_SETTINGS_MODULE": "config.settings", "AUTOFIX_DATA_DIR": str(FOLDER / "data"), "LOG_LEVEL": "ERROR",
    "AUTOFIX_SCM_LOCAL_ROOTS": str(FOLDER), "AUTOFIX_LLM_MODEL": "openai:scripted", "AUTOFIX_LLM_BASE_URL": URL,
}  # fmt: skip

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django is set up now
from django.utils import timezone  # noqa: E402 - Django is set up now

from autofix.explorer import hooks, runner  # noqa: E402 - Django is set up now
from autofix.explorer.client import TurnRequest, get_client  # noqa: E402 - Django is set up now
from autofix.explorer.models import Turn, TurnStatus  # noqa: E402 - Django is set up now
from autofix.hosts import get_host  # noqa: E402 - Django is set up now
from tests.repositories import bare_repository  # noqa: E402 - Django is set up now
from tracker import models as tracker  # noqa: E402 - Django is set up now


def main() -> None:
    """Each conversation is one turn of a session of its own, on the same issue and repository."""
    call_command("migrate", verbosity=0)
    repository = bare_repository(FOLDER / "shop")
    organization = tracker.Organization.objects.create(slug="a", name="A")
    project = tracker.Project.objects.create(organization=organization, slug="s", name="S")
    now = timezone.now()
    issue = tracker.Issue.objects.create(
        project=project, number=1, grouping_hash="0" * 64, title="t", first_seen=now, last_seen=now, times_seen=1
    )  # fmt: skip
    client = get_client()
    hooks.register("none", lambda _: None)

    def converse(task: str, number: int) -> int:
        session = client.start_session(get_host().resolve_issue(str(issue.pk)), [repository])
        request = TurnRequest(key=str(number), prompt=task, hook="none", artifact_key="triage")
        turn_id = int(client.start_turn(session, request).id)
        runner.run_turn(turn_id)
        turn = Turn.objects.get(pk=turn_id)
        if turn.status != TurnStatus.COMPLETED:
            raise RuntimeError(f"It ended with {turn.error_code}: {turn.error_detail}")
        return int(turn.usage["requests"])

    measured(converse)


if __name__ == "__main__":
    main()
