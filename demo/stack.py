"""The stand-alone project as real processes: web and worker, on a database and queue of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from demo.api import Api
from demo.processes import Child, Children
from demo.waiting import TookTooLong, wait_for

CHECKOUT = Path(__file__).resolve().parent.parent
COMMAND_TIMEOUT_S = 120
# What would make a stack share something with another one.
SHARED = (
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "CACHE_URL",
    "DJANGO_SETTINGS_MODULE",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
)


class StackFailed(Exception):  # says what went wrong
    """The stack could not be set up or has died."""


@dataclass(frozen=True)
class Account:
    """What ``manage.py bootstrap --json`` says."""

    organization: str
    project_id: int
    project: str
    dsn: str
    token: str
    username: str
    password: str | None  # None: somebody has changed it


def own_environment(**changes: str) -> dict[str, str]:
    """This process's environment without what configures another stack, and with the changes."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in SHARED and not key.startswith("AUTOFIX_")
    }
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"} | changes


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free now."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])


def require_free(host: str, port: int) -> None:
    """StackFailed when somebody listens there already: it would answer in our server's place."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as exc:
            raise StackFailed(
                f"Cannot listen on {host}:{port} ({exc.strerror}); set PORT to another one."
            ) from exc


class Stack:
    """Web server and worker with the environment that says where their data are."""

    def __init__(
        self,
        children: Children,
        data_dir: Path,
        environment: Mapping[str, str],
        *,
        host: str = "127.0.0.1",
        port: int,
    ) -> None:
        self.children = children
        self.data_dir = data_dir
        self.host = host
        self.port = port
        self.environment = {**environment, "AUTOFIX_DATA_DIR": str(data_dir)}

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def manage(self, *args: str) -> str:
        """What ``manage.py`` prints; StackFailed with the end of its errors when it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args], cwd=CHECKOUT, env=self.environment, capture_output=True, text=True,
            check=False, timeout=COMMAND_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode:
            said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
            raise StackFailed(f"manage.py {args[0]} ended with {done.returncode}\n{said}")
        return done.stdout

    def bootstrap(self, repository: Path, *, stopping_point: str = "") -> Account:
        """Create what is missing of acme/shop; automation goes to the stopping point, or as far as it did before."""
        given = ["--organization", "acme", "--project", "shop", "--base-url", self.base_url, "--json"]
        given += ["--repository", str(repository)]
        if stopping_point:
            given += ["--stopping-point", stopping_point]
        said = json.loads(self.manage("bootstrap", *given))
        return Account(**{name: said[name] for name in Account.__dataclass_fields__})

    def api(self, account: Account) -> Api:
        """A client with the account's token."""
        return Api(self.base_url, account.token, account.organization)

    def start_web(self) -> Child:
        """Start the web server."""
        command = ["uvicorn", "config.asgi:application", "--host", self.host, "--port", str(self.port)]
        return self._start("web", [*command, "--lifespan", "off", "--timeout-graceful-shutdown", "2"])

    def start_worker(self, *, threads: int = 4) -> Child:
        """Start a worker with beat inside."""
        command = ["celery", "-A", "config", "worker", "-B", "-P", "threads", "-c", str(threads)]
        return self._start("worker", [*command, "-Q", "autofix,explorer", "--loglevel", "INFO"])

    def wait_until_up(self, web: Child, timeout_s: float = 60) -> None:
        """Wait until the web server answers; StackFailed when it does not."""
        try:
            wait_for(
                self._answers, "the web server answers", timeout_s=timeout_s, abort=lambda: death_of(web)
            )
        except TookTooLong as exc:
            raise StackFailed(str(exc)) from exc

    def deaths(self) -> str:
        """A sentence about the children that have ended though nobody stopped them; empty when all run."""
        return "; ".join(filter(None, map(death_of, self.children)))

    def _start(self, name: str, command: list[str]) -> Child:
        log = self.data_dir / "logs" / f"{name}.log"
        command = [sys.executable, "-m", *command]
        return self.children.start(
            Child(name, command, directory=CHECKOUT, environment=self.environment, log=log)
        )

    def _answers(self) -> bool:
        try:
            requests.get(f"{self.base_url}/api/0/", timeout=2, proxies={"http": "", "https": ""})
        except (requests.ConnectionError, requests.Timeout):
            return False
        return True


def death_of(child: Child) -> str:
    """A sentence when the child has ended by itself."""
    return f"{child.name} ended with {child.exit_code}" if child.ended and not child.told_to_end else ""
