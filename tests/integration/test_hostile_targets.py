"""Every URL and every misbehaviour that we know of, each with its verdict: what a stranger's endpoint can do to us."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autofix.delivery import targets, transport
from autofix.delivery.errors import TargetRefused
from tests.integration.receiver import Handler, Receiver, answering, listening

SCHEME = "The URL must begin with https://."
SHAPE = "The URL must have at most 2048 characters, and no spaces or backslashes."
INVALID = "The URL is not valid."
HOST = "The URL must name a host, and no user or password."
ADDRESS = "The URL's host has an address that webhooks must not go to."
PRIVATE_V4 = (
    "127.0.0.1", "127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "0x7f000001", "017700000001", "0", "0.0.0.1",
    "10.0.0.1", "10.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "168.63.129.16", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
PRIVATE_V6 = (
    "::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1", "ff0e::1",
)  # fmt: skip
URLS: dict[str, str] = {
    **{f"https://{address}/": ADDRESS for address in PRIVATE_V4},
    **{f"https://[{address}]/": ADDRESS for address in PRIVATE_V6},
    "http://93.184.215.14/": SCHEME,
    "ftp://93.184.215.14/": SCHEME,
    "file:///etc/passwd": SCHEME,
    "gopher://93.184.215.14/": SCHEME,
    "//93.184.215.14/": INVALID,
    "93.184.215.14": INVALID,
    "": INVALID,
    "https://": INVALID,
    "https:///hook": INVALID,
    "https://user:secret@93.184.215.14/": HOST,
    "https://user@93.184.215.14/": HOST,
    "https://93.184.215.14@127.0.0.1/": HOST,
    "https://93.184.215.14:22/": "Port 22 is not allowed.",
    "https://93.184.215.14:6379/": "Port 6379 is not allowed.",
    "https://93.184.215.14:99999/": INVALID,
    "https://93.184.215.14\\@127.0.0.1/": SHAPE,
    "https://93.184.215.14 .example/": SHAPE,
    "https://93.184.215.14/\r\nHost: inside": SHAPE,
    "https://93.184.215.14/\0": SHAPE,
    "https://93.184.215.14/" + "a" * 2048: SHAPE,
    "https://[::1": INVALID,
    "https://[fe80::1%25eth0]/": ADDRESS,
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/": INVALID,
    "https://127\u30020\u30020\u30021/": INVALID,
    "https://LOCALHOST/": ADDRESS,
}


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
    "is gone": (answering(410), (410, "The endpoint answered 410.")),
    "has no content": (answering(204), (204, "")),
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
    assert len(URLS) + len(ANSWERS) + len(MISBEHAVIOURS) >= 60
