"""Our own API /v1: one file for each noun, each handler parse → call → render."""

from hexiao.web.api import assessments, cashiers, coupons, goods, members, redemptions, schemes, shops
from hexiao.web.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *assessments.OPERATIONS,
    *redemptions.OPERATIONS,
    *coupons.OPERATIONS,
    *schemes.OPERATIONS,
    *members.OPERATIONS,
    *shops.OPERATIONS,
    *cashiers.OPERATIONS,
    *goods.OPERATIONS,
)
"""Every route of /v1, in the order in which a reader meets them."""
