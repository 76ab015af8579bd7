"""What a claim and a relay cost while ever more is due. Imported once Django is set up."""

from __future__ import annotations

import json
import resource
import time
from statistics import median
from typing import Any

from django.db import connection
from django.utils import timezone

from autofix.delivery import claims, relay
from autofix.models.webhooks import Delivery
from benchmarks import webhook_load
from benchmarks.measuring import table

SIZES = (1_000, 10_000, 100_000)
ENDPOINTS = 256
CLAIMS = 40
BATCH = 16
DELIVERED = 500


def measure(url: str) -> str:
    """The claim's time and the pages that its walk reads, and this process's memory, at each size of the backlog."""
    rows = []
    plan = ""
    for size in SIZES:
        webhook_load.clear()
        webhook_load.make_due(webhook_load.make_endpoints(url, ENDPOINTS, ENDPOINTS), size)
        pages, plan = _explain()
        times = _claims_ms()
        Delivery.objects.update(claimed_until=None, next_attempt_at=timezone.now())
        before = _peak_mb()
        relay.deliver_due(DELIVERED)
        rows.append([f"{size:,}", median(times), max(times), pages, _peak_mb() - before])
    note = (
        f"Claims of {BATCH} out of {ENDPOINTS} endpoints, {CLAIMS} times; pages that the walk reads for {BATCH} endpoints; "
        f"growth of this process's peak memory while it delivers {DELIVERED}. The plan at {SIZES[-1]:,}:\n\n```\n{plan}\n```"
    )
    header = ["due", "claim, median ms", "worst ms", "pages", "memory, MB more"]
    return table("Backlog", header, rows, note)


def _claims_ms() -> list[float]:
    way = claims.Claims()
    times = []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        taken = way.take(BATCH)
        times.append(1000 * (time.perf_counter() - began))
        if len(taken) != BATCH:
            raise RuntimeError(f"{len(taken)} claimed instead of {BATCH}")
    return times


def _explain() -> tuple[int, str]:
    parameters = claims.walk_parameters(0, timezone.now(), BATCH)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {claims.WALK}", parameters)
        found: Any = cursor.fetchone()
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {claims.WALK}", parameters)
        text = "\n".join(line for (line,) in cursor.fetchall())
    plan = found[0] if isinstance(found[0], list) else json.loads(found[0])
    top = plan[0]["Plan"]
    return top["Shared Hit Blocks"] + top["Shared Read Blocks"], text


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
