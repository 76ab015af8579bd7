"""The command line of the till."""

import argparse
from pathlib import Path

from shop.basket import read_basket
from shop.receipt import print_receipt
from shop.vouchers import read_vouchers


def main(argv: list[str] | None = None) -> int:
    """Print the receipt of the basket named on the command line."""
    parser = argparse.ArgumentParser(prog="shop")
    parser.add_argument("basket", type=Path, help="JSON file of the basket")
    parser.add_argument("--vouchers", type=Path, default=Path("vouchers.json"))
    args = parser.parse_args(argv)
    print_receipt(read_basket(args.basket), read_vouchers(args.vouchers))
    return 0
