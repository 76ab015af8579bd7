"""How likely a change of the project's own code is to fix an error, judged without a model, and how far that lets automation go.

Pure: no database, no settings. The score is a sum of weights, each with its reason, so that people can argue with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autofix.hosts import Event, ExceptionInfo, Frame, Issue
from autofix.steps import StoppingPoint

START = 0.20
"""An error about which nothing is known. Below every band: evidence, not its absence, starts a run."""

IN_APP_LINE = 0.25
"""A frame of the project's own code with a line: there is a place to look at and to change."""

SOURCE_SHOWN = 0.05
"""The event carries the failing line itself, so that the checkout can be compared with what really ran."""

LOCALS = 0.08
"""Values of local variables: they show which value was wrong, where the code alone can only suggest it."""

PYTHON = 0.10
"""The agents' tools and rules know Python best."""

PROGRAMMING_ERROR = 0.20
"""A type that only the code's own logic raises, such as a missing key: the fix is in the code."""

UNEXPECTED_VALUE = 0.12
"""A type that bad input raises too: the code can often be made to cope, but not always should it."""

INFRASTRUCTURE = -0.45
"""Something outside of the code failed. Outweighs a perfect stack trace, which such errors usually have."""

NOT_A_CRASH = -0.15
"""Reported below ``error``: somebody expected it."""

PROGRAMMING_ERRORS = frozenset(
    "AttributeError ImportError IndexError KeyError LookupError ModuleNotFoundError NameError NotImplementedError"
    " RecursionError StopIteration TypeError UnboundLocalError ZeroDivisionError"
    " RangeError ReferenceError"  # JavaScript
    " NoMethodError"  # Ruby
    " ArrayIndexOutOfBoundsException ClassCastException ConcurrentModificationException IndexOutOfBoundsException"
    " NullPointerException StringIndexOutOfBoundsException"  # Java
    " IndexOutOfRangeException InvalidCastException KeyNotFoundException NullReferenceException".split()  # .NET
)
UNEXPECTED_VALUES = frozenset(
    "ArithmeticError AssertionError FloatingPointError OverflowError UnicodeDecodeError UnicodeEncodeError UnicodeError"
    " ValueError JSONDecodeError InvalidOperation ArgumentError"
    " IllegalArgumentException NumberFormatException ArithmeticException FormatException".split()
)
INFRASTRUCTURE_ERRORS = frozenset(
    "BrokenPipeError ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError BlockingIOError"
    " ConnectError ConnectTimeout ConnectTimeoutError ConnectionTimeout HTTPError InterfaceError MaxRetryError MemoryError"
    " NewConnectionError OperationalError PermissionError PoolTimeout ProxyError ReadTimeout ReadTimeoutError"
    " RemoteDisconnected ServerDisconnectedError SSLError SoftTimeLimitExceeded TimeLimitExceeded TimeoutError URLError"
    " WorkerLostError gaierror herror timeout KeyboardInterrupt SystemExit"
    " ConnectException SocketException SocketTimeoutException UnknownHostException OutOfMemoryError".split()
)
INFRASTRUCTURE_MESSAGES = (
    "connection refused",
    "connection reset",
    "timed out",
    "no space left on device",
    "disk quota exceeded",
    "disk full",
    "permission denied",
    "read-only file system",
    "too many open files",
    "too many connections",
    "name or service not known",
    "name resolution",
    "network is unreachable",
    "environment variable",
)
MESSAGE_LENGTH = 1_000  # a message is a stranger's text of any length; what matters stands at its beginning
NAME_LENGTH = 100

GROUPS = frozenset({"ExceptionGroup", "BaseExceptionGroup"})
BELOW_ERROR = frozenset({"debug", "info", "log", "warning"})
NEVER = 2.0  # above every score

START_AT: dict[str, float] = {
    "off": NEVER,
    "super_low": 0.76,
    "low": 0.66,
    "medium": 0.40,
    "high": 0.25,
    "always": 0.0,
}
"""The score from which each tuning lets automation start a run. The numbers are those of Sentry's tuning setting."""

BANDS: tuple[tuple[float, StoppingPoint], ...] = (
    (0.78, StoppingPoint.OPEN_PR),
    (0.66, StoppingPoint.CODE_CHANGES),
    (0.40, StoppingPoint.ROOT_CAUSE),
)
"""How far a score carries: the highest band whose lower edge it reaches. Below the last edge it carries nowhere."""


