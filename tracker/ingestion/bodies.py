"""Reading a body piece by piece: decompressed as it is read and cut off at its limits, never whole in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import brotli
from django.http import HttpRequest

from tracker.ingestion.refusals import EncodingUnknown, LengthRequired, Malformed, TooLarge

STEP: Final = 64 * 1024
MAX_SENT: Final = 20 * 1024 * 1024
MAX_DECOMPRESSED: Final = (
    32 * 1024 * 1024
)  # attachments and replays are read past, so there is more than one event here
GZIP: Final = 16 + zlib.MAX_WBITS
ZLIB_METHOD: Final = 8  # the low four bits of the first byte, when deflated data has zlib's header (RFC 1950)


class Readable(Protocol):
    """What a server gives a body as."""

    def read(self, size: int, /) -> bytes: ...


class Body:
    """Lines and pieces of a decompressed body; raises IngestionRefused where it is too large or broken."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = bytearray()

    def at_end(self) -> bool:
        """Whether everything was read."""
        return not self._buffer and not self._more()

    def line(self, limit: int) -> bytes:
        """Up to the next newline (without it) or the end; TooLarge when that is more than ``limit`` bytes."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > limit or not self._more():
                break
        if (len(self._buffer) if end < 0 else end) > limit:
            raise TooLarge
        return self._take(len(self._buffer)) if end < 0 else self._take(end + 1)[:-1]

    def piece(self, size: int) -> bytes:
        """Exactly ``size`` bytes; Malformed when there are fewer."""
        while len(self._buffer) < size and self._more():
            pass
        if len(self._buffer) < size:
            raise Malformed("The body ends before the length that an item announces.")
        return self._take(size)

    def rest(self, limit: int) -> bytes:
        """All that is left; TooLarge when that is more than ``limit`` bytes."""
        while len(self._buffer) <= limit and self._more():
            pass
        if len(self._buffer) > limit:
            raise TooLarge
        return self._take(len(self._buffer))

    def skip(self, size: int) -> None:
        """Read past ``size`` bytes without keeping them."""
        while size > 0:
            if not self._buffer and not self._more():
                raise Malformed("The body ends before the length that an item announces.")
            size -= len(self._take(min(size, len(self._buffer))))

    def skip_line(self) -> None:
        """Read past the next newline without keeping what is before it."""
        while (end := self._buffer.find(b"\n")) < 0:
            self._buffer.clear()
            if not self._more():
                return
        self._take(end + 1)

    def _more(self) -> bool:
        chunk = next(self._chunks, None)
        while chunk == b"":
            chunk = next(self._chunks, None)
        self._buffer += chunk or b""
        return chunk is not None

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def open_body(request: HttpRequest) -> Body:
    """The request's body, decompressed as its Content-Encoding says."""
    decompress = _decompressor(request.headers.get("Content-Encoding", ""))
    sent = _bounded(_chunks(_stream(request)), MAX_SENT)
    return Body(_bounded(decompress(sent), MAX_DECOMPRESSED))


def _stream(request: HttpRequest) -> Readable:
    """Where the body comes from.

    Django takes a WSGI body without Content-Length for an empty one (its ticket #35838). Servers that end a chunked body
    themselves say so with ``wsgi.input_terminated``; with others a read would wait for ever.
    """
    environ = request.META
    if not environ.get("CONTENT_LENGTH") and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        if environ.get("wsgi.input_terminated"):
            stream: Readable = environ["wsgi.input"]
            return stream
        if "wsgi.input" in environ:
            raise LengthRequired
    if (announced := environ.get("CONTENT_LENGTH") or "0").isdigit() and int(announced) > MAX_SENT:
        raise TooLarge
    return request


def _chunks(stream: Readable) -> Iterator[bytes]:
    while chunk := stream.read(STEP):
        yield chunk


def _bounded(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise TooLarge
        yield chunk


class Decompress(Protocol):
    """Decompresses a stream in steps of bounded size."""

    def __call__(self, chunks: Iterable[bytes], /) -> Iterator[bytes]: ...


def _decompressor(encoding: str) -> Decompress:
    known: dict[str, Decompress] = {
        "": _plain,
        "identity": _plain,
        "gzip": _gunzip,
        "deflate": _inflate,
        "br": _unbrotli,
    }
    try:
        return known[encoding.strip().lower()]
    except KeyError:
        raise EncodingUnknown from None


def _plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield from chunks


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield from _zlib(chunks, GZIP)


def _inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    # "deflate" means zlib's format, but some senders leave its header out.
    source = iter(chunks)
    first = next(source, b"")
    has_header = first[:1] != b"" and first[0] & 0x0F == ZLIB_METHOD
    yield from _zlib(
        (chunk for part in ([first], source) for chunk in part),
        zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS,
    )


def _zlib(chunks: Iterable[bytes], wbits: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits)
    try:
        for chunk in chunks:
            pending = chunk
            while pending and not inflater.eof:
                yield inflater.decompress(pending, STEP)
                pending = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as exc:
        raise Malformed("The body cannot be decompressed.") from exc
    if not inflater.eof:
        raise Malformed("The compressed body is cut off.")


def _unbrotli(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = brotli.Decompressor()
    try:
        for chunk in chunks:
            yield decompressor.process(chunk, output_buffer_limit=STEP)
            # It says that it takes more while it still holds output back, so only an empty answer ends a chunk.
            while more := decompressor.process(b"", output_buffer_limit=STEP):
                yield more
    except brotli.error as exc:
        raise Malformed("The body cannot be decompressed.") from exc
    if not decompressor.is_finished():
        raise Malformed("The compressed body is cut off.")
