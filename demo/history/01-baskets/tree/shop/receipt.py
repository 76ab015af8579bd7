"""Receipts on paper 40 characters wide."""

from shop.basket import Basket


def row(text: str, cents: int) -> str:
    """One row: a text and an amount."""
    return f"{text:<30}{cents / 100:>10.2f}"


def print_receipt(basket: Basket) -> None:
    """Print what the customer buys and pays."""
    for line in basket.lines:
        print(row(f"{line.pieces} x {line.article}", line.amount))
    print(row("Total", basket.subtotal))
