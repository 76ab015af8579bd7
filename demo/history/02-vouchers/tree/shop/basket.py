"""Baskets as the web shop writes them."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """Some pieces of one article; prices are in cents."""

    article: str
    pieces: int
    price: int

    @property
    def amount(self) -> int:
        return self.pieces * self.price


@dataclass(frozen=True)
class Basket:
    """What a customer is about to pay for."""

    lines: tuple[Line, ...]
    voucher_code: str = ""

    @property
    def subtotal(self) -> int:
        return sum(line.amount for line in self.lines)


def read_basket(path: Path) -> Basket:
    """The basket in a JSON file."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    lines = tuple(Line(**line) for line in raw["lines"])
    return Basket(lines=lines, voucher_code=raw.get("voucher", ""))
