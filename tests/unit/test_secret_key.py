"""The stand-alone project's keys."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.fernet import Fernet

from config.secret_key import fernet_key, load_or_create


def test_the_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    """The second start finds the first one's key, in a file of mode 0600, and no draft stays behind."""
    path = tmp_path / "secret_key"
    key = load_or_create(path)
    assert len(key) >= 50
    assert load_or_create(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    """Twenty first starts at once end with one key: else each would sign sessions that the others refuse."""
    with ThreadPoolExecutor(20) as pool:
        keys = set(pool.map(load_or_create, [tmp_path / "secret_key"] * 20))
    assert len(keys) == 1


def test_the_derived_key_encrypts_and_is_not_the_secret_itself() -> None:
    """The same secret gives the same Fernet key, another secret another one."""
    key = fernet_key("one secret")
    assert Fernet(key).decrypt(Fernet(fernet_key("one secret")).encrypt(b"text")) == b"text"
    assert fernet_key("another secret") != key
