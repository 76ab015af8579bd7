"""What a basket costs, in cents."""

from shop.basket import Basket
from shop.vouchers import VoucherBook

FREE_DELIVERY_FROM = 6000
DELIVERY = 590


def discount(basket: Basket, vouchers: VoucherBook) -> int:
    """What the basket's voucher takes off, at most the subtotal."""
    if not basket.voucher_code:
        return 0
    voucher = vouchers.find(basket.voucher_code)
    return min(voucher.worth(basket.subtotal), basket.subtotal)


def delivery(basket: Basket) -> int:
    """What it costs to bring the basket to the customer."""
    return 0 if basket.subtotal >= FREE_DELIVERY_FROM else DELIVERY


def total(basket: Basket, vouchers: VoucherBook) -> int:
    """What the customer pays."""
    return basket.subtotal - discount(basket, vouchers) + delivery(basket)
