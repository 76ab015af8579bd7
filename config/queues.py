"""What Celery is told of its broker, by the kind of broker that the URL names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kombu import Exchange, Queue

SHORT, LONG = "autofix", "explorer"
"""Hooks, deliveries and sweeps; and turns, which may take a quarter of an hour and must not delay the others."""

# A request that was committed waits for a broker that is away for a moment only: the sweeper sends what was not sent.
IMPATIENT = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1}
CONNECT_S = 2


def is_folder(url: str) -> bool:
    """The queue of the embedded default."""
    return url.startswith(("folder:", "filesystem:"))


def is_redis(url: str) -> bool:
    """Redis, or one of its kin."""
    return url.startswith(("redis", "valkey", "sentinel"))


def is_rabbitmq(url: str) -> bool:
    """RabbitMQ."""
    return url.startswith(("amqp", "pyamqp"))


def queues(url: str) -> list[Queue]:
    """Both queues. On RabbitMQ they are replicated and survive a node that dies (quorum queues).

    Their exchanges are topics there: only those let the broker itself hold back what is to come later, instead of a worker.
    """
    if not is_rabbitmq(url):
        return [Queue(name, Exchange(name), routing_key=name) for name in (SHORT, LONG)]
    arguments = {"x-queue-type": "quorum"}
    return [
        Queue(name, Exchange(name, type="topic"), routing_key=name, queue_arguments=arguments)
        for name in (SHORT, LONG)
    ]


def transport_options(url: str, data_dir: Path, time_limit_s: int) -> dict[str, Any]:
    """Options of the transport; ``time_limit_s`` is that of a task."""
    if is_folder(url):
        folder = data_dir / "broker"
        folder.mkdir(mode=0o700, exist_ok=True)
        return {
            "data_folder_in": str(folder),
            "data_folder_out": str(folder),
            "control_folder": str(folder),
            "polling_interval": 0.02,
        }
    if is_redis(url):
        # Redis hands an unacknowledged task to a second worker after this time: never while the first may be at it.
        return {
            **IMPATIENT,
            "visibility_timeout": 2 * time_limit_s,
            "socket_connect_timeout": CONNECT_S,
            "socket_keepalive": True,
        }
    return dict(IMPATIENT)
