"""Doing what a failed verdict says is needed flips it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.conftest import HOUR, MINUTE, PROPERTY, SHANGHAI, a_bill, a_case, a_line, a_scheme, at
from domain.spoils import amend_bill, amend_terms, failing, spoilt, verdict_of
from hexiao.domain.assessment import assess
from hexiao.domain.bill import Scene
from hexiao.domain.checks import Verdict
from hexiao.domain.errors import Code
from hexiao.domain.scheme import Goods, Shops, Window


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
