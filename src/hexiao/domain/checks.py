"""The rules of 资格判定, in order of precedence: whether each holds, and what it needed and found.

To add one: two functions here, a line in CHECKS and one in TITLES, and a code in errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.case import Case, local_time
from hexiao.domain.errors import Code, Fact, sentences
from hexiao.domain.scheme import WEEKDAYS, Window


class Verdict(msgspec.Struct, frozen=True):
    """One check. `code` names the check and, when `ok` is false, the refusal; `facts` fill its sentences."""

    code: Code
    ok: bool
    needed: Fact
    actual: Fact
    facts: dict[str, Fact]

    def sentences(self, zone: ZoneInfo) -> tuple[str, str]:
        """What to tell a person, 中文 and English."""
        if self.ok:
            return TITLES[self.code]
        return sentences(self.code, {"needed": self.needed, "actual": self.actual, **self.facts}, zone)


Told = tuple[Fact, Fact, dict[str, Fact]]
"""(needed, actual, facts) of a verdict."""


class Check(NamedTuple):
    """One rule. Whether it holds is asked apart from what is told about it: a sale that goes well needs no telling."""

    code: Code
    holds: Callable[[Case], bool]
    tell: Callable[[Case, bool], Told] = lambda _case, _ok: (None, None, {})

    def verdict(self, case: Case) -> Verdict:
        ok = self.holds(case)
        return Verdict(self.code, ok, *self.tell(case, ok))


TOLD_MAX = 20
"""Of what a scheme lists. It may list thousands, and every refusal in a batch tells of it, and is kept."""


def _first(texts: Sequence[str]) -> list[str]:
    """Those that are told, and how many there are in all."""
    return [*texts[:TOLD_MAX], f"… ({len(texts)})"] if len(texts) > TOLD_MAX else list(texts)


def not_voided(case: Case) -> bool:
    return case.coupon.voided_at is None


def tell_voided(case: Case, _ok: bool) -> Told:
    return None, case.coupon.voided_at, {}


def not_paused(case: Case) -> bool:
    return not case.scheme.paused


def started(case: Case) -> bool:
    return case.now >= case.coupon.valid_from_at


def tell_start(case: Case, _ok: bool) -> Told:
    since = case.coupon.valid_from_at
    return since, case.now, {"valid_from_at": since}


def not_expired(case: Case) -> bool:
    return case.now < case.coupon.valid_until_at


def tell_end(case: Case, _ok: bool) -> Told:
    until = case.coupon.valid_until_at
    return until, case.now, {"valid_until_at": until}


def within_hours(case: Case) -> bool:
    windows = case.scheme.terms.windows
    return not windows or _any_open(windows, case.now, case.zone)


@lru_cache(1_024)  # the cases of one batch have one moment, and few schemes
def _any_open(windows: tuple[Window, ...], now: int, zone: ZoneInfo) -> bool:
    local = local_time(now, zone)
    return any(window.holds(local) for window in windows)


def tell_hours(case: Case, _ok: bool) -> Told:
    windows = case.scheme.terms.windows
    if not windows:
        return None, None, {}
    needed_zh, actual_zh, needed_en, actual_en = _told_hours(windows, case.now, case.zone)
    facts: dict[str, Fact] = {
        "needed_zh": needed_zh, "actual_zh": actual_zh, "needed_en": needed_en, "actual_en": actual_en,
    }  # fmt: skip
    return needed_en, actual_en, facts


@lru_cache(1_024)  # as above
def _told_hours(windows: tuple[Window, ...], now: int, zone: ZoneInfo) -> tuple[str, str, str, str]:
    local = local_time(now, zone)
    zh, en = WEEKDAYS[local.isoweekday()]
    told = [window.sentence() for window in windows]
    needed_zh, needed_en = "，".join(_first([zh for zh, _ in told])), ", ".join(_first([en for _, en in told]))
    return needed_zh, f"周{zh} {local:%H:%M}", needed_en, f"{en} {local:%H:%M}"


def not_on_this_bill(case: Case) -> bool:
    return case.captured_here is None


def tell_on_this_bill(case: Case, _ok: bool) -> Told:
    earlier = case.captured_here
    if earlier is None:
        return None, None, {}
    return None, earlier.captured_fen, {"bill_number": case.bill.number, "redemption_id": str(earlier.id)}


def not_used_up(case: Case) -> bool:
    return not case.coupon.used_up


def tell_used_up(case: Case, ok: bool) -> Told:
    coupon, last = case.coupon, case.last_capture
    by_uses = coupon.uses_max is not None
    needed = coupon.uses_max if by_uses else coupon.face_fen
    actual = coupon.captured_uses if by_uses else coupon.captured_fen
    if ok or last is None:
        return needed, actual, {}
    facts: dict[str, Fact] = {
        "captured_at": last.captured_at, "captured_fen": last.captured_fen, "shop": case.last_shop_name,
        "bill_number": last.bill_number, "redemption_id": str(last.id),
    }  # fmt: skip
    return needed, actual, facts


def not_held_elsewhere(case: Case) -> bool:
    return case.coupon.used_up or (case.free_fen != 0 and case.free_uses != 0)


def tell_held_elsewhere(case: Case, ok: bool) -> Told:
    if ok:
        return None, None, {}
    hold = case.other_hold
    until, bill_number = (hold.held_until_at, hold.bill_number) if hold else (None, None)
    return None, until, {"bill_number": bill_number, "held_until_at": until}


def right_shop(case: Case) -> bool:
    return case.scheme.terms.shops.allows(case.bill.shop_id)


def tell_shop(case: Case, _ok: bool) -> Told:
    shops = case.scheme.terms.shops
    needed = f"{shops.mode}: {','.join(_first(shops.ids))}" if shops.ids else shops.mode
    return needed, str(case.bill.shop_id), {"shop": case.shop_name}


def right_scene(case: Case) -> bool:
    return case.scheme.terms.scene in ("both", case.bill.scene.value)


def tell_scene(case: Case, ok: bool) -> Told:
    needed, actual = case.scheme.terms.scene, case.bill.scene.value
    if ok:
        return needed, actual, {}
    (needed_zh, needed_en), (actual_zh, actual_en) = SCENES[needed], SCENES[actual]
    facts: dict[str, Fact] = {
        "needed_zh": needed_zh, "actual_zh": actual_zh, "needed_en": needed_en, "actual_en": actual_en,
    }  # fmt: skip
    return needed, actual, facts


SCENES = {"shop": ("线下", "in-shop"), "online": ("线上", "online")}


def member_known(case: Case) -> bool:
    return not case.bound or case.bill.member_id is not None


def right_member(case: Case) -> bool:
    owner, member = case.coupon.member_id, case.bill.member_id
    return not case.bound or member is None or owner == member


def goods_matched(case: Case) -> bool:
    return any(case.covers)


def tell_goods(case: Case, _ok: bool) -> Told:
    return 1, sum(case.covers), {}


def minimum_spend_met(case: Case) -> bool:
    return case.spent_fen >= case.scheme.terms.minimum_spend_fen


def tell_minimum_spend(case: Case, _ok: bool) -> Told:
    needed, actual = case.scheme.terms.minimum_spend_fen, case.spent_fen
    return needed, actual, {"needed_fen": needed, "actual_fen": actual, "gap_fen": max(0, needed - actual)}


def combinable(case: Case) -> bool:
    if not case.companions:
        return True
    return case.scheme.terms.shareable and all(other.terms.shareable for other in case.companions)


def tell_companions(case: Case, ok: bool) -> Told:
    alone = not case.scheme.terms.shareable
    in_the_way = dict.fromkeys(other.name for other in case.companions if alone or not other.terms.shareable)
    return None, len(case.companions), {} if ok else {"schemes": _first(list(in_the_way))}


def something_to_discount(case: Case) -> bool:
    # A spent or held coupon has nothing to give either; that is said by its own check, once.
    says_otherwise = not any(case.covers) or case.free_fen == 0
    return says_otherwise or sum(case.most) > 0


def tell_discount(case: Case, ok: bool) -> Told:
    most = sum(case.most)
    return (None, None, {}) if ok and not most else (1, most, {})  # else it would be 0 of 1, and fine


def amount_possible(case: Case) -> bool:
    return case.asked_fen is None or case.asked_fen <= sum(case.most)


def tell_amount(case: Case, _ok: bool) -> Told:
    most = sum(case.most)
    if case.asked_fen is None:
        return most, None, {}
    return most, case.asked_fen, {"needed_fen": most, "actual_fen": case.asked_fen}


def within_budget(case: Case) -> bool:
    return case.budget_left_fen is None or case.takes_fen <= case.budget_left_fen


def tell_budget(case: Case, _ok: bool) -> Told:
    left = case.budget_left_fen
    if left is None:
        return None, None, {}
    left, takes = max(0, left), case.takes_fen  # a budget that was lowered may be less than what is spent
    return left, takes, {"needed_fen": left, "actual_fen": takes}


CHECKS: tuple[Check, ...] = (
    Check(Code.COUPON_VOIDED, not_voided, tell_voided),
    Check(Code.SCHEME_PAUSED, not_paused),
    Check(Code.NOT_YET_VALID, started, tell_start),
    Check(Code.COUPON_EXPIRED, not_expired, tell_end),
    Check(Code.OUTSIDE_HOURS, within_hours, tell_hours),
    Check(Code.ALREADY_ON_BILL, not_on_this_bill, tell_on_this_bill),
    Check(Code.COUPON_USED_UP, not_used_up, tell_used_up),
    Check(Code.HELD_ELSEWHERE, not_held_elsewhere, tell_held_elsewhere),
    Check(Code.WRONG_SHOP, right_shop, tell_shop),
    Check(Code.WRONG_SCENE, right_scene, tell_scene),
    Check(Code.MEMBER_NEEDED, member_known),
    Check(Code.WRONG_MEMBER, right_member),
    Check(Code.NO_MATCHING_GOODS, goods_matched, tell_goods),
    Check(Code.BELOW_MINIMUM_SPEND, minimum_spend_met, tell_minimum_spend),
    Check(Code.NOT_COMBINABLE, combinable, tell_companions),
    Check(Code.NOTHING_TO_DISCOUNT, something_to_discount, tell_discount),
    Check(Code.AMOUNT_TOO_LARGE, amount_possible, tell_amount),
    Check(Code.BUDGET_EXHAUSTED, within_budget, tell_budget),
)

TITLES: dict[Code, tuple[str, str]] = {
    Code.COUPON_VOIDED: ("未作废", "not voided"),
    Code.SCHEME_PAUSED: ("方案启用中", "scheme active"),
    Code.NOT_YET_VALID: ("已到有效期", "validity has begun"),
    Code.COUPON_EXPIRED: ("未过期", "not expired"),
    Code.OUTSIDE_HOURS: ("在可用时段", "within its hours"),
    Code.ALREADY_ON_BILL: ("本单未用过", "not used on this bill"),
    Code.COUPON_USED_UP: ("未用完", "not used up"),
    Code.HELD_ELSEWHERE: ("未被其他单据预核销", "not held by another bill"),
    Code.WRONG_SHOP: ("本店可用", "usable in this shop"),
    Code.WRONG_SCENE: ("场景符合", "usable in this scene"),
    Code.MEMBER_NEEDED: ("会员已识别", "member identified"),
    Code.WRONG_MEMBER: ("属于本人", "belongs to this member"),
    Code.NO_MATCHING_GOODS: ("有适用商品", "covers something on the bill"),
    Code.BELOW_MINIMUM_SPEND: ("达到最低消费", "minimum spend reached"),
    Code.NOT_COMBINABLE: ("可与其他券同用", "combinable with the others"),
    Code.NOTHING_TO_DISCOUNT: ("有可优惠金额", "something left to discount"),
    Code.AMOUNT_TOO_LARGE: ("金额在可核销范围", "amount possible"),
    Code.BUDGET_EXHAUSTED: ("预算充足", "within the budget"),
}
"""What an ok verdict says, 中文 and English."""
