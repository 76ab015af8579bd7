"""What a basket costs, in cents."""

from shop.basket import Basket
from shop.vouchers import VoucherBook


def discount(basket: Basket, vouchers: VoucherBook) -> int:
    """What the basket's voucher takes off."""
    voucher = vouchers.find(basket.voucher_code)
    if voucher is None:
        return 0
    return basket.subtotal * voucher.percent // 100


def total(basket: Basket, vouchers: VoucherBook) -> int:
    """What the customer pays."""
    return basket.subtotal - discount(basket, vouchers)
