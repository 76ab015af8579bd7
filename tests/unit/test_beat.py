"""Beat outlives its broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import Celery
from celery.beat import Service

from config.beat import TRY_AGAIN_S, PatientScheduler


class Refusing(PatientScheduler):
    """A broker that says no twice, and what was sent afterwards."""

    refusals = 2
    sent: list[str]

    @property
    def producer(self) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise PermissionError("NOT_ALLOWED - vhost is down")
        return None

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        self.sent.append(entry.task)


def test_a_refusal_is_not_the_end(tmp_path: Path) -> None:
    """What was due when the broker refused is sent once it takes messages again; nothing falls off the schedule."""
    app = Celery("test")
    app.conf.beat_schedule = {"sweep": {"task": "autofix.sweep", "schedule": 0.0}}
    service = Service(app, scheduler_cls=Refusing, schedule_filename=str(tmp_path / "schedule"))
    scheduler = service.get_scheduler()
    assert isinstance(scheduler, Refusing)
    scheduler.sent = []
    waits = [scheduler.tick() for _ in range(10)]
    assert waits.count(TRY_AGAIN_S) == 2
    assert set(scheduler.sent) == {"autofix.sweep"}
    scheduler.close()
