"""Can a change of this code fix it? Failures of the surroundings cannot be fixed here; code that we cannot see, not yet."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autofix.artifact_schemas import Assessment
from autofix.explorer.agents.offline.evidence import Evidence
from autofix.hosts.types import ExceptionInfo, Frame


@dataclass(frozen=True)
class Verdict:
    """``code``: a machine word for the reason. ``remedy``: what helps instead, for what code cannot fix."""

    assessment: Assessment
    code: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True)
class Surroundings:
    """A failure outside of the program: exceptions by type name and, where given, by their message."""

    code: str
    types: str
    message: str
    reason: str
    remedy: str

    def fits(self, exception: ExceptionInfo) -> bool:
        """Is this exception of the kind?"""
        name = exception.type.rsplit(".", 1)[-1]
        if not re.fullmatch(self.types, name):
            return False
        return not self.message or re.search(self.message, exception.value, re.IGNORECASE) is not None


SURROUNDINGS = (
    Surroundings(
        "disk_full",
        r"OSError|IOError|\w*Error",
        r"\[Errno 28\]|No space left on device|database or disk is full|\[Errno 122\]|Disk quota exceeded",
        "the disk was full",
        "free or add disk space, and watch its level",
    ),
    Surroundings(
        "permission",
        r"PermissionError|OSError",
        r"\[Errno 13\]|\[Errno 1\]|\[Errno 30\]|Permission denied|Read-only file system",
        "the process may not access a file or socket that it needs",
        "give the process's user the rights that it needs there",
    ),
    Surroundings(
        "connection_refused",
        r"ConnectionRefusedError|ConnectionResetError|ConnectionAbortedError|BrokenPipeError|NewConnectionError"
        r"|ConnectError|gaierror|NameResolutionError|ClientConnectorError",
        "",
        "the other side could not be reached",
        "check that the service is up, and its address, network and firewall",
    ),
    Surroundings(
        "connection_refused",
        r"\w*(Error|Exception)",
        r"Connection refused|Connection reset by peer|Name or service not known|No route to host|Network is unreachable"
        r"|Temporary failure in name resolution|Remote end closed connection|could not connect to server"
        r"|connection to server .* failed|server has gone away"
        r"|server closed the connection|database system is (starting up|shutting down|in recovery)",
        "the other side could not be reached",
        "check that the service is up, and its address, network and firewall",
    ),
    Surroundings(
        "certificate",
        r"\w*(Error|Exception)",
        r"CERTIFICATE_VERIFY_FAILED|certificate has expired|certificate verify failed",
        "the other side's certificate was not accepted",
        "check the certificate there, and the authorities that this machine trusts",
    ),
    Surroundings(
        "missing_environment",
        r"\w+",
        r"\benvironment variable\b.*\b(not set|unset|missing|required|not defined)\b"
        r"|\b(set|missing|requires?) (the )?`?[A-Z][A-Z0-9_]+`? environment variable",
        "an environment variable is not set where this runs",
        "set it in the deployment",
    ),
    Surroundings(
        "timed_out",
        r"(Connect|Read|Write|Pool|Connection|Gateway|Proxy)?Time[oO]ut(Error|Exception)?|ReadTimeoutError|ConnectTimeoutError",
        "",
        "the other side did not answer in time",
        "check the load and health of the service that was asked",
    ),
    Surroundings(
        "timed_out",
        r"URLError|ConnectionError|MaxRetryError|OSError|socket\.timeout|OperationalError|ServerSelectionTimeoutError",
        r"timed out|time-?out",
        "the other side did not answer in time",
        "check the load and health of the service that was asked",
    ),
    Surroundings(
        "third_party_failure",
        r"\w*HTTP\w*Error|ServerError|InternalServerError|ServiceUnavailable|BadGateway|GatewayTimeout|ClientResponseError",
        r"\b5\d\d\b|Service Unavailable|Bad Gateway|Internal Server Error|Gateway Time-?out",
        "the service that was asked answered with a failure of its own",
        "take it up with the operators of that service",
    ),
)

# A mistake in code, whatever went before: a KeyError in the handler of a refused connection is no refused connection.
CODE_MISTAKES = frozenset(
    {
        "ArithmeticError", "AssertionError", "AttributeError", "ImportError", "IndexError", "KeyError", "LookupError",
        "ModuleNotFoundError", "NameError", "NotImplementedError", "OverflowError", "RecursionError", "SyntaxError",
        "TypeError", "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "ValueError", "ZeroDivisionError",
    }
)  # fmt: skip
ENVIRONMENT_READ = re.compile(r"\benviron\s*\[")


def judge(evidence: Evidence) -> Verdict:
    """The verdict on what the evidence shows."""
    if evidence.event is None:
        return Verdict("needs_more_context", "no_event", "The issue has no stored event to read.")
    raised = evidence.exception
    if raised is None:
        return Verdict(
            "needs_more_context",
            "no_exception",
            "The event carries no exception, so there is no trace to follow.",
        )
    outside = _surroundings(evidence, raised)
    if outside is not None:
        return outside
    if not evidence.checkouts:
        return Verdict("needs_more_context", "no_repository", "No repository is configured for this project.")
    failing = evidence.failing
    if failing is None:
        return Verdict(
            "needs_more_context", "no_frame", "No frame of the stack trace lies in a configured repository."
        )
    if not failing.matches:
        return Verdict(
            "needs_more_context",
            "code_differs",
            f"{failing.file.path}:{failing.line} at commit {failing.file.checkout.sha[:7]} is not the line that failed: "
            "the event comes from another version of the code.",
        )
    return Verdict(
        "fixable", "code", f"The failing code is {failing.file.path}:{failing.line}, in this repository."
    )


def _surroundings(evidence: Evidence, raised: ExceptionInfo) -> Verdict | None:
    chain = _chain(evidence, raised)
    variable = next((name for one in (raised, *chain) if (name := missing_variable(one))), None)
    if variable is not None:
        return Verdict(
            "not_actionable",
            "missing_environment",
            f"The environment variable {variable} is not set where this runs.",
            f"set {variable} in the deployment",
        )
    for exception in chain:
        for kind in SURROUNDINGS:
            if kind.fits(exception):
                message = (
                    f" ({exception.type}: {exception.value[:200]})"
                    if exception.value
                    else f" ({exception.type})"
                )
                return Verdict(
                    "not_actionable",
                    kind.code,
                    f"Nothing in this code failed: {kind.reason}{message}.",
                    kind.remedy,
                )
    return None


def missing_variable(raised: ExceptionInfo) -> str | None:
    """The name of the environment variable whose absence raised this KeyError; None for any other exception."""
    if raised.type != "KeyError" or not raised.frames:
        return None
    last = raised.frames[-1]
    inside_os = last.function == "__getitem__" and _is_os_module(last)
    own = raised.raising_frame
    direct = own is not None and ENVIRONMENT_READ.search(own.context_line or "") is not None and own is last
    if not (inside_os or direct):
        return None
    name = raised.value.strip("'\" ")
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,200}", name) else None


def _is_os_module(frame: Frame) -> bool:
    return (
        frame.module == "os"
        or frame.abs_path.endswith(("/os.py", "<frozen os>"))
        or frame.filename in ("os.py", "<frozen os>")
    )


def _chain(evidence: Evidence, raised: ExceptionInfo) -> list[ExceptionInfo]:
    """The raised exception, then what caused it; nothing where the raised one is a mistake in code."""
    if raised.type in CODE_MISTAKES or evidence.event is None:
        return []
    return list(reversed(evidence.event.exceptions))
