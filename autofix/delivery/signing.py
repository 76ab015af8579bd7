"""The headers that let a consumer believe a body: Standard Webhooks 1.0.0, and what Sentry sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from autofix import __version__
from autofix.secrets import WEBHOOK_SECRET_PREFIX

USER_AGENT = f"autofix/{__version__}"
COMMON = {"content-type": "application/json", "user-agent": USER_AGENT}


def standard_headers(
    message_id: str, *, timestamp: int, attempt: int, body: bytes, secrets: Sequence[str]
) -> dict[str, str]:
    """Headers of format ``standard``: one signature per secret, newest first. ``timestamp``: seconds since 1970."""
    return COMMON | {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            standard_signature(secret, message_id, timestamp, body) for secret in secrets
        ),
        "webhook-attempt": str(attempt),
    }


def standard_signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the base64 HMAC-SHA256 of id, timestamp and body, under the bytes that the secret spells."""
    key = base64.b64decode(secret.removeprefix(WEBHOOK_SECRET_PREFIX), validate=True)
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def sentry_headers(request_id: str, *, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """Headers of format ``sentry``. It has room for one signature.

    ``request_id`` is what Sentry's consumers tell repetitions by; ours stays the same over retries.
    """
    return COMMON | {
        "Request-ID": request_id,
        "Sentry-Hook-Resource": "seer",
        "Sentry-Hook-Timestamp": str(timestamp),
        "Sentry-Hook-Signature": sentry_signature(secret, body),
    }


def sentry_signature(secret: str, body: bytes) -> str:
    """The hex HMAC-SHA256 of the body, under the secret's own characters."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
