"""TLS: the certificate must be for the URL's name, whatever address the connection goes to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from autofix.delivery import transport
from tests.integration.receiver import Receiver, listening


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for hooks.example, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(pem)
    )
    return path


@pytest.fixture
def receiver(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A consumer behind TLS; every name leads to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def everywhere(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with listening(context) as running:
        monkeypatch.setattr(socket, "getaddrinfo", everywhere)
        yield running


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The consumer's certificate is one that this machine trusts."""
    monkeypatch.setattr(transport, "_tls", lambda: ssl.create_default_context(cafile=certificate))


@pytest.mark.usefixtures("trusted")
def test_the_right_name_is_believed(receiver: Receiver) -> None:
    """The certificate is checked against the URL's name, not against the address."""
    assert transport.send(f"https://hooks.example:{receiver.port}/hook", {}, b"{}").succeeded
    assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"


@pytest.mark.usefixtures("trusted")
def test_another_name_is_not_believed(receiver: Receiver) -> None:
    """A valid certificate of somebody else is none."""
    answer = transport.send(f"https://other.example:{receiver.port}/hook", {}, b"{}")
    assert answer.error == "The endpoint's TLS certificate or handshake is not valid."
    assert receiver.requests == []


def test_an_unknown_issuer_is_not_believed(receiver: Receiver) -> None:
    """Without trust in who signed it, the right name is worth nothing."""
    answer = transport.send(f"https://hooks.example:{receiver.port}/hook", {}, b"{}")
    assert answer.error == "The endpoint's TLS certificate or handshake is not valid."
    assert receiver.requests == []
