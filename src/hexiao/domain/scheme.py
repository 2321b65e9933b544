"""A Scheme (优惠券方案): its Terms say whether a coupon may be used, its Benefit says how much it gives.

Condition and benefit never mix. Versions are immutable: an issued coupon keeps the version it was issued under.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import IntEnum, StrEnum
from functools import cached_property, lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.money import FEN_MAX

RATE_WHOLE_BP = 10_000


def _told(least: int, most: int) -> msgspec.Meta:
    """Bounds for the description only: domain.soundness keeps them, and refuses with a reason."""
    return msgspec.Meta(extra_json_schema={"minimum": least, "maximum": most})


Amount = Annotated[int, _told(1, FEN_MAX)]
Limit = Annotated[int, _told(0, FEN_MAX)]
OffBp = Annotated[int, _told(1, RATE_WHOLE_BP)]
Quantity = Annotated[int, _told(1, 10**6)]
Uses = Annotated[int, _told(2, 10**6)]
Days = Annotated[int, _told(1, 36_500)]
PerMember = Annotated[int, _told(0, 2**31 - 1)]
HoldSeconds = Annotated[int, _told(1, 7 * 86_400)]


class Kind(IntEnum):
    """The five kinds, numbered as Kingdee's `schema_type`."""

    MONEY_OFF = 1  # 代金券
    RATE_OFF = 2  # 折扣券
    GOODS_OFF = 3  # 抵扣券
    BALANCE = 4  # 多次核销代金券
    RATE_USES = 5  # 多次核销折扣券


class MoneyOff(msgspec.Struct, frozen=True, tag="money_off", tag_field="kind", forbid_unknown_fields=True):
    """代金券: a fixed amount off, once."""

    amount_fen: Amount


class RateOff(msgspec.Struct, frozen=True, tag="rate_off", tag_field="kind", forbid_unknown_fields=True):
    """折扣券: `off_bp` basis points off (1500 = 八五折), once, at most `cap_fen`."""

    off_bp: OffBp
    cap_fen: Amount | None = None


class GoodsOff(msgspec.Struct, frozen=True, tag="goods_off", tag_field="kind", forbid_unknown_fields=True):
    """抵扣券: covers the listed goods up to an amount, or so many units, where most is left to pay first; once."""

    up_to_fen: Amount | None = None
    up_to_quantity: Quantity | None = None


class Balance(msgspec.Struct, frozen=True, tag="balance", tag_field="kind", forbid_unknown_fields=True):
    """多次核销代金券: an amount that is used in parts until it is gone."""

    amount_fen: Amount


class RateUses(msgspec.Struct, frozen=True, tag="rate_uses", tag_field="kind", forbid_unknown_fields=True):
    """多次核销折扣券: `off_bp` off, `uses` times, each use at most `cap_fen`."""

    off_bp: OffBp
    uses: Uses
    cap_fen: Amount | None = None


Benefit = MoneyOff | RateOff | GoodsOff | Balance | RateUses

KIND_OF: dict[type[Benefit], Kind] = {
    MoneyOff: Kind.MONEY_OFF,
    RateOff: Kind.RATE_OFF,
    GoodsOff: Kind.GOODS_OFF,
    Balance: Kind.BALANCE,
    RateUses: Kind.RATE_USES,
}


class FixedDates(msgspec.Struct, frozen=True, tag="fixed", tag_field="type", forbid_unknown_fields=True):
    """From 00:00 of `first_day` to 24:00 of `last_day`, in the merchant's zone."""

    first_day: date
    last_day: date


class DaysFromReceipt(msgspec.Struct, frozen=True, tag="from_receipt", tag_field="type", forbid_unknown_fields=True):
    """领券当日开始 `days` 天: from 00:00 of the day of receipt."""

    days: Days


class DaysFromNextDay(msgspec.Struct, frozen=True, tag="from_next_day", tag_field="type", forbid_unknown_fields=True):
    """领券次日开始 `days` 天: from 00:00 of the day after receipt."""

    days: Days


Validity = FixedDates | DaysFromReceipt | DaysFromNextDay


CLOCK_TIME = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)(?![\s\S])"
ClockTime = Annotated[str, msgspec.Meta(pattern=CLOCK_TIME)]
"""Local wall-clock time HH:MM; these compare as text. 24:00 is the end of the day."""


