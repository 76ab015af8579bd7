"""Relays as processes of their own, on the database of the test, and what their consumer heard."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from django.conf import settings
from django.db import connection

from autofix.models.webhooks import Delivery
from demo.stack import CHECKOUT
from demo.waiting import wait_for
from tests.integration.receiver import Receiver


def relay_process(receiver: Receiver, failpoints: str = "") -> subprocess.Popen[str]:
    """A relay on this test's database that may send to this receiver."""
    environment = own_environment(receiver, CELERY_BROKER_URL="memory://", AUTOFIX_FAILPOINTS=failpoints)
    command = [sys.executable, "-m", "tests.faults.relay_process"]
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment, text=True, stdout=subprocess.PIPE)


def own_environment(receiver: Receiver, **changes: str) -> dict[str, str]:
    """The variables of a process on this test's database that may send to this receiver."""
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        url = f"sqlite:///{connection.settings_dict['NAME']}"
    else:
        user = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
        url = f"postgres://{user}@{database['HOST']}:{database['PORT'] or 5432}/{connection.settings_dict['NAME']}"
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": settings.SECRET_KEY,
        "AUTOFIX_WEBHOOKS_ALLOW_HTTP": "true",
        "AUTOFIX_WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "AUTOFIX_WEBHOOKS_ALLOWED_PORTS": str(receiver.port),
        "PGAPPNAME": "relay under test",
        **changes,
    }


def finished(process: subprocess.Popen[str]) -> int:
    """Its exit code, once it has ended."""
    process.communicate(timeout=60)
    return process.returncode


def deliver_the_rest(receiver: Receiver) -> None:
    """Other relays go on until nothing is pending: claims of the dead run out within a second."""

    def all_ended() -> bool:
        assert finished(relay_process(receiver)) == 0
        return not Delivery.objects.filter(status="pending").exists()

    wait_for(all_ended, "everything is delivered", timeout_s=60)


def heard(receiver: Receiver) -> dict[int, list[str]]:
    """Each run's ids in the order in which they came first, repetitions left out."""
    found: dict[int, list[str]] = {}
    for request in receiver.requests:
        ids = found.setdefault(json.loads(request.body)["run_id"], [])
        if (public_id := request.headers["webhook-id"]) not in ids:
            ids.append(public_id)
    return found


def repetitions(receiver: Receiver) -> int:
    """How many requests were not the first of their id."""
    return len(receiver.requests) - len({request.headers["webhook-id"] for request in receiver.requests})
