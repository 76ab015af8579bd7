"""TLS: the certificate must be for the URL's name, whatever address the connection goes to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autofix.delivery import transport
from tests.integration.certificates import make_certificate, serving
from tests.integration.receiver import Receiver, listening


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For hooks.example, and valid now."""
    return make_certificate(tmp_path / "certificate.pem")


@pytest.fixture
def receiver(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A consumer behind TLS; every name leads to it."""

    def everywhere(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with listening(serving(certificate)) as running:
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
