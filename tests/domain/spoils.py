"""Cases for assessments: one that passes every check, and one thing wrong with it at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from domain.conftest import HOUR, MINUTE, NOW, a_case, a_redemption, a_scheme
from hexiao.domain.assessment import Assessment, assess
from hexiao.domain.case import Case
from hexiao.domain.checks import TITLES, Verdict
from hexiao.domain.errors import Code, Fact
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Balance, Goods, Shops, Window

ORDER = list(TITLES)
"""The codes of CHECKS in order; test_errors proves that it is the order of precedence."""

MORNING = Window(since="09:00", until="11:00")


def failing(assessment: Assessment) -> list[Code]:
    return [verdict.code for verdict in assessment.verdicts if not verdict.ok]


def verdict_of(case: Case, code: Code) -> Verdict:
    return next(verdict for verdict in assess(case).verdicts if verdict.code is code)


def amend_terms(case: Case, **changes: Any) -> None:
    terms = msgspec.structs.replace(case.scheme.terms, **changes)
    case.scheme = msgspec.structs.replace(case.scheme, terms=terms)


def amend_bill(case: Case, **changes: Any) -> None:
    case.bill = msgspec.structs.replace(case.bill, **changes)


# One thing wrong at a time. Each spoil acts on a case of a balance coupon that had passed every check.


def voided(case: Case) -> None:
    case.coupon.voided_at = NOW - HOUR


def paused(case: Case) -> None:
    case.scheme = msgspec.structs.replace(case.scheme, paused=True)


def too_early(case: Case) -> None:
    case.coupon.valid_from_at = NOW + 1


def too_late(case: Case) -> None:
    case.coupon.valid_until_at = NOW


def out_of_hours(case: Case) -> None:
    amend_terms(case, windows=(MORNING,))


def used_on_this_bill(case: Case) -> None:
    case.captured_here = a_redemption(State.CAPTURED, bill_number="B1", captured_fen=300)


def used_up(case: Case) -> None:
    case.coupon.captured_fen, case.coupon.captured_uses, case.coupon.held_fen = 5_000, 2, 0
    case.last_capture = a_redemption(State.CAPTURED, captured_fen=1_200)
    case.last_shop_name = "二号店"


def held_elsewhere(case: Case) -> None:
    case.coupon.held_fen, case.coupon.held_uses = 5_000 - case.coupon.captured_fen, 1
    case.other_hold = a_redemption(State.HELD)


def wrong_shop(case: Case) -> None:
    amend_terms(case, shops=Shops("listed", ("8", "9")))


def wrong_scene(case: Case) -> None:
    amend_terms(case, scene="online")


def member_unknown(case: Case) -> None:
    amend_terms(case, holder="member")
    case.coupon.member_id = 5
    amend_bill(case, member_id=None)


def other_member(case: Case) -> None:
    amend_terms(case, holder="member")
    case.coupon.member_id = 5
    amend_bill(case, member_id=6)


def other_goods(case: Case) -> None:
    amend_terms(case, goods=Goods("listed", ("tea",)))


def too_little_spent(case: Case) -> None:
    amend_terms(case, minimum_spend_fen=4_200)


def not_shareable(case: Case) -> None:
    case.companions = [a_scheme(shareable=True)]


def paid_by_others(case: Case) -> None:
    case.payable = [0] * len(case.payable)


def asks_too_much(case: Case) -> None:
    case.asked_fen = 3_001


def budget_spent(case: Case) -> None:
    case.budget_left_fen = 2_999


class Spoil(NamedTuple):
    spoil: Callable[[Case], None]
    needed: Fact
    actual: Fact


LONE: dict[Code, Spoil] = {
    Code.COUPON_VOIDED: Spoil(voided, None, NOW - HOUR),
    Code.SCHEME_PAUSED: Spoil(paused, None, None),
    Code.NOT_YET_VALID: Spoil(too_early, NOW + 1, NOW),
    Code.COUPON_EXPIRED: Spoil(too_late, NOW, NOW),
    Code.OUTSIDE_HOURS: Spoil(out_of_hours, MORNING.sentence()[1], "Wed 12:00"),
    Code.ALREADY_ON_BILL: Spoil(used_on_this_bill, None, 300),
    Code.COUPON_USED_UP: Spoil(used_up, 5_000, 5_000),
    Code.HELD_ELSEWHERE: Spoil(held_elsewhere, None, NOW + 15 * MINUTE),
    Code.WRONG_SHOP: Spoil(wrong_shop, "listed: 8,9", "1"),
    Code.WRONG_SCENE: Spoil(wrong_scene, "online", "shop"),
    Code.MEMBER_NEEDED: Spoil(member_unknown, None, None),
    Code.WRONG_MEMBER: Spoil(other_member, None, None),
    Code.NO_MATCHING_GOODS: Spoil(other_goods, 1, 0),
    Code.BELOW_MINIMUM_SPEND: Spoil(too_little_spent, 4_200, 3_000),
    Code.NOT_COMBINABLE: Spoil(not_shareable, None, 1),
    Code.NOTHING_TO_DISCOUNT: Spoil(paid_by_others, 1, 0),
    Code.AMOUNT_TOO_LARGE: Spoil(asks_too_much, 3_000, 3_001),
    Code.BUDGET_EXHAUSTED: Spoil(budget_spent, 2_999, 3_000),
}
HIDDEN_BY: dict[Code, set[Code]] = {
    Code.HELD_ELSEWHERE: {Code.COUPON_USED_UP},
    Code.WRONG_MEMBER: {Code.MEMBER_NEEDED},
    Code.MEMBER_NEEDED: {Code.WRONG_MEMBER},
    Code.NOTHING_TO_DISCOUNT: {Code.COUPON_USED_UP, Code.HELD_ELSEWHERE, Code.NO_MATCHING_GOODS},
    Code.BUDGET_EXHAUSTED: {
        Code.COUPON_USED_UP, Code.HELD_ELSEWHERE, Code.NO_MATCHING_GOODS, Code.NOTHING_TO_DISCOUNT,
    },
}  # fmt: skip
"""What is not said twice: where one of these is wrong too, there is nothing left for the check to find."""


def a_sound_case() -> Case:
    return a_case(Balance(5_000))


def spoilt(*codes: Code) -> Case:
    case = a_sound_case()
    for code in codes:
        LONE[code].spoil(case)
    return case


lone_code = pytest.mark.parametrize("code", ORDER, ids=lambda code: code.value)
