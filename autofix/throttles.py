"""How often a caller may ask. Starting work is counted exactly, reading roughly."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.core.cache import cache
from django.db import transaction
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from autofix.exceptions import Throttled
from autofix.hosts import Actor, get_host
from autofix.models import ThrottleWindow

MINUTE_S = 60
HOUR_S = 3_600
READS_PER_MINUTE = 1_024
STARTS_PER_MINUTE = 25
ORGANIZATION_STARTS_PER_HOUR = 100


@dataclass(frozen=True)
class Window:
    """At most ``limit`` requests of ``key`` in any ``seconds`` seconds."""

    key: str
    limit: int
    seconds: int

    def wait(self, hits: Sequence[float], now: float) -> float:
        """Seconds until one more fits among ``hits`` (oldest first); 0 when it fits now."""
        recent = self.recent(hits, now)
        return recent[-self.limit] + self.seconds - now if len(recent) >= self.limit else 0

    def recent(self, hits: Sequence[float], now: float) -> list[float]:
        """The hits that still count."""
        return [hit for hit in hits if hit > now - self.seconds]


def start_windows(actor: Actor, address: str, organization_id: str) -> list[Window]:
    """The windows that starting a step counts in."""
    return [
        Window(f"start:user:{actor.id}"[:128], STARTS_PER_MINUTE, MINUTE_S),
        Window(f"start:ip:{address}"[:128], STARTS_PER_MINUTE, MINUTE_S),
        Window(f"start:organization:{organization_id}"[:128], ORGANIZATION_STARTS_PER_HOUR, HOUR_S),
    ]


def admit(windows: Sequence[Window], *, now: float | None = None) -> None:
    """Count one request in every window, or raise Throttled and count it in none."""
    by_key = {window.key: window for window in windows}
    with transaction.atomic():
        ThrottleWindow.objects.bulk_create([ThrottleWindow(key=key) for key in by_key], ignore_conflicts=True)
        # Locked in the order of their keys: two requests that share windows cannot block each other for ever.
        rows = list(ThrottleWindow.objects.select_for_update().filter(key__in=by_key).order_by("key"))
        moment = time.time() if now is None else now
        wait = max(by_key[row.key].wait(row.hits, moment) for row in rows)
        if wait > 0:
            raise Throttled(max(1, math.ceil(wait)))
        for row in rows:
            row.hits = [*by_key[row.key].recent(row.hits, moment), moment]
            row.save(update_fields=["hits", "updated_at"])


class ReadThrottle(BaseThrottle):
    """1,024 reads a minute per caller, counted per calendar minute in the cache."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.method not in ("GET", "HEAD"):
            return True
        key = f"autofix:reads:{get_host().actor(request).id}:{int(time.time() // MINUTE_S)}"
        cache.add(key, 0, timeout=2 * MINUTE_S)
        with suppress(ValueError):  # evicted between the two calls: this one is not counted
            return cache.incr(key) <= READS_PER_MINUTE
        return True

    def wait(self) -> float:
        return math.ceil(MINUTE_S - time.time() % MINUTE_S)
