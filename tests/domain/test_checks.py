"""The edges of the checks: in time, where, for whom, on what, for how much, and what a bill holds itself."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.conftest import (
    BERLIN,
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
from domain.spoils import MORNING, amend_terms, failing, out_of_hours, spoilt
from hexiao.domain.assessment import assess
from hexiao.domain.bill import Scene
from hexiao.domain.case import Case
from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Balance, Benefit, Goods, GoodsOff, MoneyOff, RateOff, RateUses, Window

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


@pytest.mark.parametrize(("own", "named"), [(True, ["满减"]), (False, ["满减", "会员"])])
def test_a_coupon_that_is_in_the_way_of_another_is_named_by_its_scheme(own: bool, named: list[str]) -> None:
    companions = [
        replace(a_scheme(shareable=shareable), name=name)
        for name, shareable in (("满减", False), ("会员", True), ("满减", False))
    ]
    assessment = assess(a_case(scheme=a_scheme(shareable=own), companions=companions))
    refused = assessment.failure
    assert refused.code is Code.NOT_COMBINABLE and refused.facts["schemes"] == named
    zh, en = refused.sentences(ZoneInfo("Asia/Shanghai"))
    assert "、".join(named) in zh and ", ".join(named) in en


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


def test_of_a_budget_that_was_lowered_below_what_is_spent_nothing_is_left() -> None:
    verdict = next(v for v in assess(a_case(budget_left_fen=-300)).verdicts if v.code is Code.BUDGET_EXHAUSTED)
    assert (verdict.ok, verdict.needed, verdict.facts["needed_fen"]) == (False, 0, 0)


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


@pytest.mark.parametrize("code", [Code.COUPON_USED_UP, Code.HELD_ELSEWHERE, Code.NO_MATCHING_GOODS], ids=str)
def test_where_another_check_says_why_there_is_nothing_none_of_it_is_told_as_enough(code: Code) -> None:
    verdict = next(v for v in assess(spoilt(code)).verdicts if v.code is Code.NOTHING_TO_DISCOUNT)
    assert (verdict.ok, verdict.needed, verdict.actual) == (True, None, None)


@pytest.mark.parametrize("asked_fen", [0, -1, -1_000])
def test_asking_for_nothing_or_less_is_refused(asked_fen: int) -> None:
    try:
        assessment = assess(a_case(asked_fen=asked_fen))
    except BadRequest:
        return
    assert not assessment.ok
