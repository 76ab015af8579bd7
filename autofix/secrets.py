"""Secrets at rest: encrypted with the first of AUTOFIX["SECRET_KEYS"], readable with any of them."""

from __future__ import annotations

import base64
import secrets
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from autofix import conf
from autofix.exceptions import Misconfigured

WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every secret is none
WEBHOOK_SECRET_BYTES = 32


def encrypt(plain: str) -> str:
    """The text under the first key; Misconfigured without a usable key."""
    return _ciphers(conf.settings().secret_keys).encrypt(plain.encode()).decode()


def decrypt(stored: str) -> str:
    """The text again; Misconfigured when none of the keys opens it."""
    try:
        return _opened(stored, conf.settings().secret_keys)
    except InvalidToken as exc:
        raise Misconfigured(
            "a stored secret was encrypted with a key that is not in AUTOFIX['SECRET_KEYS']"
        ) from exc


def new_webhook_secret() -> str:
    """A fresh secret in the form that Standard Webhooks prescribes."""
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(WEBHOOK_SECRET_BYTES)).decode()


# A relay signs with the same few secrets again and again, and holds them in its memory while it does.
@lru_cache(maxsize=1_024)
def _opened(stored: str, keys: tuple[str, ...]) -> str:
    return _ciphers(keys).decrypt(stored.encode()).decode()


def _ciphers(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise Misconfigured("AUTOFIX['SECRET_KEYS'] is empty: nothing can be encrypted")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as exc:
        # The library's own sentence is enough; the key itself must not reach a log.
        raise Misconfigured("a key in AUTOFIX['SECRET_KEYS'] is not 32 url-safe base64 bytes") from exc
