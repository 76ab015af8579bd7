"""django-webhook's own path: saving a model sends a Celery task, which posts and records; in an environment of its own."""

from __future__ import annotations

import os
import subprocess

from benchmarks.comparison import interpreter
from benchmarks.site import Site
from demo.processes import Child
from demo.stack import CHECKOUT
from tests.acceptance.services import own_services

CONCURRENCY = 2
CONDITIONS = f"Celery on Redis, prefork {CONCURRENCY}"


class Peer:
    """Runs it, each time on a database and queue of its own."""

    def __init__(self, measured: Site) -> None:
        self._python = interpreter("django-webhook")
        self._measured = measured

    def run(self, url: str, count: int) -> float:
        """Webhooks per second, counted while a worker works off a full queue."""
        with own_services() as services:
            environment = {
                **{
                    key: value
                    for key, value in os.environ.items()
                    if not key.startswith(("AUTOFIX", "DJANGO"))
                },
                **services,
                "DJANGO_SETTINGS_MODULE": "benchmarks.django_webhook_peer.settings",
            }
            worker = self._measured.started.start(self._worker(environment))
            try:
                command = [self._python, "-m", "benchmarks.django_webhook_peer", url, str(count)]
                done = subprocess.run(
                    command, cwd=CHECKOUT, env=environment, check=True, text=True, stdout=subprocess.PIPE
                )
            finally:
                worker.stop()
        return count / float(done.stdout.split()[-1])

    def _worker(self, environment: dict[str, str]) -> Child:
        app = "benchmarks.django_webhook_peer.celery"
        options = ["-P", "prefork", "-c", str(CONCURRENCY), "-Q", "idle", "--loglevel", "WARNING"]
        command = [str(self._python), "-m", "celery", "-A", app, "worker", *options]
        log = self._measured.stack.data_dir / "logs" / "django-webhook.log"
        return Child("django-webhook", command, directory=CHECKOUT, environment=environment, log=log)
