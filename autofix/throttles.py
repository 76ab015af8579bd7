"""How often a caller may ask. Starting work is counted exactly, everything together roughly."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

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
FORGOTTEN = timedelta(seconds=2 * HOUR_S)
PRUNED = 500
REQUESTS_PER_MINUTE = 1_024
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
        Window(_key("user", actor.id), STARTS_PER_MINUTE, MINUTE_S),
        Window(_key("ip", address), STARTS_PER_MINUTE, MINUTE_S),
        Window(_key("organization", organization_id), ORGANIZATION_STARTS_PER_HOUR, HOUR_S),
    ]


def _key(kind: str, who: str) -> str:
    # A host's ids may be long: what does not fit is shortened without two of them becoming one.
    return f"start:{kind}:{who if len(who) <= 64 else hashlib.sha256(who.encode()).hexdigest()}"  # noqa: PLR2004 - a digest's length


def admit(windows: Sequence[Window], *, now: float | None = None) -> None:
    """Count one request in every window, or raise Throttled and count it in none."""
    by_key = {window.key: window for window in sorted(windows, key=lambda window: window.key)}
    with transaction.atomic():
        ThrottleWindow.objects.bulk_create([ThrottleWindow(key=key) for key in by_key], ignore_conflicts=True)
        # Made and locked in the order of their keys: requests that share windows cannot block each other for ever.
        rows = list(ThrottleWindow.objects.select_for_update().filter(key__in=by_key).order_by("key"))
        moment = time.time() if now is None else now
        wait = max(by_key[row.key].wait(row.hits, moment) for row in rows)
        if wait > 0:
            raise Throttled(max(1, math.ceil(wait)))
        for row in rows:
            row.hits = [*by_key[row.key].recent(row.hits, moment), moment]
            row.save(update_fields=["hits", "updated_at"])


def prune(now: datetime) -> int:
    """Delete up to PRUNED keys that nobody has counted in for longer than any window; how many went."""
    old = ThrottleWindow.objects.filter(updated_at__lt=now - FORGOTTEN).order_by("updated_at")
    # One that is counted in at this moment is locked, and younger once the lock is free: then it stays.
    oldest = ThrottleWindow.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:PRUNED]))
    return oldest.filter(updated_at__lt=now - FORGOTTEN).delete()[0]


class RequestThrottle(BaseThrottle):
    """1,024 reads a minute per caller, and as many other requests, counted per calendar minute in the cache."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        kind = "reads" if request.method in ("GET", "HEAD") else "writes"
        caller = hashlib.sha256(get_host().actor(request).id.encode()).hexdigest()[:32]
        key = f"autofix:{kind}:{caller}:{int(time.time() // MINUTE_S)}"
        cache.add(key, 0, timeout=2 * MINUTE_S)
        with suppress(ValueError):  # evicted between the two calls: this one is not counted
            return cache.incr(key) <= REQUESTS_PER_MINUTE
        return True

    def wait(self) -> float:
        return math.ceil(MINUTE_S - time.time() % MINUTE_S)
