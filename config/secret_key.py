"""Keys of the stand-alone project: one generated on first start, others derived from it."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def load_or_create(path: Path) -> str:
    """The key kept in the file, made on first use (mode 0600); processes that start together agree on one."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # unlike a rename, this never replaces the key of a faster process
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()


def fernet_key(secret_key: str) -> str:
    """A Fernet key (32 bytes, URL-safe base64) for secrets at rest, derived by HKDF-SHA256."""
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"autofix secrets at rest")
    return base64.urlsafe_b64encode(derive.derive(secret_key.encode())).decode("ascii")
