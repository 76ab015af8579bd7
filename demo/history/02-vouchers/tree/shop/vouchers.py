"""The vouchers that the shop takes."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Voucher:
    """A code and the percentage that it takes off."""

    code: str
    title: str
    percent: int


class VoucherBook:
    """The vouchers on offer, by code."""

    def __init__(self, vouchers: list[Voucher]) -> None:
        self._by_code = {voucher.code: voucher for voucher in vouchers}

    def find(self, code: str) -> Voucher | None:
        """The voucher with this code, None when it is not on offer."""
        return self._by_code.get(code.strip().upper())


def read_vouchers(path: Path) -> VoucherBook:
    """The vouchers in a JSON file."""
    return VoucherBook([Voucher(**raw) for raw in json.loads(path.read_text(encoding="utf-8"))])
