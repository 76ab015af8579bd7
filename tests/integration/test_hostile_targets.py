"""Every URL and every misbehaviour that we know of, each with its verdict: what a stranger's endpoint can do to us."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from autofix.conf import SCHEDULE_S
from autofix.delivery import targets, transport
from autofix.delivery.errors import TargetRefused
from autofix.delivery.schedule import judge
from tests.integration.certificates import HOUR, make_certificate, serving
from tests.integration.hostile_urls import ADDRESS, PUBLIC, URLS
from tests.integration.receiver import Handler, Receiver, answering, listening


def verdict(url: str) -> str:
    """Why webhooks must not go there."""
    try:
        targets.resolve(targets.parse(url))
    except TargetRefused as exc:
        return exc.detail
    return "allowed"


@pytest.mark.parametrize("url", URLS, ids=lambda url: repr(url)[:60])
def test_urls(url: str) -> None:
    """Refused, for this reason, when saved and when sent to alike."""
    assert verdict(url) == URLS[url]
    with pytest.raises(TargetRefused):
        targets.check_on_saving(url)
    answer = transport.send(url, {}, b"{}")
    assert (answer.status, answer.error) == (None, URLS[url])


@pytest.mark.parametrize("url", PUBLIC)
def test_public_urls(url: str) -> None:
    """The public internet, however it is spelt; what looks like another host behind it is no host."""
    assert verdict(url) == "allowed"


ANSWERS: dict[str, tuple[list[str], str]] = {
    "public, private": (["93.184.215.14", "10.0.0.1"], ADDRESS),
    "private, public": (["10.0.0.1", "93.184.215.14"], ADDRESS),
    "public v4, loopback v6": (["93.184.215.14", "::1"], ADDRESS),
    "public v6, mapped private": (["2606:4700::1111", "::ffff:10.0.0.1"], ADDRESS),
    "only metadata": (["169.254.169.254"], ADDRESS),
    "public": (["93.184.215.14", "2606:4700::1111"], "allowed"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_names(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address that the name server gives must be allowed, whichever comes first."""
    addresses, expected = ANSWERS[case]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert verdict("https://hooks.example/") == expected


# What the name server says when the URL is saved, and when it is sent to.
REBINDING: dict[str, tuple[str, str]] = {
    "loopback later": ("93.184.215.14", "127.0.0.1"),
    "metadata later": ("93.184.215.14", "169.254.169.254"),
    "mapped private later": ("2606:4700::1111", "::ffff:10.0.0.1"),
}


