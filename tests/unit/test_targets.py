"""Addresses that webhooks may and may not go to."""

from __future__ import annotations

import pytest

from autofix.delivery import targets


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.1", "100.64.0.1", "192.0.0.192",
        "192.88.99.1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "168.63.129.16", "198.18.0.1", "203.0.113.1",
        "::1", "::", "::7f00:1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1", "2002:7f00:1::1",
        "3fff::1", "5f00::1", "nonsense", "",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(address: str) -> None:
    """Everything that is not globally routable, and the ranges that lead to such things in disguise."""
    assert not targets.is_allowed(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_that_are_allowed(address: str) -> None:
    """The public internet."""
    assert targets.is_allowed(address)
