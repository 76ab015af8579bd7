"""Reading bodies: every encoding, in any pieces, never more than allowed."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from tracker.ingestion.bodies import Body, open_body
from tracker.ingestion.refusals import EncodingUnknown, LengthRequired, Malformed, TooLarge


def raw_deflate(data: bytes) -> bytes:
    """Deflated without zlib's header, as some senders do."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "plain": ("", bytes),
    "gzip": ("gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "deflate": ("deflate", raw_deflate),
    "brotli": ("br", brotli.compress),
}


def opened(data: bytes, encoding: str) -> Body:
    """The body of a request that sends these bytes."""
    headers = {"Content-Encoding": encoding} if encoding else {}
    return open_body(RequestFactory().post("/", data, content_type="text/plain", headers=headers))


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("size", [1, 1_000, 65_536, 1_000_000])
def test_every_encoding_gives_back_what_was_sent(name: str, size: int) -> None:
    """Short and long bodies, of which a step of the decompressor gives only a part, arrive whole."""
    encoding, encode = ENCODINGS[name]
    data = bytes(i * i % 251 for i in range(size))
    assert opened(encode(data), encoding).rest(size) == data


@pytest.mark.parametrize("name", ["gzip", "zlib", "deflate", "brotli"])
def test_a_bomb_is_cut_off(name: str) -> None:
    """A small body of many zeros stops at the limit instead of filling the memory."""
    encoding, encode = ENCODINGS[name]
    with pytest.raises(TooLarge):
        opened(encode(bytes(40_000_000)), encoding).rest(1_000_000)


@pytest.mark.parametrize("name", ["gzip", "zlib", "deflate", "brotli"])
def test_a_bomb_that_is_skipped_is_cut_off_as_well(name: str) -> None:
    """Reading past an attachment does not decompress without end."""
    encoding, encode = ENCODINGS[name]
    with pytest.raises(TooLarge):
        opened(encode(bytes(40_000_000)), encoding).skip(40_000_000)


@pytest.mark.parametrize("name", ["gzip", "zlib", "deflate", "brotli"])
@pytest.mark.parametrize(
    "broken", [lambda data: data[:-2], lambda data: b"\xff\xfe\xfd" + data, lambda _: b""]
)
def test_a_broken_compressed_body_is_malformed(name: str, broken: Callable[[bytes], bytes]) -> None:
    """Cut off, not compressed at all, or empty: the sender is told, and nothing else raises."""
    encoding, encode = ENCODINGS[name]
    with pytest.raises(Malformed):
        opened(broken(encode(bytes(range(256)) * 10)), encoding).rest(10_000)


def test_an_unknown_encoding_is_named() -> None:
    """What cannot be read is refused before anything is read."""
    with pytest.raises(EncodingUnknown):
        opened(b"x", "zstd")


def test_a_chunked_body_under_wsgi_is_read_from_the_server() -> None:
    """Django sees no body without a length; the server's own stream has it."""
    request = RequestFactory().post("/", b"said", content_type="text/plain")
    request.META |= {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    request.META |= {"wsgi.input": io.BytesIO(b"said"), "wsgi.input_terminated": True}
    assert open_body(request).rest(10) == b"said"


def test_a_chunked_body_of_unknown_end_is_refused() -> None:
    """A server that does not end the stream would make the read wait for ever."""
    request = RequestFactory().post("/", b"said", content_type="text/plain")
    request.META |= {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    with pytest.raises(LengthRequired):
        open_body(request)


def test_an_announced_length_beyond_the_limit_is_refused_unread() -> None:
    """Nobody waits for 21 MiB to be sent."""
    request = RequestFactory().post("/", b"said", content_type="text/plain")
    request.META["CONTENT_LENGTH"] = str(21 * 1024 * 1024)
    with pytest.raises(TooLarge):
        open_body(request)


@given(
    st.lists(st.binary(max_size=20)),
    st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b""))),
)
def test_lines_do_not_depend_on_how_the_body_arrives(noise: list[bytes], lines: list[bytes]) -> None:
    """However a body is cut into chunks, the lines are the same, and then the rest."""
    data = b"\n".join([*lines, b""]) + b"".join(noise).replace(b"\n", b"")
    body = Body(cut(data, noise))
    assert [body.line(9) for _ in lines] == lines
    assert body.rest(1_000) == data[sum(len(line) + 1 for line in lines) :]
    assert body.at_end()


def cut(data: bytes, pattern: list[bytes]) -> Iterator[bytes]:
    """The data in chunks of the sizes of the pattern's parts, the rest byte by byte."""
    for part in pattern:
        yield data[: len(part)]
        data = data[len(part) :]
    yield from (bytes([byte]) for byte in data)


def test_lines_and_skips_keep_to_their_limits() -> None:
    """A line that does not end is cut off; a skipped line leaves the next one whole; a short body says so."""
    with pytest.raises(TooLarge):
        Body([b"x" * 10, b"x" * 10]).line(15)
    body = Body([b"skip", b"ped\nnext\n", b"1234"])
    body.skip_line()
    assert body.line(10) == b"next"
    body.skip(3)
    with pytest.raises(Malformed):
        body.piece(2)
    with pytest.raises(Malformed):
        body.skip(2)
