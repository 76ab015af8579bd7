"""Storms: the same request many times at once, with real threads on a real database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from autofix import idempotency, throttles
from autofix.exceptions import IdempotencyInProgress, IdempotencyMismatch, NothingToPush, Throttled
from autofix.hosts import Issue
from autofix.idempotency import answer_once, fingerprint
from autofix.models import IdempotencyRecord, Run, StepExecution, ThrottleWindow, WebhookEvent
from autofix.refusals import Answer
from autofix.testing import WakeupQueue
from autofix.throttles import Window, admit
from tests.integration.api.conftest import Caller, Join
from tests.pipeline import Play

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 20


def at_once(work: Callable[[int], Any], times: int = AT_ONCE) -> list[Any]:
    """What ``work(0)``, ``work(1)``, … return, all begun together, each in a thread with its own connection."""
    barrier = Barrier(times)

    def one(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_the_same_start_at_once_makes_one_run(api: Caller, queue: WakeupQueue, play: Play) -> None:
    """Of 20 equal requests one starts a run; the others are told which one, and are counted in no window."""
    answers = at_once(lambda _: Caller(api.token, api.base).post("", {"step": "root_cause"}))
    assert Counter(answer.status for answer in answers) == {202: 1, 409: AT_ONCE - 1}
    run = Run.objects.get()
    assert {answer.body["run_id"] for answer in answers} == {run.pk}
    assert StepExecution.objects.count() == 1
    assert WebhookEvent.objects.count() == 1
    assert {len(window.hits) for window in ThrottleWindow.objects.all()} == {1}


def test_the_same_key_at_once_makes_one_run(api: Caller, queue: WakeupQueue, play: Play) -> None:
    """With a key all get the first one's answer, or are told that it is still being made."""
    body = {"step": "root_cause", "user_context": "the same"}

    def start(_: int) -> Any:
        return Caller(api.token, api.base).post("", body, **{"Idempotency-Key": "k1"})

    answers = at_once(start)
    kinds = Counter(answer.status if answer.status == 202 else answer.code for answer in answers)
    assert set(kinds) <= {202, "idempotency_in_progress"}
    assert kinds[202] >= 1
    assert len({answer.content for answer in answers if answer.status == 202}) == 1
    assert Run.objects.count() == 1
    again = api.post("", body, **{"Idempotency-Key": "k1"})
    assert (again.status, again.body["run_id"]) == (202, Run.objects.get().pk)
    assert {len(window.hits) for window in ThrottleWindow.objects.all()} == {1}


def test_the_limit_holds_at_once(issue: Issue) -> None:
    """Of 40 requests at once exactly 25 are let through."""
    windows = [Window("a", 25, 60), Window("b", 100, 3_600)]

    def one(_: int) -> bool:
        try:
            admit(windows)
        except Throttled:
            return False
        return True

    assert sum(at_once(one, 40)) == 25
    assert {row.key: len(row.hits) for row in ThrottleWindow.objects.all()} == {"a": 25, "b": 25}


