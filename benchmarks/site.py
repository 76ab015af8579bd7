"""A stack to measure: a database and a queue of its own, the scripted agent, web server and workers as processes."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django

from demo.processes import Child, Children, children
from demo.stack import CHECKOUT, Stack, free_port, own_environment
from tests.acceptance.services import own_services

SERVERS = {
    "DATABASE_URL": "postgres://postgres@127.0.0.1:5432/test",
    "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0",
}
PROCESSES = 2
THREADS = 1
"""Per process: an agent that answers at once leaves a second one nothing but to change over (1, 2 and 4 were measured)."""


@dataclass(frozen=True)
class Site:
    """A migrated stack; this process is set up as one of its processes."""

    stack: Stack
    started: Children

    def start_workers(self, processes: int = PROCESSES) -> list[Child]:
        """Start so many worker processes with a pool of threads each, on both queues, without beat."""
        return [self._start_worker(number) for number in range(processes)]

    def _start_worker(self, number: int) -> Child:
        options = ["-P", "threads", "-c", str(THREADS), "-Q", "autofix,explorer", "--loglevel", "WARNING"]
        quiet = ["-n", f"bench-{number}@%h", "--without-gossip", "--without-mingle"]
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", *options, *quiet]
        log = self.stack.data_dir / "logs" / f"worker-{number}.log"
        return self.started.start(
            Child(
                f"worker-{number}", command, directory=CHECKOUT, environment=self.stack.environment, log=log
            )
        )


@contextmanager
def site(script: dict[str, object], **changes: str) -> Iterator[Site]:
    """A stack that plays this script, on the servers of the environment (SERVERS where it says nothing)."""
    for name, default in SERVERS.items():
        os.environ.setdefault(name, default)
    with tempfile.TemporaryDirectory() as box, own_services() as services, children() as started:
        folder = Path(box)
        (folder / "script.json").write_text(json.dumps(script), encoding="utf-8")
        environment = own_environment(
            AUTOFIX_AGENT="scripted",
            AUTOFIX_SCRIPT=str(folder / "script.json"),
            DJANGO_SETTINGS_MODULE="config.settings",
            LOG_LEVEL="WARNING",
            **services,
            **changes,
        )
        stack = Stack(started, folder / "data", environment, port=free_port())
        stack.manage("migrate", "--verbosity", "0")
        os.environ.update(stack.environment)
        django.setup()
        yield Site(stack, started)


def says(key: str, data: dict[str, object], thoughts: Sequence[str] = ()) -> dict[str, object]:
    """A scripted turn: thoughts, then this artifact."""
    return {
        "blocks": [
            *({"message": {"role": "assistant", "content": thought}} for thought in thoughts),
            {"artifacts": [{"key": key, "data": data, "reason": "done"}]},
        ]
    }


SCRIPT: dict[str, object] = {
    "turns": {
        "root_cause": [
            says(
                "root_cause",
                {
                    "one_line_description": "The plan is optional",
                    "five_whys": ["It reads a key that is not there"],
                    "fixability": {"assessment": "fixable", "reason": "The code reads it unconditionally"},
                },
            )
        ],
        "solution": [
            says(
                "solution",
                {
                    "one_line_summary": "Read it with a default",
                    "steps": [{"title": "Use get", "description": "In Cart.total"}],
                },
            )
        ],
        "code_changes": [
            {
                "blocks": [
                    {
                        "message": {"content": "edit"},
                        "file_patches": [
                            {
                                "repo_name": "acme/shop",
                                "diff": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n",
                                "patch": {"path": "a.py", "type": "M", "added": 1, "removed": 1},
                            }
                        ],
                    }
                ]
            }
        ],
        "triage": [says("triage", {"suspect_commit": None, "suggested_assignee": None})],
    }
}
