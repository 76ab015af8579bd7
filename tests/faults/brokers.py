"""Brokers of our own that may be stopped, started and emptied: a folder, a Redis server, a RabbitMQ virtual host."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis

from demo.stack import free_port
from demo.waiting import wait_for


@dataclass
class Broker:
    """A broker: its address, and how it is lost and comes back. ``flush`` drops its messages."""

    url: str
    stop: Callable[[], None]
    start: Callable[[], None]
    flush: Callable[[], None]


def folder_broker(data_dir: Path) -> Broker:
    """The embedded default's queue. While it is stopped a file is in its place."""
    folder, aside = data_dir / "broker", data_dir / "broker-aside"

    def stop() -> None:
        folder.rename(aside)
        folder.write_text("")

    def start() -> None:
        folder.unlink()
        aside.rename(folder)

    def flush() -> None:
        for message in folder.iterdir():
            message.unlink(missing_ok=True)

    return Broker("folder://localhost", stop, start, flush)


@contextmanager
def redis_broker(directory: Path) -> Iterator[Broker]:
    """A Redis server on a port of its own that keeps nothing."""
    port = free_port()
    server: list[subprocess.Popen[bytes]] = []

    def client() -> redis.Redis:
        return redis.Redis(port=port)

    def answers() -> bool:
        try:
            with client() as asked:
                return bool(asked.ping())
        except redis.ConnectionError:
            return False

    def start() -> None:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        server.append(subprocess.Popen([*command, str(directory)], stdout=subprocess.DEVNULL))
        wait_for(answers, "Redis answers")

    def stop() -> None:
        server[-1].kill()
        server[-1].wait()

    def flush() -> None:
        with client() as asked:
            asked.flushall()

    start()
    try:
        yield Broker(f"redis://127.0.0.1:{port}/0", stop, start, flush)
    finally:
        stop()


@contextmanager
def rabbitmq_broker(url: str) -> Iterator[Broker]:
    """A virtual host of the RabbitMQ server of this URL; it is stopped by closing its connections and refusing new ones."""
    name = f"autofix-faults-{secrets.token_hex(4)}"
    user = urlsplit(url).username or "guest"

    def control(*command: str) -> None:
        subprocess.run(["rabbitmqctl", "-q", *command], check=True, capture_output=True, timeout=60)

    def start() -> None:
        control("set_permissions", "-p", name, user, ".*", ".*", ".*")
        control("set_vhost_limits", "-p", name, '{"max-connections": -1}')

    def stop() -> None:
        control("set_vhost_limits", "-p", name, '{"max-connections": 0}')
        control("close_all_connections", "--vhost", name, "a test")

    def flush() -> None:
        for queue in ("autofix", "explorer"):
            control("purge_queue", "-p", name, queue)

    control("add_vhost", name)
    try:
        start()
        yield Broker(urlsplit(url)._replace(path=f"/{name}").geturl(), stop, start, flush)
    finally:
        control("delete_vhost", name)


def missing(kind: str) -> str:
    """Why this kind of broker cannot be tried here; empty when it can."""
    if kind == "redis" and not shutil.which("redis-server"):
        return "there is no redis-server to start"
    if kind == "rabbitmq":
        if not shutil.which("rabbitmqctl") or os.geteuid() != 0:
            return "rabbitmqctl is not there, or not ours to use"
        asked = subprocess.run(["rabbitmqctl", "-q", "status"], capture_output=True, check=False, timeout=60)
        return "no RabbitMQ server runs here" if asked.returncode else ""
    return ""
