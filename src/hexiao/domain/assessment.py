"""资格判定: every check with what it needs and what it found, never only the first that fails.

The look-up at the till and the decision that moves money call this very function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.bill import Bill
from hexiao.domain.coupon import Coupon
from hexiao.domain.discount import discount
from hexiao.domain.errors import BadRequest, Code, Fact, sentences
from hexiao.domain.money import split
from hexiao.domain.redemption import Redemption
from hexiao.domain.scheme import WEEKDAYS, Scheme


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


class Case(msgspec.Struct, kw_only=True):
    """All that the checks may look at. The coupon's own hold on this bill, if any, counts as free."""

    coupon: Coupon
    scheme: Scheme
    bill: Bill
    zone: ZoneInfo
    now: int
    shop_name: str
    payable: Sequence[int]
    asked_fen: int | None = None
    companions: Sequence[Scheme] = ()
    own_hold: Redemption | None = None
    other_hold: Redemption | None = None
    captured_here: Redemption | None = None
    last_capture: Redemption | None = None
    last_shop_name: str = ""
    budget_left_fen: int | None = None
    # Worked out once, before the checks: which lines the coupon covers, what is left to pay on them, what comes off.
    covers: Sequence[bool] = ()
    covered: Sequence[int] = ()
    most: Sequence[int] = ()

    @property
    def free_fen(self) -> int | None:
        free = self.coupon.free_fen
        return free if free is None or self.own_hold is None else free + self.own_hold.held_fen

    @property
    def free_uses(self) -> int | None:
        free = self.coupon.free_uses
        return free if free is None or self.own_hold is None else free + 1

    @property
    def bound(self) -> bool:
        """A bearer's coupon remembers who received it, and works for anybody."""
        return self.scheme.terms.holder == "member" and self.coupon.member_id is not None

    @property
    def takes_fen(self) -> int:
        return sum(self.most) if self.asked_fen is None else self.asked_fen


class Assessment(msgspec.Struct, kw_only=True):
    """The whole answer about one coupon on one bill: every verdict, and what it takes off each line when all are ok."""

    code: str
    coupon_id: int
    ok: bool
    verdicts: list[Verdict]
    amount_fen: int
    lines: list[int]

    @property
    def failure(self) -> Verdict:
        """The first failed check in order of precedence. Only to be asked when not ok."""
        return next(verdict for verdict in self.verdicts if not verdict.ok)


def assess(case: Case) -> Assessment:
    """Run every check of CHECKS, in order, on `case`."""
    if case.asked_fen is not None and case.asked_fen <= 0:
        raise BadRequest(Code.MALFORMED_REQUEST, reason="amount_fen must be positive")
    goods = case.scheme.terms.goods
    case.covers = [goods.covers(line.sku, line.category) for line in case.bill.lines]
    case.covered = [left if hit else 0 for left, hit in zip(case.payable, case.covers, strict=True)]
    case.most = discount(case.scheme.benefit, case.bill.lines, case.covered, case.free_fen)
    verdicts = [check(case) for check in CHECKS]
    ok = all(verdict.ok for verdict in verdicts)
    lines = list(case.most)
    if ok and case.asked_fen is not None:
        lines = split(case.asked_fen, lines)
    return Assessment(
        code=case.coupon.code,
        coupon_id=case.coupon.id,
        ok=ok,
        verdicts=verdicts,
        amount_fen=sum(lines) if ok else 0,
        lines=lines if ok else [0] * len(lines),
    )


def _verdict(code: Code, ok: bool, needed: Fact = None, actual: Fact = None, **facts: Fact) -> Verdict:
    return Verdict(code, ok, needed, actual, facts)


def not_voided(case: Case) -> Verdict:
    return _verdict(Code.COUPON_VOIDED, case.coupon.voided_at is None, None, case.coupon.voided_at)


def not_paused(case: Case) -> Verdict:
    return _verdict(Code.SCHEME_PAUSED, not case.scheme.paused)


def started(case: Case) -> Verdict:
    since = case.coupon.valid_from_at
    return _verdict(Code.NOT_YET_VALID, case.now >= since, since, case.now, valid_from_at=since)


def not_expired(case: Case) -> Verdict:
    until = case.coupon.valid_until_at
    return _verdict(Code.COUPON_EXPIRED, case.now < until, until, case.now, valid_until_at=until)


def within_hours(case: Case) -> Verdict:
    windows = case.scheme.terms.windows
    if not windows:
        return _verdict(Code.OUTSIDE_HOURS, True)
    local = datetime.fromtimestamp(case.now / 1000, case.zone)
    ok = any(window.holds(local) for window in windows)
    zh, en = WEEKDAYS[local.isoweekday()]
    told = [window.sentence() for window in windows]
    return _verdict(
        Code.OUTSIDE_HOURS, ok, ", ".join(en for _, en in told), f"{en} {local:%H:%M}",
        needed_zh="，".join(zh for zh, _ in told), actual_zh=f"周{zh} {local:%H:%M}",
        needed_en=", ".join(en for _, en in told), actual_en=f"{en} {local:%H:%M}",
    )  # fmt: skip


