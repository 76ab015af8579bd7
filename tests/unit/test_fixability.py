"""The fixability score and what it lets automation do: pure, without a database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofix.fixability import START_AT, furthest, reach, score
from autofix.hosts import Event, ExceptionInfo, Frame, Issue
from autofix.models.preferences import Tuning
from autofix.steps import StoppingPoint

ISSUE = Issue(id="1", short_id="SHOP-1", title="KeyError", organization_id="1", project_id="1")
OWN = Frame(
    filename="shop/cart.py",
    function="total",
    lineno=9,
    in_app=True,
    context_line="x",
    variables={"x": "1"},
)
LIBRARY = Frame(filename="json/decoder.py", function="decode", lineno=337)
ENVIRON = Frame(filename="<frozen os>", module="os", function="__getitem__", lineno=679)

scores = st.floats(0, 1)
tunings = st.sampled_from(Tuning.values)
points = st.sampled_from(list(StoppingPoint))


def event(*exceptions: tuple[str, str, tuple[Frame, ...]], **fields: Any) -> Event:
    """A Python event with these exceptions: type, message, frames."""
    chain = tuple(ExceptionInfo(type=name, value=text, frames=frames) for name, text, frames in exceptions)
    return Event(id="e1", **{"platform": "python", "exceptions": chain, **fields})


def test_a_missing_key_in_own_code_carries_to_a_pull_request() -> None:
    """The plainest programming error, as the Python SDK reports it, goes all the way by its own score."""
    found = score(event(("KeyError", "'price'", (OWN,))), ISSUE)
    assert furthest(found.value) is StoppingPoint.OPEN_PR
    assert "KeyError is a programming error" in found.reasons


@pytest.mark.parametrize(
    ("name", "message", "frames"),
    [
        ("ConnectionRefusedError", "[Errno 111] Connection refused", (OWN,)),
        ("OSError", "[Errno 28] No space left on device", (OWN,)),
        ("PermissionError", "[Errno 13] Permission denied: '/srv'", (OWN,)),
        ("requests.exceptions.ReadTimeout", "read timed out", (OWN, LIBRARY)),
        ("KeyError", "'SIGNING_KEY'", (OWN, ENVIRON)),
    ],
)
def test_infrastructure_carries_nowhere(name: str, message: str, frames: tuple[Frame, ...]) -> None:
    """A perfect stack trace does not make a refused connection, full disk or missing variable fixable in code."""
    assert furthest(score(event((name, message, frames)), ISSUE).value) is None


def test_no_stack_trace_carries_nowhere() -> None:
    """A bare message, and an exception without frames, have no place to look at."""
    assert furthest(score(event(message="hello"), ISSUE).value) is None
    assert furthest(score(event(("KeyError", "'a'", ())), ISSUE).value) is None


def test_only_library_frames_carry_nowhere() -> None:
    """Without a frame of the project's own code there is nothing of its own to change."""
    assert furthest(score(event(("KeyError", "'a'", (LIBRARY,))), ISSUE).value) is None


def test_each_piece_of_evidence_raises_the_score() -> None:
    """Own frame, source line, locals, Python and a telling type each add; a lower level takes away."""
    bare = Frame(filename="a.py", lineno=1, in_app=True)
    shown = bare.model_copy(update={"context_line": "x"})
    rising = [
        event(("E", "", ()), platform="other"),
        event(("E", "", (bare,)), platform="other"),
        event(("E", "", (shown,)), platform="other"),
        event(("E", "", (OWN,)), platform="other"),
        event(("E", "", (OWN,))),
        event(("ValueError", "", (OWN,))),
        event(("KeyError", "", (OWN,))),
    ]
    values = [score(e, ISSUE).value for e in rising]
    assert values == sorted(set(values))
    assert score(event(("KeyError", "", (OWN,)), level="warning"), ISSUE).value < values[-1]