def test_refusals_are_counted_nowhere(
    api: Caller, join: Join, queue: WakeupQueue, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 says when to come back. Refusals, for whatever reason, use up nothing; who comes from elsewhere may start."""
    monkeypatch.setattr(throttles, "STARTS_PER_MINUTE", 2)
    for refused in ([409, 409, 409], []):
        started = api.post("", {"step": "root_cause"})
        assert started.status == 202
        assert [api.post("", {"step": "root_cause"}).status for _ in refused] == refused
        api.post("cancel/", {"run_id": started.body["run_id"]})
    before = list(ThrottleWindow.objects.order_by("pk").values("key", "hits"))
    for _ in range(3):
        answer = api.post("", {"step": "root_cause"}, **{"Idempotency-Key": "late"})
        assert (answer.status, answer.code) == (429, "throttled")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert list(ThrottleWindow.objects.order_by("pk").values("key", "hits")) == before
    assert not IdempotencyRecord.objects.exists()
    assert join("ben").post("", {"step": "root_cause"}).status == 429, (
        "the address has used up its share, too"
    )
    elsewhere = join("cem")
    elsewhere.client = Client(REMOTE_ADDR="192.0.2.7")
    forged = elsewhere.post("", {"step": "root_cause"}, **{"X-Forwarded-For": "127.0.0.1"})
    assert forged.status == 202


def test_a_window_slides() -> None:
    """What is older than the window no longer counts, and the wait is until the oldest that does falls out."""
    window = [Window("w", 2, 60)]
    admit(window, now=1_000.0)
    admit(window, now=1_030.0)
    with pytest.raises(Throttled) as refused:
        admit(window, now=1_059.5)
    assert refused.value.retry_after_s == 1
    admit(window, now=1_060.0)
    with pytest.raises(Throttled) as refused:
        admit(window, now=1_061.0)
    assert refused.value.retry_after_s == 29


def test_many_requests_of_any_kind(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is limited, too; other requests have a window of their own."""
    monkeypatch.setattr(throttles, "REQUESTS_PER_MINUTE", 3)
    monkeypatch.setattr("autofix.throttles.time.time", lambda: 6_000_000.0)
    assert [api.get().status for _ in range(4)] == [200, 200, 200, 429]
    assert api.post("cancel/", {}).status == 400


class TestAnswerOnce:
    """Keys, one by one."""

    def test_refusals_are_kept_too(self) -> None:
        """The first answer is a refusal: it is given again, and the work is not tried again."""
        tried = []

        def refuse() -> Answer:
            tried.append(1)
            raise NothingToPush

        with pytest.raises(NothingToPush):
            answer_once("1", "k", "asked", refuse)
        assert answer_once("1", "k", "asked", refuse) == Answer.of(NothingToPush())
        assert tried == [1]

    def test_another_body_is_refused(self) -> None:
        """The same key with another question is 422, in the same organization only."""
        answer_once("1", "k", "asked", lambda: Answer(202, {}))
        with pytest.raises(IdempotencyMismatch):
            answer_once("1", "k", "other", lambda: Answer(202, {}))
        assert answer_once("2", "k", "other", lambda: Answer(202, {"mine": 1})).body == {"mine": 1}

    def test_an_error_of_ours_is_not_kept(self) -> None:
        """What failed on our side may be tried again at once, and has left nothing."""

        def fail() -> Answer:
            ThrottleWindow.objects.create(key="half done")
            raise RuntimeError("lost")

        with pytest.raises(RuntimeError):
            answer_once("1", "k", "asked", fail)
        assert not ThrottleWindow.objects.exists()
        assert answer_once("1", "k", "asked", lambda: Answer(202, {})).status == 202

    def test_dying_in_the_middle_does_not_block_for_ever(self) -> None:
        """A reservation whose holder died holds for a minute; then the next request does the work, once."""
        IdempotencyRecord.objects.create(
            organization_id="1",
            key="k",
            request_hash="asked",
            locked_until=timezone.now() + timedelta(seconds=60),
        )
        with pytest.raises(IdempotencyInProgress):
            answer_once("1", "k", "asked", lambda: Answer(202, {}))
        IdempotencyRecord.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
        assert answer_once("1", "k", "asked", lambda: Answer(202, {"n": 1})).body == {"n": 1}
        assert answer_once("1", "k", "asked", lambda: Answer(202, {"n": 2})).body == {"n": 1}

    def test_who_was_overtaken_does_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A holder that slept past its minute finds its reservation taken over and does not do the work again."""
        reserve = idempotency._reserve

        def slept(*asked: str) -> Any:
            mine = reserve(*asked)
            IdempotencyRecord.objects.update(locked_until=timezone.now() + timedelta(seconds=90))
            return mine

        monkeypatch.setattr(idempotency, "_reserve", slept)
        with pytest.raises(IdempotencyInProgress):
            answer_once("1", "k", "asked", lambda: pytest.fail("the work was done twice"))
        assert IdempotencyRecord.objects.get().status is None

    def test_a_day_later_the_key_is_free(self) -> None:
        """Keys are kept for 24 h."""
        answer_once("1", "k", "asked", lambda: Answer(202, {"n": 1}))
        IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
        assert answer_once("1", "k", "other", lambda: Answer(202, {"n": 2})).body == {"n": 2}

    def test_the_order_of_keys_does_not_matter(self) -> None:
        """The same question is the same however its keys are ordered; another issue's is another one."""
        assert fingerprint("start", "1", {"a": 1, "b": 2}) == fingerprint("start", "1", {"b": 2, "a": 1})
        assert fingerprint("start", "1", {}) != fingerprint("start", "2", {})


def test_answers_kept_over_http(api: Caller, queue: WakeupQueue, play: Play) -> None:
    """A key's answer is given again after the run went on; another body with it is 422."""
    first = api.post("", {"step": "root_cause"}, **{"Idempotency-Key": "k"})
    queue.drain()
    again = api.post("", {"step": "root_cause"}, **{"Idempotency-Key": "k"})
    assert (again.status, again.content) == (202, first.content)
    other = api.post("", {"step": "solution"}, **{"Idempotency-Key": "k"})
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert Run.objects.count() == 1
    assert not connection.in_atomic_block
