"""What a claim and a relay cost while ever more is due. Imported once Django is set up."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection, connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite
from django.utils import timezone

from autofix.delivery import claims, relay, statements
from autofix.models.runs import Run
from autofix.models.webhooks import Delivery, Endpoint, WebhookEvent
from benchmarks import webhook_load
from benchmarks.measuring import table

SIZES = (100, 1_000, 10_000, 100_000, 300_000)
ENDPOINTS = 64
CLAIMS = 50
BATCH = 16
DELIVERED = 5_000
TIMES = 5
INDEX = "autofix_due_per_endpoint"


def measure(url: str) -> str:
    """A claim's time and the pages that its walk reads at each size of the backlog; the relay's memory at the largest."""
    rows = []
    plan = ""
    for size in SIZES:
        webhook_load.clear()
        webhook_load.make_due(webhook_load.make_endpoints(url, ENDPOINTS, ENDPOINTS), size)
        pages, plan = _explain()
        times = _claims_ms()
        levels = _levels()
        rows.append([f"{size:,}", median(times), max(times), pages, levels, pages / (2 * BATCH * levels)])
    note = (
        f"Claims of {BATCH} deliveries out of {ENDPOINTS} endpoints, {CLAIMS} times, each given back; pages: what the walk reads "
        f"to find {BATCH} endpoints with two looks into the index each, one page per level and look; levels: those of the index, "
        f"which is what grows. The walk's plan at {SIZES[-1]:,} on PostgreSQL, then on SQLite:\n\n"
        f"```\n{plan}\n```\n\n```\n{_plan_on_sqlite()}\n```"
    )
    header = ["due", "claim, median ms", "worst ms", "pages", "levels", "pages per look and level"]
    return table("Backlog", header, rows, note) + "\n" + _memory()


def _levels() -> int:
    """How many pages lie between the index's root and an entry, both ends counted."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
        cursor.execute("SELECT level + 1 FROM bt_metap(%s)", [INDEX])
        return int(cursor.fetchone()[0])


def _memory() -> str:
    rows: list[list[object]] = [[0, _resident_mb(), ""]]
    for turn in range(1, TIMES + 1):
        began = time.perf_counter()
        relay.deliver_due(DELIVERED)
        per_second = DELIVERED / (time.perf_counter() - began)
        rows.append([f"{turn * DELIVERED:,}", _resident_mb(), per_second])
    note = f"The process that delivers out of the backlog of {SIZES[-1]:,}."
    return table("Memory of a relay", ["delivered", "resident, MB", "per second"], rows, note)


def _claims_ms() -> list[float]:
    way = claims.Claims()
    times = []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        taken = way.take(BATCH)
        times.append(1000 * (time.perf_counter() - began))
        if len(taken) != BATCH:
            raise RuntimeError(f"{len(taken)} claimed instead of {BATCH}")
        back = Delivery.objects.filter(pk__in=[delivery.pk for delivery in taken])
        back.update(claimed_until=None, next_attempt_at=timezone.now())
    return times


def _explain() -> tuple[int, str]:
    parameters = claims.walk_parameters(0, timezone.now(), BATCH)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statements.WALK}", parameters)
        found: Any = cursor.fetchone()
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statements.WALK}", parameters)
        text = "\n".join(line for (line,) in cursor.fetchall())
    plan = found[0] if isinstance(found[0], list) else json.loads(found[0])
    top = plan[0]["Plan"]
    return top["Shared Hit Blocks"] + top["Shared Read Blocks"], text


def _plan_on_sqlite() -> str:
    """The tables as the models describe them, in memory; SQLite plans without looking at rows."""
    sqlite = SQLite({**connections["default"].settings_dict, "NAME": ":memory:", "OPTIONS": {}}, "plan")
    connections["plan"] = sqlite  # where transactions look for it
    sqlite.disable_constraint_checking()
    with sqlite.schema_editor() as editor:
        for model in (Run, Endpoint, WebhookEvent, Delivery):
            editor.create_model(model)
    with sqlite.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN QUERY PLAN {statements.WALK}", claims.walk_parameters(0, timezone.now(), BATCH)
        )
        steps = cursor.fetchall()
    depths = {0: -1}
    lines = []
    for number, parent, _, what in steps:
        depths[number] = depths.get(parent, -1) + 1
        lines.append("  " * depths[number] + what)
    sqlite.close()
    return "\n".join(lines)


def _resident_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