@dataclass(frozen=True)
class FixabilityScore:
    """``value`` from 0 (hopeless) to 1, in hundredths; ``reasons``: one phrase per weight that counted, in the order counted."""

    value: float
    reasons: tuple[str, ...] = ()


def score(event: Event, issue: Issue) -> FixabilityScore:
    """The offline judgement of one event of an issue: the sum of the weights that apply, between 0 and 1.

    A stack trace alone proves nothing (a refused connection has a fine one), so the exception's type decides the last band.
    """
    found = list(_weights(event, issue))
    total = START + sum(weight for weight, _ in found)
    return FixabilityScore(round(min(1.0, max(0.0, total)), 2), tuple(reason for _, reason in found))


def furthest(value: float) -> StoppingPoint | None:
    """How far a score alone would carry a run; None below .40."""
    return next((point for edge, point in BANDS if value >= edge), None)


def reach(value: float, tuning: str, preference: StoppingPoint) -> StoppingPoint | None:
    """How far automation takes an issue with this score; None when it does not start at all.

    The tuning says from which score on a run starts (an unknown word counts as ``off``); the score's band says how far it
    goes; the project's stopping point bounds that and never raises it. ``high`` and ``always`` ask for runs below the
    lowest band: those look for the root cause and stop there, since such a score promises no good change of the code.
    """
    if value < START_AT.get(tuning, NEVER):
        return None
    return min(
        furthest(value) or StoppingPoint.ROOT_CAUSE,
        preference,
        key=lambda point: point.rank,
    )


def _weights(event: Event, issue: Issue) -> Iterator[tuple[float, str]]:
    own = [
        frame for exception in event.exceptions for frame in exception.frames if frame.in_app and frame.lineno
    ]
    if own:
        yield IN_APP_LINE, "the stack trace leads into the project's own code"
        if any(frame.context_line for frame in own):
            yield SOURCE_SHOWN, "the event shows the source line"
        if any(frame.variables for frame in own):
            yield LOCALS, "the event shows local variables"
        if event.platform == "python":
            yield PYTHON, "Python, which the agents know best"
    yield from _kind(event, has_place=bool(own))
    if (event.level or issue.level) in BELOW_ERROR:
        yield NOT_A_CRASH, f"reported as {event.level or issue.level}, not as an error"


def _kind(event: Event, *, has_place: bool) -> Iterator[tuple[float, str]]:
    """What the type says. A programming error raised while an infrastructure error was handled is a programming error."""
    raised = _raised(event)
    outside = next((e for e in raised if _is_infrastructure(e)), None)
    logic = next((e for e in raised if _name(e) in PROGRAMMING_ERRORS), None)
    if outside is None and logic is None:
        outside = next((e for e in event.exceptions if _is_infrastructure(e)), None)
    value = next((e for e in raised if _name(e) in UNEXPECTED_VALUES), None)
    if outside is not None:
        yield INFRASTRUCTURE, f"{_name(outside)} comes from outside of the code"
    elif logic is not None and has_place:
        yield PROGRAMMING_ERROR, f"{_name(logic)} is a programming error"
    elif value is not None and has_place:
        yield (
            UNEXPECTED_VALUE,
            f"{_name(value)} is a value that the code did not expect",
        )


def _raised(event: Event) -> tuple[ExceptionInfo, ...]:
    """The exception that reached the top; of a group, which says nothing itself, all its parts."""
    last = event.raised
    if last is None:
        return ()
    return event.exceptions if any(_name(e) in GROUPS for e in event.exceptions) else (last,)


def _is_infrastructure(exception: ExceptionInfo) -> bool:
    name = _name(exception)
    if (
        name in PROGRAMMING_ERRORS
    ):  # what its message quotes is data, except for the name of a missing variable
        return name == "KeyError" and any(_reads_environment(frame) for frame in exception.frames[-1:])
    message = exception.value[:MESSAGE_LENGTH].lower()
    return name in INFRASTRUCTURE_ERRORS or any(words in message for words in INFRASTRUCTURE_MESSAGES)


def _reads_environment(frame: Frame) -> bool:
    """True for a look-up in ``os.environ``: the variable is missing where the program runs, not in its code."""
    in_library = frame.module == "os" or frame.filename in {"<frozen os>", "os.py"}
    return in_library and frame.function == "__getitem__"


def _name(exception: ExceptionInfo) -> str:
    """The type's last word: some SDKs send the module with it. Cut, since a stranger wrote it and people read it."""
    return exception.type.rpartition(".")[2][:NAME_LENGTH]
