"""What a relay asks the database for again and again, as text: building these queries anew costs as much as sending webhooks.

They run on PostgreSQL and on SQLite, except where it says so. ``{ids}`` is a list of whole numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection

from autofix import rows
from autofix.models.webhooks import Attempt, EndpointRecord

# Each step is one look into an index, whatever lies between: the next endpoint with something pending, then whether its
# first delivery is due and one more may be in flight. Who may not have more costs a relay that looks around nothing else.
# First come the endpoints beyond ``after``; those up to it only when they do not suffice.
WALK = """
WITH RECURSIVE walk (endpoint_id) AS (
    SELECT min(endpoint_id) FROM autofix_delivery WHERE status = 'pending' AND endpoint_id > %(after)s
    UNION ALL
    SELECT (SELECT min(d.endpoint_id) FROM autofix_delivery d
            WHERE d.status = 'pending' AND d.endpoint_id > walk.endpoint_id)
    FROM walk WHERE walk.endpoint_id IS NOT NULL
), flying (endpoint_id, organization_id) AS (
    SELECT d.endpoint_id, e.organization_id FROM autofix_delivery d JOIN autofix_endpoint e ON e.id = d.endpoint_id
    WHERE d.claimed_until > %(now)s
)
SELECT endpoint_id FROM walk
WHERE (SELECT min(d.next_attempt_at) FROM autofix_delivery d
       WHERE d.status = 'pending' AND d.endpoint_id = walk.endpoint_id) <= %(now)s
  AND (SELECT e.status = 'active' OR (e.status = 'open' AND e.open_until <= %(now)s)
       FROM autofix_endpoint e WHERE e.id = walk.endpoint_id)
  AND walk.endpoint_id NOT IN (
      SELECT endpoint_id FROM flying GROUP BY endpoint_id HAVING count(*) >= %(per_endpoint)s)
  AND (SELECT e.organization_id FROM autofix_endpoint e WHERE e.id = walk.endpoint_id) NOT IN (
      SELECT organization_id FROM flying GROUP BY organization_id HAVING count(*) >= %(per_organization)s)
LIMIT %(limit)s
"""
LOCK = """
SELECT set_config('idle_in_transaction_session_timeout', %(frozen_ms)s::text, true), pg_advisory_xact_lock(%(claiming)s)
"""
IN_FLIGHT = """
SELECT d.endpoint_id, e.organization_id, count(*) FROM autofix_delivery d JOIN autofix_endpoint e ON e.id = d.endpoint_id
WHERE d.claimed_until > %(now)s GROUP BY d.endpoint_id, e.organization_id
"""
FIRST_DUE = """
SELECT id FROM autofix_delivery
WHERE endpoint_id = {endpoint} AND status = 'pending' AND next_attempt_at <= %s ORDER BY next_attempt_at, id LIMIT {count}
"""
DUE = """
SELECT d.id, d.endpoint_id, d.run_id, d.sequence, d.fence, d.attempts, v.id, v.public_id, v.body
FROM autofix_delivery d JOIN autofix_webhookevent v ON v.id = d.event_id
WHERE d.id IN ({first_due}) AND d.status = 'pending' AND d.next_attempt_at <= %s
ORDER BY d.next_attempt_at, d.id {lock}
"""
CLAIM = """
UPDATE autofix_delivery SET fence = fence + 1, claimed_until = %s, next_attempt_at = %s, scheduled_at = %s WHERE id IN ({ids})
"""
HELD = """
SELECT id, fence, attempts FROM autofix_delivery WHERE id IN ({ids}) AND status = 'pending' ORDER BY id {lock}
"""
DELIVERED = """
UPDATE autofix_delivery SET status = 'delivered', attempts = attempts + 1, claimed_until = NULL, next_attempt_at = NULL,
    delivered_at = %s, last_error = ''
WHERE id IN ({ids})
"""
RELEASE = """
UPDATE autofix_delivery SET next_attempt_at = %s, scheduled_at = %s
WHERE next_attempt_at IS NULL AND id IN (
    SELECT (SELECT head.id FROM autofix_delivery head
            WHERE head.endpoint_id = d.endpoint_id AND head.run_id = d.run_id AND head.status = 'pending'
            ORDER BY head.sequence LIMIT 1)
    FROM autofix_delivery d WHERE d.id IN ({ids}))
"""
# On PostgreSQL: it reads one text of JSON faster than we write a thousand values.
ATTEMPTS = """
INSERT INTO autofix_attempt (delivery_id, number, response_status, latency_ms, response_excerpt, error, created_at)
SELECT delivery_id, number, response_status, latency_ms, response_excerpt, error, created_at
FROM json_to_recordset(%s) AS made (delivery_id bigint, number integer, response_status smallint, latency_ms integer,
                                    response_excerpt text, error text, created_at timestamptz)
"""
RECORDS = """
INSERT INTO autofix_endpointrecord (endpoint_id, recent, totals)
SELECT endpoint_id, recent, totals FROM json_to_recordset(%s) AS made (endpoint_id bigint, recent jsonb, totals jsonb)
ON CONFLICT (endpoint_id) DO UPDATE SET recent = excluded.recent, totals = excluded.totals
"""
NAMED = re.compile(r"%\((\w+)\)s")
ATTEMPT = (
    "delivery_id", "number", "response_status", "latency_ms", "response_excerpt", "error", "created_at"
)  # fmt: skip
RECORD = ("endpoint_id", "recent", "totals")


def insert_attempts(attempts: Sequence[Sequence[Any]]) -> None:
    """Store attempts, each as the values of ATTEMPT."""
    if connection.vendor == "postgresql":
        rows.fetch(ATTEMPTS, [_as_json(ATTEMPT, attempts)])
    else:
        rows.insert_all(Attempt, ATTEMPT, attempts)


def write_records(records: Sequence[Sequence[Any]]) -> None:
    """Store what is known of endpoints, each as the values of RECORD, in place of what was known before."""
    if connection.vendor == "postgresql":
        rows.fetch(RECORDS, [_as_json(RECORD, records)])
    else:
        rows.insert_all(EndpointRecord, RECORD, records, replacing="endpoint_id")


def _as_json(names: Sequence[str], records: Sequence[Sequence[Any]]) -> str:
    return json.dumps([dict(zip(names, one, strict=True)) for one in records], default=datetime.isoformat)


def ids(numbers: Iterable[int]) -> str:
    """For ``{ids}``."""
    return ", ".join(str(int(number)) for number in numbers)


def fetch(text: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows that it finds."""
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def fetch_by(text: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The same for one of our texts as it stands, with parameters by name."""
    positional, names = _by_position(text)
    return rows.fetch(positional, [parameters[name] for name in names])


@cache
def _by_position(text: str) -> tuple[str, list[str]]:
    return NAMED.sub("%s", text), NAMED.findall(text)


def change(text: str, parameters: Sequence[Any]) -> None:
    """Change rows."""
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)


def moment(when: datetime) -> str:
    """A time as the columns have it."""
    return str(connection.ops.adapt_datetimefield_value(when))


def lock(*, skip: bool = False) -> str:
    """Locks the rows of ``d`` that are found, or those that nobody else has locked. SQLite's transactions are exclusive."""
    if not connection.features.has_select_for_update_skip_locked:
        return ""
    return "FOR NO KEY UPDATE OF d SKIP LOCKED" if skip else "FOR NO KEY UPDATE"
