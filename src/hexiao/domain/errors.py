"""Four exceptions, and every code in order of precedence.

The class says what the program does next; the code says what the person reads. If several checks of a coupon fail,
the first in this list is the answer. Each door owns one total table from these codes to its own wire.

    HexiaoError(code, **facts)
    ├── Refused        the coupon or the bill says no      → show the reason
    ├── BadRequest     the caller sent something wrong     → fix the call
    ├── NotAllowed     unknown caller, bad signature       → stop
    └── Unavailable    try again with the same request_id  → retry
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from hexiao.domain.money import format_yuan
from hexiao.domain.reasons import REASONS, TYPES

Fact = int | str | bool | list[str] | None
"""A fact is a number, a short text or some. Names end in their unit: `_fen`, `_at` (UTC ms), `_seconds`, `_type`."""


class Family(Enum):
    NOT_ALLOWED = "not_allowed"
    BAD_REQUEST = "bad_request"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


N, B, R, U = Family.NOT_ALLOWED, Family.BAD_REQUEST, Family.REFUSED, Family.UNAVAILABLE


class Code(Enum):
    """Every way to say no. Values are stable; a retired one stays in the list."""

    value: str
    family: Family
    zh: str
    en: str

    def __new__(cls, value: str, family: Family, zh: str, en: str) -> Code:
        member = object.__new__(cls)
        member._value_ = value
        member.family = family
        member.zh = zh
        member.en = en
        return member

    __hash__ = object.__hash__  # there is one of each; Enum's own hashes the name, in Python

    # fmt: off
    # Who is asking.
    UNAUTHENTICATED = "unauthenticated", N, "身份未通过：缺少凭证或凭证无效", "The credentials are missing or not valid"
    FORBIDDEN = "forbidden", N, "此凭证的角色 {role} 不允许此操作", "The role {role} of this key does not allow this"

    # What was sent.
    BODY_TOO_LARGE = "body_too_large", B, "请求体超过 {limit_bytes} 字节", "The body is larger than {limit_bytes} bytes"
    MALFORMED_REQUEST = "malformed_request", B, "请求格式不正确：{reason}{at_place}", "The request is malformed: {reason}{at_place}"
    REQUEST_ID_MISSING = (
        "request_id_missing", B,
        "缺少请求号 Idempotency-Key：请为每次变更生成一个，重试时保持不变",
        "Idempotency-Key is missing: make one for every change and keep it across retries",
    )
    REQUEST_ID_REUSED = (
        "request_id_reused", B,
        "此请求号已用于另一内容的请求，请换新的请求号",
        "This request id was used for a request with other content; make a new one",
    )
    NOT_FOUND = "not_found", B, "没有这个地址：{path}", "There is nothing at {path}"
    METHOD_NOT_ALLOWED = "method_not_allowed", B, "此地址不接受 {method}", "This address does not take {method}"
    UNKNOWN_MERCHANT = "unknown_merchant", B, "没有这个商户：{merchant_id}", "There is no merchant {merchant_id}"
    UNKNOWN_SHOP = "unknown_shop", B, "没有这家门店：{shop_id}", "There is no shop {shop_id}"
    UNKNOWN_CASHIER = "unknown_cashier", B, "没有这位收银员：{cashier_id}", "There is no cashier {cashier_id}"
    UNKNOWN_MEMBER = "unknown_member", B, "没有这位会员：{member_id}", "There is no member {member_id}"
    UNKNOWN_SCHEME = "unknown_scheme", B, "没有这个优惠券方案：{scheme}", "There is no scheme {scheme}"
    UNKNOWN_GOODS = "unknown_goods", B, "没有这个商品：{sku}", "There are no goods {sku}"
    UNKNOWN_COUPON = "unknown_coupon", B, "没有这张券：{code}", "There is no coupon {code}"
    UNKNOWN_REDEMPTION = (
        "unknown_redemption", B, "没有这张核销单：{redemption_id}", "There is no redemption {redemption_id}",
    )
    DUPLICATE_COUPON = (
        "duplicate_coupon", B, "同一张券在本次请求中出现多次：{code}", "Coupon {code} is named twice in this request",
    )
    BAD_SCHEME = "bad_scheme", B, "方案设置有误：{reason}", "The scheme is not sound: {reason}"
    NUMBER_TAKEN = "number_taken", B, "编号 {number} 已被使用", "The number {number} is taken"
    CODE_TAKEN = "code_taken", B, "券号 {code} 已存在", "The code {code} exists already"
    ID_TAKEN = "id_taken", B, "编号 ID {id} 已存在", "The id {id} exists already"

    # What the coupon says; CHECKS runs in this order.
    COUPON_VOIDED = "coupon_voided", R, "此券已作废", "This coupon was voided"
    SCHEME_PAUSED = "scheme_paused", R, "该优惠券方案已暂停", "The scheme is paused"
    NOT_YET_VALID = "not_yet_valid", R, "此券 {valid_from_at} 起可用", "This coupon is valid from {valid_from_at}"
    COUPON_EXPIRED = "coupon_expired", R, "此券已于 {valid_until_at} 过期", "This coupon expired at {valid_until_at}"
    OUTSIDE_HOURS = (
        "outside_hours", R, "此券只在 {needed_zh} 可用，现在是 {actual_zh}", "This coupon works {needed_en} only; now it is {actual_en}",
    )
    ALREADY_ON_BILL = (
        "already_on_bill", R,
        "此券已在本单 {bill_number} 核销（核销单 {redemption_id}）",
        "This coupon was already redeemed on this bill {bill_number} (redemption {redemption_id})",
    )
    COUPON_USED_UP = (
        "coupon_used_up", R,
        "此券已用完：{captured_at} 在 {shop} 单据 {bill_number} 核销 {captured_fen} 元",
        "This coupon is used up: {captured_fen} yuan at {captured_at} in {shop} on bill {bill_number}",
    )
    HELD_ELSEWHERE = (
        "held_elsewhere", R,
        "此券正被单据 {bill_number} 预核销，最迟 {held_until_at} 释放",
        "This coupon is held by bill {bill_number} until {held_until_at} at the latest",
    )
    WRONG_SHOP = "wrong_shop", R, "本店不可用此券：{shop}", "This coupon cannot be used in this shop: {shop}"
    WRONG_SCENE = "wrong_scene", R, "此券限{needed_zh}使用，本单为{actual_zh}", "This coupon is for {needed_en} use; this bill is {actual_en}"
    MEMBER_NEEDED = "member_needed", R, "此券须指明会员{for_each}", "This coupon needs a member; name the member{for_each}"
    WRONG_MEMBER = "wrong_member", R, "此券属于另一位会员", "This coupon belongs to another member"
    NO_MATCHING_GOODS = "no_matching_goods", R, "本单没有此券适用的商品", "Nothing on this bill is covered by this coupon"
    BELOW_MINIMUM_SPEND = (
        "below_minimum_spend", R,
        "适用商品满 {needed_fen} 元可用，现为 {actual_fen} 元，还差 {gap_fen} 元",
        "Covered goods must reach {needed_fen} yuan; they are {actual_fen}, {gap_fen} short",
    )
    NOT_COMBINABLE = (
        "not_combinable", R,
        "不可与本单的其他优惠券同用{with_schemes}",
        "It cannot be combined with the other coupons on this bill{with_schemes}",
    )
    NOTHING_TO_DISCOUNT = "nothing_to_discount", R, "适用商品已无可优惠的金额", "Nothing is left to pay on the goods it covers"
    AMOUNT_TOO_LARGE = (
        "amount_too_large", R,
        "要求核销 {actual_fen} 元，最多可核销 {needed_fen} 元",
        "{actual_fen} yuan were asked for; at most {needed_fen} are possible",
    )
    BUDGET_EXHAUSTED = (
        "budget_exhausted", R,
        "方案预算不足：需要 {actual_fen} 元，剩余 {needed_fen} 元",
        "The budget of the scheme does not suffice: {actual_fen} yuan needed, {needed_fen} left",
    )

    # What issuing says.
    STOCK_EXHAUSTED = (
        "stock_exhausted", R, "已发完：总量 {needed}，剩余 {actual}", "The stock is exhausted: {needed} in all, {actual} left",
    )
    MEMBER_LIMIT_REACHED = (
        "member_limit_reached", R, "每人限领 {needed} 张，已领 {actual} 张", "At most {needed} for a member; {actual} received",
    )
    SCHEME_ENDED = "scheme_ended", R, "方案已于 {valid_until_at} 结束，不能再发放", "The scheme ended at {valid_until_at}; it issues no more"
    COUPON_IN_USE = "coupon_in_use", R, "此券正被预核销，请先取消再作废", "This coupon is held; release the hold before voiding it"

    # What the state of the redemption says.
    STILL_HELD = "still_held", R, "还在预核销中，请先核销或取消", "It is still held; capture or release it first"
    ALREADY_CAPTURED = "already_captured", R, "已核销，不能再次此操作", "It is captured already"
    ALREADY_RELEASED = "already_released", R, "预核销已取消", "The hold was released"
    HOLD_LAPSED = "hold_lapsed", R, "预核销已于 {held_until_at} 超时释放", "The hold lapsed at {held_until_at}"
    ALREADY_REVERSED = "already_reversed", R, "已全部撤销", "It was reversed in full"
    CAPTURE_TOO_LARGE = (
        "capture_too_large", R,
        "核销 {actual_fen} 元超过预核销的 {needed_fen} 元",
        "{actual_fen} yuan is more than the {needed_fen} held",
    )
    REVERSE_TOO_LARGE = (
        "reverse_too_large", R,
        "{at_line}撤销 {actual_fen} 元超过还可撤销的 {needed_fen} 元",
        "{at_line}{actual_fen} yuan is more than the {needed_fen} that can still be reversed",
    )
    REVERSE_TOO_LATE = (
        "reverse_too_late", R, "撤销期限已过（{until_at}）", "The time to reverse it ended at {until_at}",
    )

    # What the system says.
    BUSY = "busy", U, "系统繁忙，请用同一请求号重试", "The system is busy; retry with the same request id"
    STORAGE_UNAVAILABLE = (
        "storage_unavailable", U,
        "数据库暂不可用，结果未知，请用同一请求号重试",
        "The database is not available and the outcome is unknown; retry with the same request id",
    )
    INTERNAL_ERROR = (
        "internal_error", U,
        "内部错误，编号 {error_id}；请用同一请求号重试，并把编号告知维护人员",
        "Internal error {error_id}; retry with the same request id and tell the operator this number",
    )
    # fmt: on


CLAUSES: dict[str, tuple[str, str, str]] = {
    "and_got": ("got", "，实为 `{got}`", ", got `{got}`"),
    "at_place": ("place", "（位于 `{place}`）", " - at `{place}`"),
    "at_line": ("line", "第 {line} 行", "Line {line}: "),
    "for_each": ("per_member", "（每人限领 {per_member} 张）", " (at most {per_member} for each)"),
    "with_schemes": ("schemes", "（{schemes}）", " ({schemes})"),
}
"""Holes that are filled only where a fact is known: the fact, and what is said then."""


CHINESE, ENGLISH = 0, 1


def sentences(code: Code, facts: Mapping[str, Fact], zone: ZoneInfo | None = None) -> tuple[str, str]:
    """The 中文 and the English sentence of `code` with its numbers filled in; fen print as yuan, instants in `zone`."""
    return fill(code.zh, CHINESE, facts, zone), fill(code.en, ENGLISH, facts, zone)


def fill(template: str, language: int, facts: Mapping[str, Fact], zone: ZoneInfo | None = None) -> str:
    """The template with its holes filled in CHINESE or ENGLISH."""
    return template.format_map(_Holes(language, facts, zone))


class _Holes:
    """What stands in each hole of a sentence; looked up only where there is a hole."""

    def __init__(self, language: int, facts: Mapping[str, Fact], zone: ZoneInfo | None) -> None:
        self._language = language
        self._facts = facts
        self._zone = zone

    def __getitem__(self, hole: str) -> Fact:
        fact = self._facts.get(hole)
        if hole in CLAUSES:
            name, *said = CLAUSES[hole]
            return "" if self._facts.get(name) is None else said[self._language].format_map(self)
        if hole == "reason" and isinstance(fact, str) and fact in REASONS:
            return REASONS[fact][self._language].format_map(self)
        return "?" if fact is None else _shown(hole, fact, self._zone, self._language)


def local_time(at: int, zone: ZoneInfo | None) -> str:
    """UTC ms → "2026-11-22 09:30:00" in `zone` (Asia/Shanghai when none is given)."""
    return datetime.fromtimestamp(at // 1000, zone or ZoneInfo("Asia/Shanghai")).isoformat(" ")[:19]


def _shown(name: str, fact: Fact, zone: ZoneInfo | None, language: int) -> Fact:
    if isinstance(fact, int):
        if name.endswith("_fen"):
            return format_yuan(fact)
        if name.endswith("_at"):
            return local_time(fact, zone)
    if isinstance(fact, list):
        if name.endswith("_type"):
            return ("或", " or ")[language].join(TYPES[one][language] if one in TYPES else one for one in fact)
        return ("、", ", ")[language].join(fact)
    return fact


class HexiaoError(Exception):
    """Base of all our refusals: a code and the facts that fill its sentences."""

    def __init__(self, code: Code, /, **facts: Fact) -> None:
        super().__init__(code.value)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.code.value}: {sentences(self.code, self.facts)[1]}"


class Refused(HexiaoError):
    """The coupon or the bill says no: show the reason."""


class BadRequest(HexiaoError):
    """The caller sent something wrong: fix the call."""


class NotAllowed(HexiaoError):
    """Unknown caller or not its right: stop."""


class Unavailable(HexiaoError):
    """Try again with the same request id."""


_CLASSES: dict[Family, type[HexiaoError]] = {N: NotAllowed, B: BadRequest, R: Refused, U: Unavailable}


def error(code: Code, /, **facts: Fact) -> HexiaoError:
    """The exception of the right family for `code`."""
    return _CLASSES[code.family](code, **facts)
