"""A database and a queue of its own for one stack: files on the embedded default, else fresh ones on the given servers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

EMBEDDED = ""
REDIS_NUMBERS = range(2, 16)


@contextmanager
def own_services() -> Iterator[dict[str, str]]:
    """The environment variables that point a stack at services that nobody else uses."""
    with ExitStack() as stack:
        found: dict[str, str] = {}
        database = os.environ.get("DATABASE_URL", EMBEDDED)
        if database.startswith("postgres"):
            found["DATABASE_URL"] = stack.enter_context(_own_database(database))
        broker = os.environ.get("CELERY_BROKER_URL", EMBEDDED)
        if broker.startswith("redis"):
            found["CELERY_BROKER_URL"] = stack.enter_context(_own_redis(broker))
        yield found


@contextmanager
def _own_database(url: str) -> Iterator[str]:
    """A new database on the server of this URL, dropped afterwards."""
    name = f"autofix_acceptance_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _own_redis(url: str) -> Iterator[str]:
    """An empty database of the Redis server of this URL, emptied again afterwards."""
    for number in REDIS_NUMBERS:
        candidate = urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
        with redis.Redis.from_url(candidate) as client:
            _reclaim(client)
            if client.set("autofix_acceptance", os.getpid(), nx=True, ex=3600) and client.dbsize() == 1:
                yield candidate
                client.flushdb()
                return
    raise RuntimeError(f"none of the Redis databases {REDIS_NUMBERS} is empty")


def _reclaim(client: redis.Redis) -> None:
    """Empty a database whose owner was killed before it could."""
    owner = client.get("autofix_acceptance")
    if isinstance(owner, bytes) and not Path(f"/proc/{owner.decode()}").exists():
        client.flushdb()