def not_on_this_bill(case: Case) -> Verdict:
    earlier = case.captured_here
    if earlier is None:
        return _verdict(Code.ALREADY_ON_BILL, True)
    facts: dict[str, Fact] = {"bill_number": case.bill.number, "redemption_id": str(earlier.id)}
    return _verdict(Code.ALREADY_ON_BILL, False, None, earlier.captured_fen, **facts)


def not_used_up(case: Case) -> Verdict:
    coupon, last = case.coupon, case.last_capture
    by_uses = coupon.uses_max is not None
    needed = coupon.uses_max if by_uses else coupon.face_fen
    actual = coupon.captured_uses if by_uses else coupon.captured_fen
    if not coupon.used_up or last is None:
        return _verdict(Code.COUPON_USED_UP, not coupon.used_up, needed, actual)
    return _verdict(
        Code.COUPON_USED_UP, False, needed, actual,
        captured_at=last.captured_at, captured_fen=last.captured_fen,
        shop=case.last_shop_name, bill_number=last.bill_number, redemption_id=str(last.id),
    )  # fmt: skip


def not_held_elsewhere(case: Case) -> Verdict:
    hold = case.other_hold
    free = case.free_fen != 0 and case.free_uses != 0
    if case.coupon.used_up or free:
        return _verdict(Code.HELD_ELSEWHERE, True)
    until, bill_number = (hold.held_until_at, hold.bill_number) if hold else (None, None)
    return _verdict(Code.HELD_ELSEWHERE, False, None, until, bill_number=bill_number, held_until_at=until)


def right_shop(case: Case) -> Verdict:
    shops = case.scheme.terms.shops
    needed = f"{shops.mode}: {','.join(shops.ids)}" if shops.ids else shops.mode
    shop_id = str(case.bill.shop_id)
    return _verdict(Code.WRONG_SHOP, shops.allows(case.bill.shop_id), needed, shop_id, shop=case.shop_name)


def right_scene(case: Case) -> Verdict:
    needed, actual = case.scheme.terms.scene, case.bill.scene.value
    if needed in ("both", actual):
        return _verdict(Code.WRONG_SCENE, True, needed, actual)
    (needed_zh, needed_en), (actual_zh, actual_en) = SCENES[needed], SCENES[actual]
    return _verdict(
        Code.WRONG_SCENE, False, needed, actual,
        needed_zh=needed_zh, actual_zh=actual_zh, needed_en=needed_en, actual_en=actual_en,
    )  # fmt: skip


SCENES = {"shop": ("线下", "in-shop"), "online": ("线上", "online")}


def member_known(case: Case) -> Verdict:
    return _verdict(Code.MEMBER_NEEDED, not case.bound or case.bill.member_id is not None)


def right_member(case: Case) -> Verdict:
    owner, member = case.coupon.member_id, case.bill.member_id
    return _verdict(Code.WRONG_MEMBER, not case.bound or member is None or owner == member)


def goods_matched(case: Case) -> Verdict:
    covered = sum(case.covers)
    return _verdict(Code.NO_MATCHING_GOODS, covered > 0, 1, covered)


def minimum_spend_met(case: Case) -> Verdict:
    needed = case.scheme.terms.minimum_spend_fen
    actual = sum(line.amount_fen for line, hit in zip(case.bill.lines, case.covers, strict=True) if hit)
    facts: dict[str, Fact] = {"needed_fen": needed, "actual_fen": actual, "gap_fen": max(0, needed - actual)}
    return _verdict(Code.BELOW_MINIMUM_SPEND, actual >= needed, needed, actual, **facts)


def combinable(case: Case) -> Verdict:
    alone = not case.companions
    together = case.scheme.terms.shareable and all(other.terms.shareable for other in case.companions)
    return _verdict(Code.NOT_COMBINABLE, alone or together, None, len(case.companions))


def something_to_discount(case: Case) -> Verdict:
    # A spent or held coupon has nothing to give either; that is said by its own check, once.
    gives = sum(case.most)
    says_otherwise = not any(case.covers) or case.free_fen == 0
    return _verdict(Code.NOTHING_TO_DISCOUNT, says_otherwise or gives > 0, 1, gives)


def amount_possible(case: Case) -> Verdict:
    if case.asked_fen is None:
        return _verdict(Code.AMOUNT_TOO_LARGE, True, sum(case.most), None)
    most = sum(case.most)
    ok = case.asked_fen <= most
    facts: dict[str, Fact] = {"needed_fen": most, "actual_fen": case.asked_fen}
    return _verdict(Code.AMOUNT_TOO_LARGE, ok, most, case.asked_fen, **facts)


def within_budget(case: Case) -> Verdict:
    left = case.budget_left_fen
    if left is None:
        return _verdict(Code.BUDGET_EXHAUSTED, True)
    takes = case.takes_fen
    return _verdict(Code.BUDGET_EXHAUSTED, takes <= left, left, takes, needed_fen=left, actual_fen=takes)


CHECKS: tuple[Callable[[Case], Verdict], ...] = (
    not_voided,
    not_paused,
    started,
    not_expired,
    within_hours,
    not_on_this_bill,
    not_used_up,
    not_held_elsewhere,
    right_shop,
    right_scene,
    member_known,
    right_member,
    goods_matched,
    minimum_spend_met,
    combinable,
    something_to_discount,
    amount_possible,
    within_budget,
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
