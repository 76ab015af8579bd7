"""Where webhooks may go: the URL's shape, and every address that its host's name stands for."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import requests
from urllib3.util import Url, parse_url

from autofix import conf
from autofix.delivery.errors import TargetRefused, TargetUnknown
from autofix.delivery.senders import senders

MAX_URL = 2048
DNS_S = 5.0
DEFAULT_PORTS = {"https": 443, "http": 80}
FORBIDDEN_CHARACTERS = re.compile(r"[\x00-\x20\x7f\\]")

# `is_global` alone lets some of these through, and which ones depends on Python's version.
DENIED: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(network)
    for network in (
        "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96",
        "64:ff9b:1::/48", "2001::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A URL in canonical form, whose shape is allowed."""

    url: str
    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class Address:
    """One address of a target, as ``socket.connect`` takes it."""

    family: int
    sockaddr: tuple[Any, ...]


def parse(url: str) -> Target:
    """The target that this URL names; TargetRefused, with the reason, when its shape is not allowed."""
    if len(url) > MAX_URL or FORBIDDEN_CHARACTERS.search(url):
        raise TargetRefused(f"The URL must have at most {MAX_URL} characters, and no spaces or backslashes.")
    canonical, parts = _canonical(url)
    rules = conf.settings().webhooks
    scheme, host = parts.scheme or "", parts.host or ""
    if scheme not in (("https", "http") if rules.allow_http else ("https",)):
        raise TargetRefused("The URL must begin with https://.")
    if parts.auth is not None or not host:
        raise TargetRefused("The URL must name a host, and no user or password.")
    port = parts.port or DEFAULT_PORTS[scheme]
    if port not in rules.allowed_ports:
        raise TargetRefused(f"Port {port} is not allowed.")
    return Target(url=canonical, scheme=scheme, host=host, port=port)


@lru_cache(maxsize=1024)
def _canonical(url: str) -> tuple[str, Url]:
    try:
        canonical = requests.Request("POST", url).prepare().url or ""
        return canonical, parse_url(canonical)
    except (requests.RequestException, ValueError) as exc:
        raise TargetRefused("The URL is not valid.") from exc


def resolve(target: Target) -> list[Address]:
    """All addresses of the target; TargetRefused when any of them is not allowed, TargetUnknown when there is none."""
    host = target.host.removeprefix("[").removesuffix("]")
    try:
        found = _look_up(host, target.port)
    except (OSError, UnicodeError) as exc:
        raise TargetUnknown from exc
    for *_, sockaddr in found:
        if not is_allowed(str(sockaddr[0])):
            # The address itself stays unsaid: it would tell a stranger about the network that we are in.
            raise TargetRefused("The URL's host has an address that webhooks must not go to.")
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]


def check_on_saving(url: str) -> None:
    """The same verdict as on sending, except that a name may begin to resolve later. Raises TargetRefused."""
    target = parse(url)
    with contextlib.suppress(TargetUnknown):
        resolve(target)


def _look_up(host: str, port: int) -> list[Any]:
    """What the resolver says within DNS_S seconds. A lookup cannot be given a limit, only be waited for with one.

    Each has a thread of its own, so that name servers which do not answer hold up nobody else's lookups.
    """
    lookup: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            lookup.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as exc:  # noqa: BLE001 - raised in the thread that waits for it
            lookup.set_exception(exc)

    if _is_address(host):
        look_up()  # nobody needs to be asked
    else:
        senders.step_aside()
        threading.Thread(target=look_up, name="autofix-dns", daemon=True).start()
    return lookup.result(timeout=DNS_S)


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        ip_address(host)
        return True
    return False


def is_allowed(text: str) -> bool:
    """Whether this address may be connected to: globally routable, or in one of ALLOWED_NETWORKS."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in conf.settings().webhooks.allowed_networks):
        return True
    return (
        address.is_global and not address.is_multicast and not any(address in network for network in DENIED)
    )
