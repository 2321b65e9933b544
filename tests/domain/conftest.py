"""Builders for the domain's tests: a coupon of ten yuan off on a bill of thirty, with every detail changeable.

Imported by the test modules as plain functions; the domain needs no fixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import settings

from hexiao.domain.bill import Bill, BillLine, Scene
from hexiao.domain.case import Case
from hexiao.domain.coupon import Coupon
from hexiao.domain.redemption import Redemption, State
from hexiao.domain.scheme import Benefit, FixedDates, Kind, MoneyOff, Scheme, Terms, face_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

PROPERTY = settings(max_examples=60, deadline=None)
"""For every property: no deadline, because a busy machine is not a bug."""


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    """ "2026-11-18 12:00" on the clock of `zone` → UTC ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def utc(text: str) -> int:
    return at(text, ZoneInfo("UTC"))


NOW = at("2026-11-18 12:00")
"""A Wednesday at noon in Shanghai."""
SINCE, UNTIL = at("2026-11-01 00:00"), at("2026-12-01 00:00")


def a_line(sku: str = "milk", quantity: int = 1, unit_price_fen: int = 1_000, category: str = "") -> BillLine:
    return BillLine(sku=sku, quantity=quantity, unit_price_fen=unit_price_fen, category=category)


MILK_AND_BREAD = (a_line("milk", 2, 1_000, "dairy"), a_line("bread", 1, 1_000, "bakery"))


def a_bill(**changes: Any) -> Bill:
    details: dict[str, Any] = {"number": "B1", "shop_id": 1, "lines": MILK_AND_BREAD, "scene": Scene.SHOP}
    return Bill(**(details | changes))


def terms(**changes: Any) -> Terms:
    details: dict[str, Any] = {"validity": FixedDates(date(2026, 11, 1), date(2026, 11, 30))}
    return Terms(**(details | changes))


def a_scheme(benefit: Benefit = MoneyOff(1_000), **changes: Any) -> Scheme:
    """Fields of Scheme by their name; everything else is a term."""
    own = {name: changes.pop(name) for name in ("id", "paused", "name") if name in changes}
    details: dict[str, Any] = {"id": 7, "merchant_id": 1, "number": "S7", "version": 1, "latest": 1, "name": "立减十元"}
    return Scheme(terms=terms(**changes), benefit=benefit, **(details | own))


def a_coupon(benefit: Benefit = MoneyOff(1_000), **changes: Any) -> Coupon:
    face_fen, uses_max = face_of(benefit)
    details: dict[str, Any] = {
        "id": 70,
        "merchant_id": 1,
        "scheme_id": 7,
        "scheme_version": 1,
        "code": "12345678901234567890",
        "record_id": 700,
        "face_fen": face_fen,
        "uses_max": uses_max,
        "valid_from_at": SINCE,
        "valid_until_at": UNTIL,
        "issued_at": SINCE,
    }
    return Coupon(**(details | changes))


def a_redemption(state: State = State.HELD, **changes: Any) -> Redemption:
    """On another bill than `a_bill` unless told."""
    details: dict[str, Any] = {
        "id": 9_000,
        "coupon_id": 70,
        "merchant_id": 1,
        "scheme_id": 7,
        "kind": Kind.MONEY_OFF,
        "bill_number": "B0",
        "shop_id": 1,
        "cashier_id": None,
        "member_id": None,
        "scene": Scene.SHOP,
        "state": state,
        "held_fen": 1_000,
        "captured_fen": 0 if state is State.HELD else 1_000,
        "captured_at": None if state is State.HELD else NOW - HOUR,
        "lines": [1_000],
        "returned": [0],
        "held_until_at": NOW + 15 * MINUTE,
        "created_at": NOW - HOUR,
        "changed_at": NOW - HOUR,
        "request_id": "r1",
    }
    return Redemption(**(details | changes))


def a_case(
    benefit: Benefit = MoneyOff(1_000),
    *,
    scheme: Scheme | None = None,
    coupon: Coupon | None = None,
    bill: Bill | None = None,
    payable: Sequence[int] | None = None,
    **changes: Any,
) -> Case:
    """By default every check passes, and the coupon takes ten yuan off."""
    bill = bill or a_bill()
    details: dict[str, Any] = {
        "scheme": scheme or a_scheme(benefit),
        "coupon": coupon or a_coupon(benefit),
        "bill": bill,
        "payable": [line.amount_fen for line in bill.lines] if payable is None else payable,
        "zone": SHANGHAI,
        "now": NOW,
        "shop_name": "一号店",
    }
    return Case(**(details | changes))
