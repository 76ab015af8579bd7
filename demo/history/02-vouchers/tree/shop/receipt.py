"""Receipts on paper 40 characters wide."""

from shop.basket import Basket
from shop.pricing import discount, total
from shop.vouchers import VoucherBook


def row(text: str, cents: int) -> str:
    """One row: a text and an amount."""
    return f"{text:<30}{cents / 100:>10.2f}"


def print_receipt(basket: Basket, vouchers: VoucherBook) -> None:
    """Print what the customer buys and pays."""
    for line in basket.lines:
        print(row(f"{line.pieces} x {line.article}", line.amount))
    taken_off = discount(basket, vouchers)
    if taken_off:
        print(row("Voucher", -taken_off))
    print(row("Total", total(basket, vouchers)))
