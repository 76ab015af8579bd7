"""Secrets at rest."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.test import override_settings

from autofix import secrets
from autofix.exceptions import Misconfigured

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def keys(*given: str) -> override_settings:
    """Settings with these keys."""
    return override_settings(AUTOFIX={**settings.AUTOFIX, "SECRET_KEYS": list(given)})


def test_what_was_encrypted_is_read_again() -> None:
    """And it does not stand in the stored text."""
    stored = secrets.encrypt("whsec_s3cret")
    assert "s3cret" not in stored
    assert secrets.decrypt(stored) == "whsec_s3cret"


def test_keys_rotate() -> None:
    """With the new key in front, what the old key encrypted is still read, and new things need the new key."""
    with keys(OLD):
        before = secrets.encrypt("a")
    with keys(NEW, OLD):
        assert secrets.decrypt(before) == "a"
        after = secrets.encrypt("b")
    with keys(NEW):
        assert secrets.decrypt(after) == "b"
        with pytest.raises(Misconfigured, match="SECRET_KEYS"):
            secrets.decrypt(before)


@pytest.mark.parametrize("given", [[], ["not a key"], [""]], ids=["none", "no key", "empty"])
def test_unusable_keys_are_named_but_not_quoted(given: list[str]) -> None:
    """The error says which setting, never what is in it."""
    with keys(*given), pytest.raises(Misconfigured) as caught:
        secrets.encrypt("a")
    assert "SECRET_KEYS" in str(caught.value)
    assert "not a key" not in str(caught.value)
