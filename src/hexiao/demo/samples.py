"""The two samples that the vendors print in their documents, made to happen: a write-off of 2023, a coupon of 2019.

The facts are the vendors'; what they leave out (when a coupon was received, who holds the other nineteen) is ours.
"""

from __future__ import annotations

from datetime import datetime

from hexiao.demo.catalogue import (
    ACTOR,
    KINGDEE_CASHIER,
    KINGDEE_MEMBER,
    KINGDEE_SHOP,
    MEMBERS,
    MERCHANT_ID,
    PICKLES_SKU,
    ZONE,
    ZVCMS_MEMBER,
    ZVCMS_SHOP,
)
from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.scheme import (
    CodeFormat,
    DaysFromNextDay,
    DaysFromReceipt,
    Goods,
    MoneyOff,
    Shops,
    Terms,
)
from hexiao.engine.commands import AnyCommand, CreateScheme, Import, Imported, Redeem, Take


def _at(year: int, month: int, day: int, hour: int, minute: int, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=ZONE).timestamp()) * 1000


ZVCMS_SCHEME_ID = 20001497
ZVCMS_CODE = "20191031966176899187"
ZVCMS_CREATED_AT = 1_571_993_584_000
ZVCMS_RECEIVED_AT = 1_572_481_817_000

KINGDEE_SCHEME_ID = 1001
KINGDEE_CODE = "001"
KINGDEE_BILL = "M0033202311180001"
KINGDEE_WRITTEN_OFF_AT = _at(2023, 11, 18, 16, 6, 44)


def zvcms_scheme() -> CreateScheme:
    """Template 20001497: 10 yuan off 20, online, for two goods in two shops, of which one each is not known here."""
    return CreateScheme(
        merchant_id=MERCHANT_ID,
        request_id="demo/zvcms/scheme",
        actor=ACTOR,
        id=ZVCMS_SCHEME_ID,
        number=str(ZVCMS_SCHEME_ID),
        name="测试优惠券111",
        description="使用说明测试",
        benefit=MoneyOff(amount_fen=1000),
        terms=Terms(
            validity=DaysFromNextDay(days=20),
            minimum_spend_fen=2000,
            goods=Goods(mode="listed", values=(PICKLES_SKU, "29424")),
            shops=Shops(mode="listed", ids=(str(ZVCMS_SHOP), "302")),
            scene="online",
            holder="member",
            shareable=True,
            total=20,
            per_member=1,
            code_format=CodeFormat.DATED,
        ),
    )


def zvcms_coupons() -> Import:
    """All twenty were received and none was used; the printed one is the last of them."""
    others = [member.id for member in MEMBERS if member.id not in (KINGDEE_MEMBER, ZVCMS_MEMBER)][:19]
    return Import(
        merchant_id=MERCHANT_ID,
        request_id="demo/zvcms/coupons",
        actor=ACTOR,
        scheme_id=ZVCMS_SCHEME_ID,
        coupons=(
            *(
                Imported(
                    code=f"20191030{271828182800 + 45904523 * n:012d}",
                    id=20074531 + n,
                    member_id=member_id,
                    received_at=ZVCMS_RECEIVED_AT - (19 - n) * 3_600_000,
                )
                for n, member_id in enumerate(others)
            ),
            Imported(code=ZVCMS_CODE, id=20074550, member_id=ZVCMS_MEMBER, received_at=ZVCMS_RECEIVED_AT),
        ),
    )


def kingdee_scheme() -> CreateScheme:
    return CreateScheme(
        merchant_id=MERCHANT_ID,
        request_id="demo/kingdee/scheme",
        actor=ACTOR,
        id=KINGDEE_SCHEME_ID,
        number="001",
        name="100元代金券",
        benefit=MoneyOff(amount_fen=10_000),
        terms=Terms(validity=DaysFromReceipt(days=30)),
    )


def kingdee_coupon() -> Import:
    return Import(
        merchant_id=MERCHANT_ID,
        request_id="demo/kingdee/coupon",
        actor=ACTOR,
        scheme_id=KINGDEE_SCHEME_ID,
        coupons=(Imported(code=KINGDEE_CODE, id=100, record_id=1820256048657727488, member_id=KINGDEE_MEMBER),),
    )


def kingdee_write_off() -> Redeem:
    """100 yuan of coupon on a bill with 1.00 to pay: the printed row says 面额 100, 核销 1."""
    return Redeem(
        merchant_id=MERCHANT_ID,
        request_id=f"demo/{KINGDEE_BILL}",
        actor=ACTOR,
        mode="redeem",
        coupons=(Take(KINGDEE_CODE),),
        bill=Bill(
            number=KINGDEE_BILL,
            shop_id=KINGDEE_SHOP,
            cashier_id=KINGDEE_CASHIER,
            member_id=KINGDEE_MEMBER,
            lines=(BillLine(sku="BAG", name="购物袋", quantity=1, unit_price_fen=100),),
        ),
    )


def steps() -> list[tuple[int, AnyCommand]]:
    """When, and what; oldest first."""
    return [
        (ZVCMS_CREATED_AT, zvcms_scheme()),
        (ZVCMS_RECEIVED_AT, zvcms_coupons()),
        (_at(2023, 11, 1, 9, 0), kingdee_scheme()),
        (_at(2023, 11, 11, 10, 20), kingdee_coupon()),
        (KINGDEE_WRITTEN_OFF_AT, kingdee_write_off()),
    ]
