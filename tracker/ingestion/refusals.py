"""Why a request of an SDK is refused. The class docstring is the sentence that it is told."""

from __future__ import annotations

from typing import ClassVar


class IngestionRefused(Exception):
    """This request is refused."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or (type(self).__doc__ or "").splitlines()[0]
        super().__init__(self.detail)


class Malformed(IngestionRefused):
    """The body is not what it should be."""


class KeyRefused(IngestionRefused):
    """There is no project with this id and key."""

    status = 403
    code = "permission_denied"


class LengthRequired(IngestionRefused):
    """This server cannot tell where the body ends; send Content-Length."""

    status = 411
    code = "length_required"


class TooLarge(IngestionRefused):
    """The body is too large."""

    status = 413
    code = "too_large"


class EncodingUnknown(IngestionRefused):
    """Send the body plain or encoded as gzip, deflate or br."""

    status = 415
    code = "unsupported_encoding"


class TooManyRequests(IngestionRefused):
    """This project's programs report too much; wait a little."""

    status = 429
    code = "throttled"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s