def test_the_raised_exception_decides_over_its_context() -> None:
    """A programming error in the handling of a refused connection is one; a wrapper around a refused connection is not."""
    refused = ("ConnectionRefusedError", "Connection refused", (OWN,))
    assert furthest(score(event(refused, ("TypeError", "", (OWN,))), ISSUE).value) is StoppingPoint.OPEN_PR
    assert furthest(score(event(refused, ("RatesUnavailable", "", (OWN,))), ISSUE).value) is None


def test_the_parts_of_a_group_are_judged() -> None:
    """An exception group says nothing by its own type: its parts do."""
    group = event(("KeyError", "'a'", (OWN,)), ("ExceptionGroup", "several", (OWN,)))
    assert furthest(score(group, ISSUE).value) is StoppingPoint.OPEN_PR


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, None),
        (0.39, None),
        (0.40, StoppingPoint.ROOT_CAUSE),
        (0.65, StoppingPoint.ROOT_CAUSE),
        (0.66, StoppingPoint.CODE_CHANGES),
        (0.77, StoppingPoint.CODE_CHANGES),
        (0.78, StoppingPoint.OPEN_PR),
        (1.0, StoppingPoint.OPEN_PR),
    ],
)
def test_bands(value: float, expected: StoppingPoint | None) -> None:
    """Each band begins at its lower edge."""
    assert furthest(value) is expected


@pytest.mark.parametrize(
    ("tuning", "below", "at"),
    [
        ("super_low", 0.75, 0.76),
        ("low", 0.65, 0.66),
        ("medium", 0.39, 0.40),
        ("high", 0.24, 0.25),
    ],
)
def test_a_tuning_starts_at_its_threshold(tuning: str, below: float, at: float) -> None:
    """Just below its threshold a tuning starts nothing, at it a run."""
    assert reach(below, tuning, StoppingPoint.OPEN_PR) is None
    assert reach(at, tuning, StoppingPoint.OPEN_PR) is not None


def test_always_looks_for_the_root_cause_of_everything() -> None:
    """``always`` starts at any score, but a low one goes no further than the root cause."""
    assert reach(0.0, "always", StoppingPoint.OPEN_PR) is StoppingPoint.ROOT_CAUSE


@pytest.mark.parametrize("tuning", ["off", "", "ALWAYS", "unheard-of"])
def test_off_and_unknown_words_never_start(tuning: str) -> None:
    """Automation starts only where somebody asked for it in a word that we know."""
    assert reach(1.0, tuning, StoppingPoint.OPEN_PR) is None


def test_every_tuning_has_a_threshold() -> None:
    """The thresholds and the stored choices name the same words, in order of readiness."""
    assert list(START_AT) == Tuning.values
    assert list(START_AT.values()) == sorted(START_AT.values(), reverse=True)


@given(scores, scores, tunings, points)
def test_a_better_score_never_stops_earlier(
    one: float, other: float, tuning: str, preference: StoppingPoint
) -> None:
    """The reach grows with the score."""
    low, high = sorted((one, other))
    assert _rank(reach(low, tuning, preference)) <= _rank(reach(high, tuning, preference))


@given(scores, tunings, points)
def test_the_preference_bounds_and_never_raises(value: float, tuning: str, preference: StoppingPoint) -> None:
    """No run goes beyond the preference, and the widest preference goes no further than the score's band."""
    assert _rank(reach(value, tuning, preference)) <= preference.rank
    widest = reach(value, tuning, StoppingPoint.OPEN_PR)
    assert _rank(widest) <= max(_rank(furthest(value)), StoppingPoint.ROOT_CAUSE.rank)
    assert (widest is None) == (reach(value, tuning, preference) is None)


@given(
    st.text(max_size=40),
    st.text(),
    st.sampled_from([(OWN,), (LIBRARY,), ()]),
    st.sampled_from(["python", "node", "", "\x00"]),
)
def test_any_event_has_a_score_between_0_and_1(
    name: str, message: str, frames: tuple[Frame, ...], platform: str
) -> None:
    """Whatever a stranger sends, the score is a number that the bands know."""
    assert 0 <= score(event((name, message, frames), platform=platform), ISSUE).value <= 1


def _rank(point: StoppingPoint | None) -> int:
    return -1 if point is None else point.rank