WEEKDAYS = {
    1: ("一", "Mon"), 2: ("二", "Tue"), 3: ("三", "Wed"), 4: ("四", "Thu"),
    5: ("五", "Fri"), 6: ("六", "Sat"), 7: ("日", "Sun"),
}  # fmt: skip


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weekdays (1 = Monday … 7 = Sunday) and hours; `until` is exclusive and may lie past midnight (22:00 to 02:00)."""

    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    since: ClockTime = "00:00"
    until: ClockTime = "24:00"

    def holds(self, local: datetime) -> bool:
        today, clock = local.isoweekday(), f"{local.hour:02}:{local.minute:02}"
        if self.since < self.until:
            return today in self.weekdays and self.since <= clock < self.until
        yesterday = 7 if today == 1 else today - 1
        return (today in self.weekdays and clock >= self.since) or (yesterday in self.weekdays and clock < self.until)

    @lru_cache(maxsize=1_024)  # noqa: B019 - told on every assessment; windows are few and frozen
    def sentence(self) -> tuple[str, str]:
        """中文 and English, for people."""
        days = dict.fromkeys(self.weekdays)  # a day that is named twice is told once
        zh = "每天" if len(days) == 7 else "周" + "、".join(WEEKDAYS[day][0] for day in days)
        en = "daily" if len(days) == 7 else ", ".join(WEEKDAYS[day][1] for day in days)
        return f"{zh} {self.since}–{self.until}", f"{en} {self.since}–{self.until}"


class Goods(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Which lines of a bill count: of these `categories`, `listed` by sku, or `all_but` these skus."""

    mode: Literal["all", "categories", "listed", "all_but"] = "all"
    values: tuple[str, ...] = ()

    @property
    def skus(self) -> tuple[str, ...]:
        """The goods that are listed one by one."""
        return () if self.mode == "categories" else self.values

    @cached_property
    def _values(self) -> frozenset[str]:
        """A list may name thousands, and every line of every bill asks."""
        return frozenset(self.values)

    def covers(self, sku: str, category: str) -> bool:
        mode = self.mode
        if mode == "all":
            return True
        if mode == "categories":
            return category in self._values
        return (sku in self._values) == (mode == "listed")


class Shops(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """In which shops a coupon works. Ids are decimal strings, as everywhere outside."""

    mode: Literal["all", "listed", "all_but"] = "all"
    ids: tuple[str, ...] = ()

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(self.ids)

    def allows(self, shop_id: int) -> bool:
        if self.mode == "all":
            return True
        return (str(shop_id) in self._ids) == (self.mode == "listed")


class CodeFormat(StrEnum):
    """How new codes are made: `random` = 19 random digits and a check digit; `dated` = YYYYMMDD and 12 more."""

    RANDOM = "random"
    DATED = "dated"


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """使用条件: who, where, when, and how many. Zero means no limit for the three limits."""

    validity: Validity
    windows: tuple[Window, ...] = ()
    minimum_spend_fen: Limit = 0
    goods: Goods = Goods()
    shops: Shops = Shops()
    scene: Literal["both", "shop", "online"] = "both"
    holder: Literal["bearer", "member"] = "bearer"
    shareable: bool = False
    total: Limit = 0
    per_member: PerMember = 0
    budget_fen: Limit = 0
    hold_seconds: HoldSeconds = 900
    reverse_within_seconds: Limit | None = None
    code_format: CodeFormat = CodeFormat.RANDOM

    @property
    def limited(self) -> bool:
        """Whether an exact count of the scheme decides anything; only then is it kept in one guarded row."""
        return bool(self.total or self.budget_fen)


class Scheme(msgspec.Struct, kw_only=True, frozen=True):
    """One version of a scheme, with the state that all share. Kept between batches: replaced, never changed."""

    id: int
    merchant_id: int
    number: str
    version: int
    latest: int
    name: str
    terms: Terms
    benefit: Benefit
    description: str = ""
    paused: bool = False
    shown_in_list: bool = True
    shown_on_goods: bool = False
    created_at: int = 0
    updated_at: int = 0
    seq: int = 0

    @property
    def kind(self) -> Kind:
        return KIND_OF[type(self.benefit)]


def face_of(benefit: Benefit) -> tuple[int | None, int | None]:
    """(face_fen, uses_max) of a new coupon; None = not limited that way."""
    match benefit:
        case MoneyOff(amount_fen=amount):
            return amount, 1
        case RateOff():
            return None, 1
        case GoodsOff(up_to_fen=amount):
            return amount, 1
        case Balance(amount_fen=amount):
            return amount, None
        case RateUses(uses=uses):
            return None, uses


def validity_window(validity: Validity, received_at: int, zone: ZoneInfo) -> tuple[int, int]:
    """(valid_from_at, valid_until_at) in UTC ms, the end exclusive; days begin and end at midnight in `zone`."""
    if isinstance(validity, FixedDates):
        first, after = validity.first_day, validity.last_day + timedelta(days=1)
    else:
        first = datetime.fromtimestamp(received_at / 1000, zone).date()
        if isinstance(validity, DaysFromNextDay):
            first += timedelta(days=1)
        after = first + timedelta(days=validity.days)
    return _midnight(first, zone), _midnight(after, zone)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(0, 0), zone).timestamp()) * 1000
