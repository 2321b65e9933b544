"""Assessments: every check reports, in order, with the numbers a cashier needs to mend the bill."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import datetime
from itertools import combinations
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.conftest import (
    BERLIN,
    HOUR,
    MINUTE,
    NOW,
    PROPERTY,
    SHANGHAI,
    SINCE,
    UNTIL,
    a_bill,
    a_case,
    a_coupon,
    a_line,
    a_redemption,
    a_scheme,
    at,
)
from hexiao.domain.assessment import Assessment, assess
from hexiao.domain.bill import Scene
from hexiao.domain.case import Case
from hexiao.domain.checks import CHECKS, TITLES, Verdict
from hexiao.domain.errors import BadRequest, Code, Fact
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Balance, Benefit, Goods, GoodsOff, MoneyOff, RateOff, RateUses, Shops, Window

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


def test_a_sound_case_passes_every_check() -> None:
    assessment = assess(a_sound_case())
    assert failing(assessment) == []
    assert assessment.ok
    assert (assessment.code, assessment.coupon_id) == ("12345678901234567890", 70)


def test_every_check_can_be_made_to_fail() -> None:
    assert set(LONE) == set(ORDER)
    assert len(CHECKS) == len(ORDER)


@lone_code
def test_each_check_fails_alone_with_its_own_code(code: Code) -> None:
    assessment = assess(spoilt(code))
    assert failing(assessment) == [code]
    assert assessment.failure.code is code
    assert not assessment.ok


@lone_code
def test_a_failed_check_says_what_it_needs_and_what_it_found(code: Code) -> None:
    failure = assess(spoilt(code)).failure
    assert (failure.needed, failure.actual) == (LONE[code].needed, LONE[code].actual)


@lone_code
def test_the_sentences_of_a_failed_check_have_all_their_facts(code: Code) -> None:
    failure = assess(spoilt(code)).failure
    facts = {"needed": failure.needed, "actual": failure.actual, **failure.facts}
    known = {name for name, fact in facts.items() if fact is not None}
    for sentence in (code.zh, code.en):
        assert {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None} <= known


@lone_code
def test_a_refused_coupon_takes_nothing_off_any_line(code: Code) -> None:
    assessment = assess(spoilt(code))
    assert (assessment.amount_fen, assessment.lines) == (0, [0, 0])


@lone_code
def test_a_passed_check_says_so_in_both_languages(code: Code) -> None:
    verdict = verdict_of(a_sound_case(), code)
    assert verdict.ok
    assert verdict.sentences(SHANGHAI) == TITLES[code]


@lone_code
def test_every_check_reports_in_order_whatever_fails(code: Code) -> None:
    assert [verdict.code for verdict in assess(spoilt(code)).verdicts] == ORDER


def assert_all_said(codes: set[Code], assessment: Assessment) -> None:
    found = failing(assessment)
    hidden = {code for code in codes if HIDDEN_BY.get(code, set()) & codes}
    assert codes - hidden <= set(found) <= codes
    assert [verdict.code for verdict in assessment.verdicts] == ORDER
    assert assessment.failure.code is found[0] is min(found, key=list(Code).index)
    assert assessment.lines == [0, 0]


@pytest.mark.parametrize("first", ORDER, ids=lambda code: code.value)
def test_two_things_wrong_are_both_said_and_the_first_is_the_failure(first: Code) -> None:
    for one, other in combinations(ORDER, 2):
        if first in (one, other):
            assert_all_said({one, other}, assess(spoilt(one, other)))


@PROPERTY
@given(st.sets(st.sampled_from(ORDER), min_size=1), st.randoms(use_true_random=False))
def test_any_number_of_things_wrong_are_all_said(codes: set[Code], random: Random) -> None:
    in_any_order = sorted(codes, key=ORDER.index)
    random.shuffle(in_any_order)
    assert_all_said(codes, assess(spoilt(*in_any_order)))


def test_everything_wrong_at_once_is_still_an_answer() -> None:
    assessment = assess(spoilt(*ORDER))
    assert assessment.failure.code is Code.COUPON_VOIDED
    assert len(failing(assessment)) >= len(ORDER) - len(HIDDEN_BY)


def test_assessing_twice_says_the_same() -> None:
    case = a_sound_case()
    assert assess(case) == assess(case)


def test_payable_must_have_one_number_for_each_line() -> None:
    with pytest.raises(ValueError):
        assess(a_case(payable=[1_000]))


# Edges in time.


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        (SINCE - 1, [Code.NOT_YET_VALID]),
        (SINCE, []),
        (UNTIL - 1, []),
        (UNTIL, [Code.COUPON_EXPIRED]),
    ],
)
def test_a_coupon_works_from_its_first_millisecond_to_its_last(now: int, wrong: list[Code]) -> None:
    assert failing(assess(a_case(now=now))) == wrong


@pytest.mark.parametrize(
    ("local", "wrong"),
    [
        ("2026-11-18 08:59:59.999", [Code.OUTSIDE_HOURS]),
        ("2026-11-18 09:00", []),
        ("2026-11-18 10:59:59.999", []),
        ("2026-11-18 11:00", [Code.OUTSIDE_HOURS]),
    ],
)
def test_hours_are_kept_to_the_millisecond(local: str, wrong: list[Code]) -> None:
    case = a_case(now=at(local))
    out_of_hours(case)
    assert failing(assess(case)) == wrong


def test_hours_are_those_of_the_merchants_clock() -> None:
    case = a_case(now=at("2026-11-18 10:00", BERLIN), zone=BERLIN)
    out_of_hours(case)
    assert failing(assess(case)) == []
    case.zone = SHANGHAI
    assert failing(assess(case)) == [Code.OUTSIDE_HOURS]


def test_any_one_of_several_windows_is_enough() -> None:
    case = a_case()
    amend_terms(case, windows=(MORNING, Window((3,), "12:00", "12:01")))
    assert failing(assess(case)) == []


# Where, for whom, on what.


@pytest.mark.parametrize("scene", Scene)
def test_both_scenes_means_each(scene: Scene) -> None:
    assert failing(assess(a_case(bill=a_bill(scene=scene)))) == []


@pytest.mark.parametrize("member_id", [None, 5, 6])
def test_a_bearers_coupon_works_for_anybody_whoever_received_it(member_id: int | None) -> None:
    assert failing(assess(a_case(coupon=a_coupon(member_id=5), bill=a_bill(member_id=member_id)))) == []


def test_a_members_coupon_works_for_that_member() -> None:
    case = a_case(scheme=a_scheme(holder="member"), coupon=a_coupon(member_id=5), bill=a_bill(member_id=5))
    assert failing(assess(case)) == []


def test_an_empty_bill_has_no_matching_goods() -> None:
    assert failing(assess(a_case(bill=a_bill(lines=())))) == [Code.NO_MATCHING_GOODS]


def test_only_covered_goods_are_discounted_and_only_they_count_towards_the_minimum() -> None:
    case = a_case(scheme=a_scheme(goods=Goods("categories", ("dairy",)), minimum_spend_fen=2_000))
    assessment = assess(case)
    assert assessment.ok
    assert assessment.lines == [1_000, 0]
    amend_terms(case, minimum_spend_fen=2_001)
    failure = assess(case).failure
    assert (failure.code, failure.needed, failure.actual, failure.facts["gap_fen"]) == (
        Code.BELOW_MINIMUM_SPEND, 2_001, 2_000, 1,
    )  # fmt: skip


def test_a_coupon_worth_more_than_the_bill_takes_all_of_the_covered_goods_and_nothing_of_the_others() -> None:
    assert assess(a_case(Balance(5_000), scheme=a_scheme(Balance(5_000), goods=Goods("all_but", ("milk",))))).lines == [
        0,
        1_000,
    ]


def test_what_other_coupons_took_off_still_counts_as_spent() -> None:
    case = a_case(scheme=a_scheme(minimum_spend_fen=3_000), payable=[1, 0])
    assert assess(case).lines == [1, 0]


@pytest.mark.parametrize(
    ("own", "others", "wrong"),
    [
        (False, [], []),
        (True, [], []),
        (True, [True], []),
        (True, [True, True], []),
        (False, [True], [Code.NOT_COMBINABLE]),
        (True, [False], [Code.NOT_COMBINABLE]),
        (True, [True, False], [Code.NOT_COMBINABLE]),
    ],
)
def test_coupons_combine_only_when_all_are_shareable(own: bool, others: list[bool], wrong: list[Code]) -> None:
    companions = [a_scheme(shareable=shareable) for shareable in others]
    assert failing(assess(a_case(scheme=a_scheme(shareable=own), companions=companions))) == wrong


# Its own hold counts as free; another's does not.

TEN_HELD = {"held_fen": 1_000, "held_uses": 1}


@pytest.mark.parametrize(
    ("benefit", "held", "own_fen", "amount_fen"),
    [
        pytest.param(MoneyOff(1_000), TEN_HELD, 1_000, 1_000, id="ten off, all of it held here"),
        pytest.param(MoneyOff(1_000), {"held_fen": 300, "held_uses": 1}, 300, 1_000, id="ten off, three held here"),
        pytest.param(RateOff(1_000), {"held_fen": 300, "held_uses": 1}, 300, 300, id="a rate, held here"),
        pytest.param(
            GoodsOff(up_to_quantity=1), {"held_fen": 1_000, "held_uses": 1}, 1_000, 1_000, id="goods, held here"
        ),
        pytest.param(Balance(2_000), {"held_fen": 2_000, "held_uses": 1}, 2_000, 2_000, id="a balance, held here"),
        pytest.param(
            Balance(2_000), {"held_fen": 2_000, "held_uses": 2}, 500, 500, id="a balance, a quarter of it held here"
        ),
        pytest.param(
            RateUses(1_000, 2), {"captured_uses": 1, "captured_fen": 9, "held_fen": 300, "held_uses": 1}, 300, 300,
            id="the last of two uses, held here",
        ),
    ],
)  # fmt: skip
def test_a_bill_gets_what_it_holds_itself(
    benefit: Benefit, held: dict[str, int], own_fen: int, amount_fen: int
) -> None:
    own_hold = a_redemption(State.HELD, bill_number="B1", held_fen=own_fen)
    case = a_case(benefit, coupon=a_coupon(benefit, **held), own_hold=own_hold, other_hold=None)
    if isinstance(benefit, GoodsOff):
        amend_terms(case, goods=Goods("listed", ("milk",)))
    assessment = assess(case)
    assert failing(assessment) == []
    assert assessment.amount_fen == amount_fen


def test_a_hold_of_its_own_is_one_more_free_use() -> None:
    coupon = a_coupon(RateUses(1_000, 3), captured_uses=1, held_uses=1)
    assert a_case(coupon=coupon).free_uses == 1
    assert a_case(coupon=coupon, own_hold=a_redemption(State.HELD)).free_uses == 2
    assert a_case(coupon=a_coupon(Balance(5_000)), own_hold=a_redemption(State.HELD)).free_uses is None


@pytest.mark.parametrize("benefit", [MoneyOff(1_000), RateOff(1_000), Balance(1_000), RateUses(1_000, 2)], ids=repr)
def test_a_bill_does_not_get_what_another_holds(benefit: Benefit) -> None:
    coupon = a_coupon(benefit, held_fen=1_000, held_uses=2 if isinstance(benefit, RateUses) else 1)
    assessment = assess(a_case(benefit, coupon=coupon, other_hold=a_redemption(State.HELD)))
    assert failing(assessment) == [Code.HELD_ELSEWHERE]
    assert assessment.failure.facts["bill_number"] == "B0"


def test_what_another_bill_leaves_of_a_balance_can_be_used() -> None:
    benefit = Balance(1_000)
    coupon = a_coupon(benefit, held_fen=600, held_uses=1)
    assert assess(a_case(benefit, coupon=coupon, other_hold=a_redemption(State.HELD, held_fen=600))).amount_fen == 400


@pytest.mark.parametrize("benefit", [MoneyOff(1_000), RateOff(1_000), Balance(1_000)], ids=repr)
def test_a_coupon_with_nothing_free_is_refused_even_if_nobody_says_who_holds_it(benefit: Benefit) -> None:
    coupon = a_coupon(benefit, held_fen=1_000, held_uses=1)
    assert not assess(a_case(benefit, coupon=coupon, other_hold=None)).ok


# How much.


@pytest.mark.parametrize(
    ("asked_fen", "lines"),
    [(None, [667, 333]), (1_000, [667, 333]), (999, [666, 333]), (500, [334, 166]), (2, [1, 1]), (1, [1, 0])],
)
def test_what_was_asked_for_is_split_over_the_lines(asked_fen: int | None, lines: list[int]) -> None:
    assessment = assess(a_case(asked_fen=asked_fen))
    assert assessment.lines == lines
    assert assessment.amount_fen == sum(lines)


@PROPERTY
@given(st.integers(1, 3_000), st.lists(st.integers(1, 3_000), min_size=1, max_size=5), st.integers(1, 3_000))
def test_asking_for_less_takes_exactly_that_and_no_line_gives_more_than_its_most(
    face: int, prices: list[int], asked: int
) -> None:
    benefit = Balance(face)
    bill = a_bill(lines=tuple(a_line(unit_price_fen=price) for price in prices))
    most = assess(a_case(benefit, bill=bill)).lines
    assessment = assess(a_case(benefit, bill=bill, asked_fen=asked))
    if asked > sum(most):
        assert failing(assessment) == [Code.AMOUNT_TOO_LARGE]
        assert assessment.failure.needed == sum(most)
    else:
        assert assessment.amount_fen == sum(assessment.lines) == asked
        assert all(part <= limit for part, limit in zip(assessment.lines, most, strict=True))


def test_a_budget_that_just_suffices_suffices() -> None:
    assert failing(assess(a_case(budget_left_fen=1_000))) == []
    assert failing(assess(a_case(budget_left_fen=999))) == [Code.BUDGET_EXHAUSTED]
    assert failing(assess(a_case(budget_left_fen=500, asked_fen=500))) == []
    assert failing(assess(a_case(budget_left_fen=-1))) == [Code.BUDGET_EXHAUSTED]


# A use that would give nothing does not burn the coupon.


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(a_case(RateOff(1), bill=a_bill(lines=(a_line(unit_price_fen=9_999),))), id="less than a fen off"),
        pytest.param(a_case(bill=a_bill(lines=(a_line(unit_price_fen=0),))), id="a bill of free gifts"),
        pytest.param(a_case(payable=[0, 0]), id="others have paid it all"),
        pytest.param(a_case(RateUses(10_000, 2), payable=[0, 0]), id="a use on what is already paid"),
    ],
)
def test_a_use_without_effect_is_refused(case: Case) -> None:
    assert failing(assess(case)) == [Code.NOTHING_TO_DISCOUNT]


@pytest.mark.parametrize("asked_fen", [0, -1, -1_000])
def test_asking_for_nothing_or_less_is_refused(asked_fen: int) -> None:
    try:
        assessment = assess(a_case(asked_fen=asked_fen))
    except BadRequest:
        return
    assert not assessment.ok


# Applying the cure flips the verdict.


@PROPERTY
@given(st.integers(1, 10_000), st.integers(0, 5_000), st.integers(0, 5_000))
def test_spending_the_gap_on_covered_goods_reaches_the_minimum_and_a_fen_less_does_not(
    minimum: int, milk: int, bread: int
) -> None:
    scheme = a_scheme(goods=Goods("listed", ("milk",)), minimum_spend_fen=minimum)
    basket = (a_line("milk", 1, milk), a_line("bread", 1, bread))

    def with_more(sku: str, price: int) -> Verdict:
        bill = a_bill(lines=(*basket, a_line(sku, 1, price)))
        return verdict_of(a_case(scheme=scheme, bill=bill), Code.BELOW_MINIMUM_SPEND)

    verdict = with_more("bread", 0)
    assert verdict.ok == (milk >= minimum)
    gap = verdict.facts["gap_fen"]
    assert isinstance(gap, int)
    assert (gap == 0) == verdict.ok
    if gap:
        assert with_more("milk", gap).ok
        assert not with_more("milk", gap - 1).ok
        assert not with_more("bread", gap).ok


@pytest.mark.parametrize("mode", ["listed", "all_but"])
@pytest.mark.parametrize("shop_id", range(1, 6))
def test_going_to_a_shop_the_verdict_names_helps_and_to_another_does_not(mode: Any, shop_id: int) -> None:
    case = a_case(scheme=a_scheme(shops=Shops(mode, ("2", "3"))), bill=a_bill(shop_id=shop_id))
    verdict = verdict_of(case, Code.WRONG_SHOP)
    said, _, ids = str(verdict.needed).partition(": ")
    assert (said, ids.split(",")) == (mode, ["2", "3"])
    assert verdict.ok == ((str(shop_id) in ids.split(",")) == (mode == "listed"))


@pytest.mark.parametrize("scene", Scene)
def test_the_scene_the_verdict_names_helps(scene: Scene) -> None:
    other = next(one for one in Scene if one is not scene)
    case = a_case(scheme=a_scheme(scene=scene.value), bill=a_bill(scene=other))
    failure = assess(case).failure
    assert (failure.code, failure.actual) == (Code.WRONG_SCENE, other.value)
    amend_bill(case, scene=Scene(str(failure.needed)))
    assert assess(case).ok


def test_identifying_the_member_helps_if_it_is_the_right_one() -> None:
    case = spoilt(Code.MEMBER_NEEDED)
    amend_bill(case, member_id=6)
    assert failing(assess(case)) == [Code.WRONG_MEMBER]
    amend_bill(case, member_id=5)
    assert assess(case).ok


@PROPERTY
@given(st.sets(st.integers(1, 7), min_size=1), st.integers(0, 23), st.integers(1, 23), st.integers(0, 7 * 24 - 1))
def test_coming_back_when_the_window_opens_helps(weekdays: set[int], since: int, length: int, hour: int) -> None:
    window = Window(tuple(sorted(weekdays)), f"{since:02d}:00", f"{(since + length) % 24:02d}:00")
    case = a_case(now=at("2026-11-09 00:30") + hour * HOUR)
    amend_terms(case, windows=(window,))
    assume(not assess(case).ok)
    assert failing(assess(case)) == [Code.OUTSIDE_HOURS]
    opens = next(
        later
        for later in range(case.now - 30 * MINUTE, case.now + 8 * 24 * HOUR, HOUR)
        if later > case.now and opens_at(window, later)
    )
    case.now = opens
    assert assess(case).ok


def opens_at(window: Window, instant: int) -> bool:
    local = datetime.fromtimestamp(instant / 1000, SHANGHAI)
    return local.isoweekday() in window.weekdays and f"{local:%H:%M}" == window.since


def test_waiting_until_it_is_valid_or_released_helps() -> None:
    early = spoilt(Code.NOT_YET_VALID)
    opens = assess(early).failure.needed
    assert isinstance(opens, int)
    early.now = opens
    assert assess(early).ok
    held = spoilt(Code.HELD_ELSEWHERE)
    until = assess(held).failure.actual
    assert held.other_hold is not None and isinstance(until, int) and held.other_hold.lapsed(until)


@pytest.mark.parametrize("code", [Code.AMOUNT_TOO_LARGE, Code.BUDGET_EXHAUSTED], ids=lambda code: code.value)
def test_asking_for_what_the_verdict_says_is_possible_helps(code: Code) -> None:
    case = spoilt(code)
    possible = assess(case).failure.needed
    assert isinstance(possible, int)
    case.asked_fen = possible
    assert assess(case).ok


# The numbers of a coupon that is used up, and verdicts whose numbers contradict them.


def test_a_coupon_that_was_used_in_part_is_not_used_up() -> None:
    coupon = a_coupon(Balance(5_000), captured_fen=4_999, captured_uses=3)
    last = a_redemption(State.CAPTURED, captured_fen=4_999)
    assert verdict_of(a_case(Balance(5_000), coupon=coupon, last_capture=last), Code.COUPON_USED_UP).ok


def test_a_rate_that_was_used_once_is_used_up() -> None:
    failure = assess(a_case(RateOff(1_000), coupon=a_coupon(RateOff(1_000), captured_uses=1, captured_fen=9))).failure
    assert (failure.code, failure.needed, failure.actual) == (Code.COUPON_USED_UP, 1, 1)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            a_case(RateUses(1_000, 3), coupon=a_coupon(RateUses(1_000, 3), captured_uses=3, captured_fen=9)),
            id="three uses of three: needed says 1",
        ),
        pytest.param(
            a_case(coupon=a_coupon(captured_uses=1, captured_fen=300)),
            id="ten off, used for three: 300 of 1000 looks like a rest",
        ),
    ],
)
def test_a_used_up_coupon_has_reached_the_number_it_is_measured_by(case: Case) -> None:
    failure = assess(case).failure
    assert failure.code is Code.COUPON_USED_UP
    assert failure.actual == failure.needed


def test_a_discount_of_less_than_a_fen_is_not_said_to_be_enough() -> None:
    failure = assess(a_case(RateOff(1), payable=[9, 0])).failure
    assert failure.code is Code.NOTHING_TO_DISCOUNT
    assert isinstance(failure.actual, int) and isinstance(failure.needed, int)
    assert failure.actual < failure.needed


@pytest.mark.parametrize("code", [Code.WRONG_SCENE, Code.OUTSIDE_HOURS], ids=lambda code: code.value)
def test_a_sentence_keeps_to_its_language(code: Code) -> None:
    zh, en = assess(spoilt(code)).failure.sentences(SHANGHAI)
    assert not any(word in zh for word in ("shop", "online"))
    assert en.replace("–", "-").isascii()
