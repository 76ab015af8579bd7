"""What a basket costs, in cents."""

from shop.basket import Basket
from shop.vouchers import VoucherBook


def discount(basket: Basket, vouchers: VoucherBook) -> int:
    """What the basket's voucher takes off, at most the subtotal."""
    if not basket.voucher_code:
        return 0
    voucher = vouchers.find(basket.voucher_code)
    return min(voucher.worth(basket.subtotal), basket.subtotal)


def total(basket: Basket, vouchers: VoucherBook) -> int:
    """What the customer pays."""
    return basket.subtotal - discount(basket, vouchers)
