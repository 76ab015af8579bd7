"""The scheduler of ``celery beat``, which outlives its broker: without sweeps, what stalled would stay so."""

from __future__ import annotations

import logging
from typing import Any

from celery.beat import PersistentScheduler

logger = logging.getLogger(__name__)
TRY_AGAIN_S = 1.0


class PatientScheduler(PersistentScheduler):
    """Celery's own ends with its process when a broker says no, as RabbitMQ does while it restarts. This one tries again."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Seconds until the next look."""
        try:
            wait_s: float = super().tick(*args, **kwargs)
        except Exception:  # every broker has its library's own errors
            logger.exception("beat could not send; trying again")
            self._heap = None  # the entry at hand was taken off it
            return TRY_AGAIN_S
        return wait_s
