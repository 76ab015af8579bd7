"""Receipts on paper 40 characters wide."""

from shop.basket import Basket
from shop.pricing import discount, total
from shop.vouchers import VoucherBook


def row(text: str, cents: int) -> str:
    """One row: a text and an amount."""
    return f"{text:<30}{cents / 100:>10.2f}"


def voucher_title(basket: Basket, vouchers: VoucherBook) -> str:
    """What the receipt calls the voucher, empty without one."""
    voucher = vouchers.find(basket.voucher_code)
    if voucher is None:
        return ""
    return f"Voucher {voucher.title}"


def print_receipt(basket: Basket, vouchers: VoucherBook) -> None:
    """Print what the customer buys and pays."""
    for line in basket.lines:
        print(row(f"{line.pieces} x {line.article}", line.amount))
    title = voucher_title(basket, vouchers)
    if title:
        print(row(title, -discount(basket, vouchers)))
    print(row("Total", total(basket, vouchers)))
