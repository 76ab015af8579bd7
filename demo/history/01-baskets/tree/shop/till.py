"""The command line of the till."""

import argparse
from pathlib import Path

from shop.basket import read_basket
from shop.receipt import print_receipt


def main(argv: list[str] | None = None) -> int:
    """Print the receipt of the basket named on the command line."""
    parser = argparse.ArgumentParser(prog="shop")
    parser.add_argument("basket", type=Path, help="JSON file of the basket")
    args = parser.parse_args(argv)
    print_receipt(read_basket(args.basket))
    return 0
