"""Assessments: every check reports, in order, with the numbers a cashier needs to mend the bill."""

from __future__ import annotations

import string
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conftest import PROPERTY, SHANGHAI, a_case, a_coupon, a_redemption
from domain.spoils import (
    HIDDEN_BY,
    LONE,
    MORNING,
    ORDER,
    a_sound_case,
    amend_terms,
    failing,
    lone_code,
    spoilt,
    verdict_of,
)
from hexiao.domain.assessment import Assessment, assess
from hexiao.domain.case import Case
from hexiao.domain.checks import CHECKS, TITLES
from hexiao.domain.errors import CLAUSES, Code
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Balance, RateOff, RateUses, Shops


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
        holes = {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
        assert holes - set(CLAUSES) <= known


@lone_code
def test_a_refused_coupon_takes_nothing_off_any_line(code: Code) -> None:
    assessment = assess(spoilt(code))
    assert (assessment.amount_fen, assessment.lines) == (0, [0, 0])


@lone_code
def test_a_passed_check_says_so_in_both_languages(code: Code) -> None:
    verdict = verdict_of(a_sound_case(), code)
    assert verdict.ok
    assert verdict.sentences(SHANGHAI) == TITLES[code]


@pytest.mark.parametrize(("listed", "told"), [(20, 20), (21, 20), (3_000, 20)])
def test_of_a_long_list_the_first_are_told_and_how_many_there_are(listed: int, told: int) -> None:
    shops = tuple(str(id) for id in range(8, 8 + listed))
    windows = (MORNING,) * listed
    case = a_sound_case()
    amend_terms(case, shops=Shops("listed", shops), windows=windows)
    rest = [] if told == listed else [f"… ({listed})"]
    where, when = verdict_of(case, Code.WRONG_SHOP), verdict_of(case, Code.OUTSIDE_HOURS)
    assert where.needed == "listed: " + ",".join([*shops[:told], *rest])
    zh, en = MORNING.sentence()
    assert when.facts["needed_zh"] == "，".join([*[zh] * told, *rest])
    assert when.needed == when.facts["needed_en"] == ", ".join([*[en] * told, *rest])


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
