"""Fills the database with many rows at once, by PostgreSQL's own means. Import after Django is set up."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from autofix.explorer.models import Block, Turn
from autofix.models import ACTIVE_RUN, Run, StepExecution
from autofix.steps import StoppingPoint
from benchmarks import work

CHUNK = 100_000


def is_possible() -> bool:
    """Only PostgreSQL has what this needs."""
    return connection.vendor == "postgresql"


def run_with_blocks(count: int) -> tuple[int, int]:
    """A run whose open turn has so many blocks of 100 bytes; its id and its turn's."""
    run_id = work.start(work.make_issues(1), StoppingPoint.SOLUTION)[0]
    turn = Turn.objects.select_related("session").latest("pk")
    session = turn.session
    content = {"message": {"role": "assistant", "content": "looking into it " * 6}}
    Block.objects.bulk_create(
        [Block(session=session, turn=turn, index=i, content=content) for i in range(turn.end_index, count)],
        batch_size=1_000,
    )
    Turn.objects.filter(pk=turn.pk).update(end_index=max(count, turn.end_index))
    return run_id, turn.pk


def active_runs(count: int) -> None:
    """So many more runs in whose turns a worker is at work."""
    _copy_last_run(count)


def finished_runs(count: int) -> None:
    """So many more runs that have completed."""
    for begun in range(0, count, CHUNK):
        _copy_last_run(min(CHUNK, count - begun), ended=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def end_started_runs() -> None:
    """The runs that were started with real issues are over, and what they left open is closed."""
    now = timezone.now()
    started = Run.objects.filter(status__in=ACTIVE_RUN).exclude(issue_id__startswith="copy-")
    sessions = [int(s) for s in started.exclude(session_id="").values_list("session_id", flat=True)]
    StepExecution.objects.filter(run__in=started).update(status="completed", completed_at=now)
    Turn.objects.filter(session_id__in=sessions).update(
        status="completed", lease_expires_at=None, ended_at=now, hook_called_at=now
    )
    started.update(status="completed")


def _copy_last_run(count: int, *, ended: bool = False) -> None:
    """Copies of the newest run with its session, step and turn; finished ones, or as if under way."""
    if count < 1:
        return
    if not Turn.objects.exists():
        run_with_blocks(2)
    status = "'completed'" if ended else "'processing'"
    step = "'completed'" if ended else "'running'"
    stamp = "now()" if ended else "NULL"
    changes = {
        "autofix_explorer_session": {},
        "autofix_run": {
            "uuid": "gen_random_uuid()",
            "issue_id": "'copy-' || gen_random_uuid()",
            "status": status,
        },
        "autofix_stepexecution": {"run_id": "last_run - n", "status": step, "turn_id": "''"},
        "autofix_explorer_turn": {
            "key": "gen_random_uuid()::text",
            "session_id": "last_session - n",
            "status": step,
            "lease_expires_at": "NULL" if ended else "now() + interval '1 hour'",
            "ended_at": stamp,
            "hook_called_at": stamp,
        },
    }
    for name, changed in changes.items():
        _copy_last_row(name, count, changed)


def _copy_last_row(name: str, count: int, changed: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        columns = [
            c.name for c in connection.introspection.get_table_description(cursor, name) if c.name != "id"
        ]
        values = ", ".join(changed.get(column, f'source."{column}"') for column in columns)
        quoted = ", ".join(f'"{column}"' for column in columns)
        cursor.execute(
            f"INSERT INTO {name} ({quoted}) SELECT {values} FROM generate_series(0, %s - 1) AS n, "  # noqa: S608 - names of ours
            f"(SELECT * FROM {name} ORDER BY id DESC LIMIT 1) AS source, "
            "(SELECT max(id) AS last_run FROM autofix_run) AS runs, "
            "(SELECT max(id) AS last_session FROM autofix_explorer_session) AS sessions",
            [count],
        )
