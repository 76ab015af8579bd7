"""Our own agent, with its blocks, ledger and leases in SQLite: ``llm_autofix.py URL CALLS FOLDER``."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path


def main(url: str, folder: Path) -> None:
    """One turn of as many calls as the model makes, every answer and tool result a stored block."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings", "AUTOFIX_DATA_DIR": str(folder / "data"), "LOG_LEVEL": "ERROR",
        "AUTOFIX_SCM_LOCAL_ROOTS": str(folder), "AUTOFIX_LLM_MODEL": "openai:scripted", "AUTOFIX_LLM_BASE_URL": url,
    }  # fmt: skip
    import django  # noqa: PLC0415 - after the environment

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - after the environment
    from django.utils import timezone  # noqa: PLC0415 - after the environment

    from autofix.explorer import runner  # noqa: PLC0415 - after the environment
    from autofix.explorer.client import TurnRequest, get_client  # noqa: PLC0415 - after the environment
    from autofix.explorer.models import Turn  # noqa: PLC0415 - after the environment
    from autofix.hosts import get_host  # noqa: PLC0415 - after the environment
    from tests.repositories import bare_repository  # noqa: PLC0415 - after the environment
    from tracker import models as tracker  # noqa: PLC0415 - after the environment

    call_command("migrate", verbosity=0)
    repository = bare_repository(folder / "shop")
    project = tracker.Project.objects.create(
        organization=tracker.Organization.objects.create(slug="a", name="A"), slug="s", name="S"
    )
    now = timezone.now()
    row = tracker.Issue.objects.create(
        project=project,
        number=1,
        grouping_hash="0" * 64,
        title="t",
        first_seen=now,
        last_seen=now,
        times_seen=1,
    )
    client = get_client()
    session = client.start_session(get_host().resolve_issue(str(row.pk)), [repository])
    asked = "Find the root cause of this issue."
    turn = int(
        client.start_turn(session, TurnRequest(key="1", prompt=asked, hook="none", artifact_key="triage"))
    )
    began = time.process_time()
    runner.run_turn(turn)
    seconds = time.process_time() - began
    made = Turn.objects.get(pk=turn).usage["requests"]
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"calls": made, "seconds": seconds, "rss_mb": rss}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[3]))
