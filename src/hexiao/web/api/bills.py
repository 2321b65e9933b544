"""The bill and its coupons as a till sends them, for assessments and redemptions alike."""

from __future__ import annotations

from typing import Annotated

import msgspec

from hexiao.domain.bill import LINES_MAX, Bill, BillLine, Scene
from hexiao.domain.coupon import normalise_code
from hexiao.engine.commands import Take
from hexiao.web.wire import Fen, Id, Name, Price, Quantity, Text, TypedCode, value_or_none

COUPONS_MAX = 20


class TakeIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """要用的券 · a coupon to use; without `amount_fen` it gives as much as it can."""

    code: TypedCode
    amount_fen: Fen | None = None


class LineIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """明细 · one line of the bill. Weighed goods come as one unit at the line's price."""

    sku: Name
    name: Text = ""
    category: Annotated[
        Text, msgspec.Meta(description="空则取商品资料的分类 · when empty, the category of the known goods")
    ] = ""
    quantity: Quantity
    unit_price_fen: Price


class BillIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """单据 · what is about to be paid. Shop and number together say which bill it is."""

    number: Name
    shop_id: Id
    cashier_id: Id | None = None
    member_id: Id | None = None
    scene: Scene = Scene.SHOP
    lines: Annotated[tuple[LineIn, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]


TakesIn = Annotated[tuple[TakeIn, ...], msgspec.Meta(min_length=1, max_length=COUPONS_MAX)]


def to_takes(coupons: tuple[TakeIn, ...]) -> tuple[Take, ...]:
    return tuple(Take(normalise_code(coupon.code), coupon.amount_fen) for coupon in coupons)


def to_bill(bill: BillIn) -> Bill:
    return Bill(
        number=bill.number,
        shop_id=bill.shop_id.value,
        cashier_id=value_or_none(bill.cashier_id),
        member_id=value_or_none(bill.member_id),
        scene=bill.scene,
        lines=tuple(
            BillLine(line.sku, line.quantity, line.unit_price_fen, line.name, line.category) for line in bill.lines
        ),
    )