@pytest.mark.parametrize("case", REBINDING)
def test_rebinding(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was public when it was saved is looked up again for every attempt, and refused then."""
    answers = list(REBINDING[case])

    def look_up(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    targets.check_on_saving("https://hooks.example/")
    answer = transport.send("https://hooks.example/", {}, b"{}")
    assert (answer.status, answer.error, answers) == (None, ADDRESS, [])


TLS = "The endpoint's TLS certificate or handshake is not valid."
# The name that a consumer's certificate is for, how old it is, and whether we trust who signed it.
CERTIFICATES: dict[str, tuple[str, timedelta, bool, str]] = {
    "right": ("hooks.example", HOUR, True, ""),
    "of another name": ("other.example", HOUR, True, TLS),
    "of a name below": ("a.hooks.example", HOUR, True, TLS),
    "expired": ("hooks.example", 3 * HOUR, True, TLS),
    "not valid yet": ("hooks.example", -HOUR, True, TLS),
    "of nobody that we trust": ("hooks.example", HOUR, False, TLS),
}


@pytest.mark.parametrize("case", CERTIFICATES)
def test_certificates(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who shows a wrong certificate gets nothing to read."""
    name, age, trusted, error = CERTIFICATES[case]
    certificate = make_certificate(tmp_path / "certificate.pem", name, age=age)
    if trusted:
        monkeypatch.setattr(transport, "_tls", lambda: ssl.create_default_context(cafile=certificate))
    with listening(serving(certificate)) as receiver:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        answer = transport.send(f"https://hooks.example:{receiver.port}/hook", {}, b"{}")
    assert (answer.error, len(receiver.requests)) == (error, 0 if error else 1)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A consumer that a test makes misbehave; an attempt may take half a second."""
    monkeypatch.setattr(transport, "WHOLE_S", 0.5)
    with listening() as running:
        yield running


def raw(*parts: bytes, then: Callable[[Handler], None] = lambda _: None) -> Callable[[Handler], None]:
    """Write these bytes instead of an answer."""

    def behave(request: Handler) -> None:
        request.close_connection = True
        for part in parts:
            request.wfile.write(part)
        then(request)

    return behave


def drip(request: Handler) -> None:
    """A byte now and then, until the other side hangs up, which is an OSError."""
    while True:
        request.wfile.write(b"x")
        time.sleep(0.02)


def flood(piece: bytes) -> Callable[[Handler], None]:
    """300 MB of it, or as much as the other side takes."""

    def behave(request: Handler) -> None:
        for _ in range(300 * 1024 * 1024 // len(piece)):
            request.wfile.write(piece)

    return behave


def reset(request: Handler) -> None:
    """Break the connection off as a crash does."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


OK = b"HTTP/1.1 200 OK\r\n"
TIME_OUT = (None, "The endpoint did not answer in time.")
BROKEN = (None, "The connection failed (")
MISBEHAVIOURS: dict[str, tuple[Callable[[Handler], None], tuple[int | None, str]]] = {
    "says nothing": (lambda _: time.sleep(2), TIME_OUT),
    "drips its status line": (drip, TIME_OUT),
    "drips its headers": (raw(OK + b"a: ", then=drip), TIME_OUT),
    "drips its body": (raw(OK + b"content-length: 99999\r\n\r\n", then=drip), TIME_OUT),
    "drips chunks": (raw(OK + b"transfer-encoding: chunked\r\n\r\n", then=drip), TIME_OUT),
    "says 100 Continue for ever": (flood(b"HTTP/1.1 100 Continue\r\n\r\n"), TIME_OUT),
    "hangs up": (raw(), BROKEN),
    "resets": (reset, BROKEN),
    "resets in mid-body": (raw(OK + b"content-length: 99\r\n\r\nab", then=reset), BROKEN),
    "ends in mid-body": (raw(OK + b"content-length: 99\r\n\r\nab"), BROKEN),
    "speaks no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), BROKEN),
    "says a status that is no number": (raw(b"HTTP/1.1 abc OK\r\n\r\n"), BROKEN),
    "floods headers": (raw(OK, then=flood(b"a: b\r\n")), BROKEN),
    "sends one endless header": (raw(OK + b"a: ", then=flood(b"x" * 65536)), BROKEN),
    "answers 300 MB": (raw(OK + b"content-length: 314572800\r\n\r\n", then=flood(b"x" * 65536)), (200, "")),
    "answers 300 MB in chunks": (
        raw(OK + b"transfer-encoding: chunked\r\n\r\n", then=flood(b"10000\r\n" + b"x" * 65536 + b"\r\n")),
        (200, ""),
    ),
    "answers a bomb": (
        raw(OK + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\0"),
        (200, ""),
    ),
    "answers NUL and no UTF-8": (raw(OK + b"content-length: 3\r\n\r\n\0\xff\xfe"), (200, "")),
    "redirects": (answering(302, location="http://169.254.169.254/"), (302, "The endpoint answered 302.")),
    "redirects for good": (answering(308, location="/other"), (308, "The endpoint answered 308.")),
    "redirects nowhere": (answering(301), (301, "The endpoint answered 301.")),
    "switches protocols": (
        raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        (101, "The endpoint answered 101."),
    ),
    "sets cookies": (answering(200, set_cookie="a=b"), (200, "")),
    "asks to wait for 30 years": (
        answering(503, retry_after="1000000000"),
        (503, "The endpoint answered 503."),
    ),
    "asks to wait for -1 s": (answering(503, retry_after="-1"), (503, "The endpoint answered 503.")),
    "asks to wait for soon": (answering(503, retry_after="soon"), (503, "The endpoint answered 503.")),
    "asks to wait for 1e9 s": (answering(503, retry_after="1e9"), (503, "The endpoint answered 503.")),
    "asks to wait for 7 s": (answering(503, retry_after="7"), (503, "The endpoint answered 503.")),
    "is overloaded": (answering(429, retry_after="1"), (429, "The endpoint answered 429.")),
    "is gone": (answering(410), (410, "The endpoint answered 410.")),
    "has no content": (answering(204), (204, "")),
}


# How long the second attempt waits, where the schedule says 5 s: between these seconds.
WAITS: dict[str, tuple[float, float]] = {
    "asks to wait for 30 years": (10, 10),
    "asks to wait for 1e9 s": (4, 6),
    "asks to wait for -1 s": (4, 6),
    "asks to wait for soon": (4, 6),
    "asks to wait for 7 s": (7, 7),
    "is overloaded": (60, 60),
    "says nothing": (60, 60),
    "drips its body": (60, 60),
    "redirects": (4, 6),
}


@pytest.mark.parametrize("case", MISBEHAVIOURS)
def test_misbehaviours(case: str, receiver: Receiver) -> None:
    """Whatever an endpoint does ends within the time limit, as an answer with a sentence that says nothing of our network."""
    behaviour, (status, error) = MISBEHAVIOURS[case]
    receiver.behaviour = behaviour
    answer = transport.send(receiver.url, {}, b"{}")
    assert answer.status == status
    assert answer.error == error if status is not None else answer.error.startswith(error)
    assert answer.succeeded is (status in (200, 204))
    if case in WAITS:
        least, most = WAITS[case]
        wait_s = judge(answer, tried=1, waits=SCHEDULE_S, chance=0.5, now=timezone.now()).wait_s
        assert least <= wait_s <= most
    assert len(answer.excerpt) <= transport.EXCERPT
    assert "\0" not in answer.excerpt
    assert [request.path for request in receiver.requests] in (["/hook"], ["/hook"] * 2)


def test_a_connection_that_misbehaved_is_not_used_again(receiver: Receiver) -> None:
    """What an endpoint says beyond its answer is not taken for the answer to the next webhook."""
    smuggled = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

    def behave(request: Handler) -> None:
        if len(receiver.requests) == 1:
            request.wfile.write(OK + b"content-length: 2\r\n\r\nok" + smuggled)
        else:
            request.answer(500)

    receiver.behaviour = behave
    receiver_protocol: Any = Handler
    receiver_protocol.protocol_version = "HTTP/1.1"
    try:
        assert transport.send(receiver.url, {}, b"{}").succeeded
        assert transport.send(receiver.url, {}, b"{}").status == 500
    finally:
        receiver_protocol.protocol_version = "HTTP/1.0"


def test_how_many_cases_there_are() -> None:
    """The tables are the list that the documentation speaks of."""
    assert len(MISBEHAVIOURS) + len(ANSWERS) + len(REBINDING) + len(CERTIFICATES) + len(URLS) >= 60
