"""The wire of `coupon.off-coupon`: members, their order and JSON types, and how each follows from our own facts.

Pure functions of what they are given; the vendor's field names appear here and nowhere else. Decides nothing
about a coupon: whether it may be used is the engine's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.coupon import Coupon
from hexiao.domain.money import format_yuan_short
from hexiao.domain.party import Item, Shop
from hexiao.domain.scheme import (
    RATE_WHOLE_BP,
    Balance,
    Benefit,
    DaysFromNextDay,
    DaysFromReceipt,
    FixedDates,
    GoodsOff,
    MoneyOff,
    RateOff,
    RateUses,
    Scheme,
    Validity,
    validity_window,
)

SUCCESS_MESSAGE: Final = "成功"
UNKNOWN_WORK_STATE: Final = "未知"

# Members that have one value here, because hexiao has nothing they could tell.
NO_ACTIVITY: Final = 0  # coupons come from a scheme, never from a marketing activity
RECEIVED_BY_CLAIM: Final = 1  # 2 would be an exchange code, which hexiao does not have
POLY_STATUS: Final = 1  # the only value the document shows

FREE, LOCKED = 1, 2
UNUSED, USED, HELD = 0, 1, 2
FIXED_DATES, DAY_OF_RECEIPT, NEXT_DAY = 0, 1, 2
MONEY, DISCOUNT = 0, 1

GOODS_RANGES: Final = {"all": 0, "categories": 1, "listed": 2, "all_but": 3}
SHOP_RANGES: Final = {"all": 0, "listed": 1, "all_but": 2}
USE_SCENES: Final = {"both": (0, "通用"), "online": (1, "线上"), "shop": (2, "线下")}


class Store(msgspec.Struct, kw_only=True):
    id: int
    name: str
    address: str
    work_status: str
    sn: str


class Goods(msgspec.Struct, kw_only=True):
    tag_name: str
    name: str


class Template(msgspec.Struct, kw_only=True):
    """The scheme. Members stand in the order of the document."""

    id: int
    title: str
    amount: str
    coupon_type: int
    min_amount_use: int
    goods_range_type: int
    expire_type: int
    desc: str
    shop_range_type: int
    total: int
    number: int
    used: int
    number_of_user: int
    start_at: int | str
    end_at: int | str
    expire_days: int
    status: int
    created_at: int
    updated_at: int
    show_page: int
    is_view: int
    is_share: int
    user_receive_type: int
    use_scene: int
    apply_stores: list[Store]
    expire_date: str
    expire_date_text: str
    expire_date_text2: str
    use_scene_text: str
    use_format: str
    good_ids: str
    shop_ids: str
    apply_goods: list[Goods]


class OffCoupon(msgspec.Struct, kw_only=True):
    """One coupon. Members stand in the order of the document."""

    id: int
    user_id: int
    coupon_id: str
    start_at: int
    end_at: int
    status: int
    type_id: int
    verify_code: str
    verify_code_barcode: str
    verify_code_qrcode: str
    verifier_name: str
    created_at: int
    is_lock: int
    coupon: Template
    use_scene: int
    activity_id: int
    poly_status: int


class Success(msgspec.Struct, kw_only=True):
    status: bool = True
    code: int = 0
    message: str = SUCCESS_MESSAGE
    data: OffCoupon


class Failure(msgspec.Struct, kw_only=True):
    """Business exception (`status` true) or system error (`status` false); neither has data."""

    status: bool
    code: int
    message: str


class Facts(msgspec.Struct, kw_only=True):
    """What a template says beyond its scheme. Shops and items are those of the listed ones that resolve."""

    now: int
    zone: ZoneInfo
    shops: Mapping[str, Shop]
    items: Mapping[str, Item]
    issued: int
    captured_uses: int


def off_coupon(
    coupon: Coupon, scheme: Scheme, facts: Facts, verifier_name: str = "", barcode: str = "", qrcode: str = ""
) -> OffCoupon:
    status, is_lock = status_of(coupon)
    template = template_of(scheme, facts)
    return OffCoupon(
        id=coupon.id,
        user_id=coupon.member_id or 0,
        coupon_id=str(scheme.id),
        start_at=coupon.valid_from_at // 1000,
        end_at=last_second(coupon.valid_until_at),
        status=status,
        type_id=int(coupon.channel),
        verify_code=coupon.code,
        verify_code_barcode=barcode,
        verify_code_qrcode=qrcode,
        verifier_name=verifier_name,
        created_at=coupon.issued_at // 1000,
        is_lock=is_lock,
        coupon=template,
        use_scene=template.use_scene,
        activity_id=NO_ACTIVITY,
        poly_status=POLY_STATUS,
    )


def template_of(scheme: Scheme, facts: Facts) -> Template:
    terms = scheme.terms
    expire_type, expire_days = expiry_of(terms.validity)
    start_at, end_at, ended = _own_dates(terms.validity, facts)
    expire_text = expire_text_of(terms.validity)
    use_scene, use_scene_text = USE_SCENES[terms.scene]
    skus = terms.goods.skus
    return Template(
        id=scheme.id,
        title=scheme.name,
        amount=amount_of(scheme.benefit),
        coupon_type=coupon_type_of(scheme.benefit),
        min_amount_use=-(-terms.minimum_spend_fen // 100),
        goods_range_type=GOODS_RANGES[terms.goods.mode],
        expire_type=expire_type,
        desc=scheme.description,
        shop_range_type=SHOP_RANGES[terms.shops.mode],
        total=terms.total,
        number=facts.issued,
        used=facts.captured_uses,
        number_of_user=terms.per_member,
        start_at=start_at,
        end_at=end_at,
        expire_days=expire_days,
        status=0 if scheme.paused or ended else 1,
        created_at=scheme.created_at // 1000,
        updated_at=scheme.updated_at // 1000,
        show_page=int(scheme.shown_on_goods),
        is_view=int(scheme.shown_in_list),
        is_share=int(terms.shareable),
        user_receive_type=RECEIVED_BY_CLAIM,
        use_scene=use_scene,
        apply_stores=[_store(facts.shops[id]) for id in terms.shops.ids if id in facts.shops],
        expire_date=expire_text,
        expire_date_text=expire_text,
        expire_date_text2=expire_text,
        use_scene_text=use_scene_text,
        use_format=use_format_of(terms.minimum_spend_fen),
        good_ids=",".join(str(facts.items[sku].id) if sku in facts.items else sku for sku in skus),
        shop_ids=",".join(terms.shops.ids),
        apply_goods=[Goods(tag_name=sku, name=facts.items[sku].name) for sku in skus if sku in facts.items],
    )


def status_of(coupon: Coupon) -> tuple[int, int]:
    """(status, is_lock); locked while any part of it is held, whatever else is still free."""
    if coupon.used_up:
        return USED, FREE
    if coupon.held_uses or coupon.held_fen:
        return HELD, LOCKED
    return UNUSED, FREE


def last_second(until_at: int) -> int:
    """Our ends are exclusive, theirs is the last second that is still inside."""
    return until_at // 1000 - 1


def expiry_of(validity: Validity) -> tuple[int, int]:
    """(expire_type, expire_days)"""
    match validity:
        case FixedDates():
            return FIXED_DATES, 0
        case DaysFromReceipt(days=days):
            return DAY_OF_RECEIPT, days
        case DaysFromNextDay(days=days):
            return NEXT_DAY, days


def expire_text_of(validity: Validity) -> str:
    match validity:
        case FixedDates(first_day=first, last_day=last):
            return f"{first.isoformat()} 至 {last.isoformat()}"
        case DaysFromReceipt(days=days):
            return f"领券当日开始{days}天内有效"
        case DaysFromNextDay(days=days):
            return f"领券次日开始{days}天内有效"


def use_format_of(minimum_spend_fen: int) -> str:
    return f"满{format_yuan_short(minimum_spend_fen)}使用" if minimum_spend_fen else "无订单金额限制"


def coupon_type_of(benefit: Benefit) -> int:
    match benefit:
        case MoneyOff() | GoodsOff() | Balance():
            return MONEY
        case RateOff() | RateUses():
            return DISCOUNT


def amount_of(benefit: Benefit) -> str:
    """Yuan; for a discount what is left to pay in tenths, 8.5 for 15 % off; "0" where only a quantity is given."""
    match benefit:
        case MoneyOff(amount_fen=fen) | Balance(amount_fen=fen):
            return format_yuan_short(fen)
        case GoodsOff(up_to_fen=up_to_fen):
            return format_yuan_short(up_to_fen or 0)
        case RateOff(off_bp=off_bp) | RateUses(off_bp=off_bp):
            tenths, rest = divmod(RATE_WHOLE_BP - off_bp, RATE_WHOLE_BP // 10)
            return f"{tenths}.{rest:03d}".rstrip("0").rstrip(".")


def _own_dates(validity: Validity, facts: Facts) -> tuple[int | str, int | str, bool]:
    """(start_at, end_at, ended) of the template itself; "" where each coupon has dates of its own."""
    if not isinstance(validity, FixedDates):
        return "", "", False
    from_at, until_at = validity_window(validity, facts.now, facts.zone)
    return from_at // 1000, last_second(until_at), facts.now >= until_at


def _store(shop: Shop) -> Store:
    return Store(
        id=shop.id,
        name=shop.name,
        address=shop.address,
        work_status=shop.work_state or UNKNOWN_WORK_STATE,
        sn=shop.number,
    )


def encode(reply: Success | Failure, literal: bool = False) -> bytes:
    """The body; `literal` prints it as the document's samples do."""
    if not literal:
        return msgspec.json.encode(reply)
    if isinstance(reply, Failure):  # the samples of errors print a bare `status`
        return msgspec.json.encode({"status": reply.status, "code": str(reply.code), "message": reply.message})
    printed = _quoted(msgspec.to_builtins(reply))
    if reply.data.coupon.expire_type == NEXT_DAY:  # the sample repeats its start here; see docs/reference/zvcms.md
        printed["data"]["end_at"] = printed["data"]["start_at"]
    return msgspec.json.encode(printed)


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _quoted(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_quoted(member) for member in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
