"""The same request twice does its work once: the first answer is kept and given again.

The answer is recorded in the transaction of the work itself. Whoever dies in between leaves a reservation that runs out;
the work is then not done, and the next request does it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from autofix.exceptions import IdempotencyInProgress, IdempotencyMismatch, InvalidRequest, RequestRefused
from autofix.models import IdempotencyRecord
from autofix.refusals import Answer

KEPT = timedelta(hours=24)
RESERVED = timedelta(seconds=60)
MAX_KEY_LENGTH = 255
PRUNED = 500
NEVER_KEPT = (401, 429)


def checked_key(header: str | None) -> str | None:
    """The key of an Idempotency-Key header, None without one; InvalidRequest when it is empty or too long."""
    if header is None:
        return None
    if not header or len(header) > MAX_KEY_LENGTH or not header.isprintable():
        raise InvalidRequest(f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} printable characters.")
    return header


def fingerprint(*parts: Any) -> str:
    """One word for what a request asks; the order of a body's keys does not matter."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def answer_once(organization_id: str, key: str | None, asked: str, work: Callable[[], Answer]) -> Answer:
    """What ``work`` (one transaction) answers, or what it answered when the same was ``asked`` with this key before.

    Raises whatever ``work`` raises (a refusal is kept, too), IdempotencyMismatch when something else was asked with the
    key, IdempotencyInProgress while the first request is at it.
    """
    if key is None:
        with transaction.atomic():
            return work()
    kept = _reserve(organization_id, key, asked)
    if isinstance(kept, Answer):
        return kept
    try:
        with transaction.atomic():
            record = _still_mine(kept).select_for_update().first()
            answer = work() if record else None
            if record and answer:
                _keep(record, answer)
    except RequestRefused as refused:
        _keep_refusal(kept, refused)
        raise
    except BaseException:
        _still_mine(kept).delete()
        raise
    if answer is None:
        raise IdempotencyInProgress
    return answer


def prune(now: datetime) -> int:
    """Delete up to PRUNED answers that are kept no longer, oldest first; how many went."""
    old = IdempotencyRecord.objects.filter(created_at__lt=now - KEPT).order_by("created_at")
    return IdempotencyRecord.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:PRUNED])).delete()[
        0
    ]


def _reserve(organization_id: str, key: str, asked: str) -> IdempotencyRecord | Answer:
    now = timezone.now()
    mine = {"organization_id": organization_id, "key": key}
    with transaction.atomic():
        IdempotencyRecord.objects.filter(**mine, created_at__lt=now - KEPT).delete()
        _, created = IdempotencyRecord.objects.get_or_create(
            **mine, defaults={"request_hash": asked, "locked_until": now + RESERVED}
        )
        record = IdempotencyRecord.objects.select_for_update().get(**mine)
        if created:
            return record
        if record.request_hash != asked:
            raise IdempotencyMismatch
        if record.status is not None:
            return Answer(record.status, json.loads(record.body))
        if record.locked_until > now:
            raise IdempotencyInProgress
        record.locked_until = now + RESERVED
        record.save(update_fields=["locked_until"])
        return record


def _still_mine(reserved: IdempotencyRecord) -> QuerySet[IdempotencyRecord]:
    # Another request takes an expired reservation over by giving it a new time.
    return IdempotencyRecord.objects.filter(pk=reserved.pk, status=None, locked_until=reserved.locked_until)


def _keep(record: IdempotencyRecord, answer: Answer) -> None:
    record.status, record.body = answer.status, json.dumps(answer.body)
    record.save(update_fields=["status", "body"])


def _keep_refusal(reserved: IdempotencyRecord, refused: RequestRefused) -> None:
    answer = Answer.of(refused)
    if answer.status in NEVER_KEPT:
        _still_mine(reserved).delete()
    else:
        _still_mine(reserved).update(status=answer.status, body=json.dumps(answer.body))
