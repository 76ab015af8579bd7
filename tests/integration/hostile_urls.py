"""The URLs of the hostile table: what a stranger may write where a webhook's URL is asked for, each with its verdict."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

SCHEME = "The URL must begin with https://."
SHAPE = "The URL must have at most 2048 characters, and no spaces or backslashes."
INVALID = "The URL is not valid."
HOST = "The URL must name a host, and no user or password."
ADDRESS = "The URL's host has an address that webhooks must not go to."
PRIVATE_V4 = (
    "127.0.0.1", "127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "0x7f000001", "017700000001", "0", "0.0.0.1",
    "10.0.0.1", "10.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "168.63.129.16", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
PRIVATE_V6 = (
    "::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1", "ff0e::1",
)  # fmt: skip
# From each network that webhooks must not go to: its first, its last and one in between.
NETWORKS = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32",
        "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip


def spellings(address: IPv4Address | IPv6Address) -> Iterator[str]:
    """The hosts that mean this address, as a URL may have them."""
    number = int(address)
    if isinstance(address, IPv4Address):
        first, rest = number >> 24, number & 0xFFFFFF
        parts = list(address.packed)
        yield str(address)
        yield from (f"{number}", f"{number:#x}", f"0{number:o}", f"{first}.{rest}", f"{first:#X}.{rest:#x}")
        yield ".".join(f"{part:#04x}" for part in parts)
        yield ".".join(f"0{part:03o}" for part in parts)
        yield f"{parts[0]}.{parts[1]}.{rest & 0xFFFF}"
        yield "".join(f"%{ord(character):02x}" for character in str(address))
        yield f"[::ffff:{address}]"
        yield f"[::FFFF:{number >> 16:X}:{number & 0xFFFF:X}]"
    else:
        yield f"[{address}]"
        yield f"[{address.exploded.upper()}]"
        tail = IPv4Address(number & 0xFFFFFFFF)
        yield f"[{address.exploded[:30].rstrip(':')}:{tail}]"


URLS: dict[str, str] = {
    **{
        f"https://{spelt}/": ADDRESS
        for network in NETWORKS
        for address in (network[0], network[network.num_addresses // 2], network[-1])
        for spelt in spellings(address)
    },
    **{f"https://{address}/": ADDRESS for address in PRIVATE_V4},
    **{f"https://[{address}]/": ADDRESS for address in PRIVATE_V6},
    "http://93.184.215.14/": SCHEME,
    "ftp://93.184.215.14/": SCHEME,
    "file:///etc/passwd": SCHEME,
    "gopher://93.184.215.14/": SCHEME,
    "//93.184.215.14/": INVALID,
    "93.184.215.14": INVALID,
    "": INVALID,
    "https://": INVALID,
    "https:///hook": INVALID,
    "https://user:secret@93.184.215.14/": HOST,
    "https://user@93.184.215.14/": HOST,
    "https://93.184.215.14@127.0.0.1/": HOST,
    "https://127.0.0.1%2f@93.184.215.14/": HOST,
    "https://127.0.0.1#@93.184.215.14/": ADDRESS,
    "https://127.0.0.1?@93.184.215.14/": ADDRESS,
    "https:/127.0.0.1/": INVALID,
    "https:127.0.0.1/": INVALID,
    "jar:https://127.0.0.1/": SCHEME,
    "HTTPS://127.0.0.1/": ADDRESS,
    "https://127.0.0.1%00.example.com/": INVALID,
    "https://[::ffff:0177.0.0.1]/": INVALID,
    "https://93.184.215.14:22/": "Port 22 is not allowed.",
    "https://93.184.215.14:6379/": "Port 6379 is not allowed.",
    "https://93.184.215.14:99999/": INVALID,
    "https://93.184.215.14\\@127.0.0.1/": SHAPE,
    "https://93.184.215.14 .example/": SHAPE,
    "https://93.184.215.14/\r\nHost: inside": SHAPE,
    "https://93.184.215.14/\0": SHAPE,
    "https://93.184.215.14/" + "a" * 2048: SHAPE,
    "https://[::1": INVALID,
    "https://[fe80::1%25eth0]/": ADDRESS,
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/": INVALID,
    "https://127\u30020\u30020\u30021/": INVALID,
    "https://LOCALHOST/": ADDRESS,
}
PUBLIC = (
    "https://93.184.215.14/", "https://1572394766/", "https://0x5DB8D70E/", "https://[::ffff:93.184.215.14]/",
    "https://[2606:4700::1111]/", "https://93.184.215.14:8443/a?b#c", "https://93.184.215.14#@127.0.0.1/",
    "https://93.184.215.14?@127.0.0.1/",
)  # fmt: skip
