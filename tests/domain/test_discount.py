"""Discounts: what each kind of benefit takes off each line, and that it never takes more than there is."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conftest import PROPERTY, a_line
from hexiao.domain.bill import BillLine
from hexiao.domain.discount import discount
from hexiao.domain.scheme import Balance, Benefit, GoodsOff, MoneyOff, RateOff, RateUses

NO_LIMIT = None


def units(*pairs: tuple[int, int]) -> list[BillLine]:
    """(quantity, price) for each line."""
    return [a_line(f"sku{index}", quantity, price) for index, (quantity, price) in enumerate(pairs)]


def full(lines: list[BillLine]) -> list[int]:
    return [line.amount_fen for line in lines]


# Rule and payable in, discount out.


@pytest.mark.parametrize(
    ("benefit", "payable", "free_fen", "off"),
    [
        # 代金券
        pytest.param(MoneyOff(1_000), [3_000], 1_000, [1_000], id="ten off thirty"),
        pytest.param(MoneyOff(1_000), [1_000], 1_000, [1_000], id="ten off ten"),
        pytest.param(MoneyOff(1_000), [999], 1_000, [999], id="ten off less than ten takes all of it"),
        pytest.param(MoneyOff(1_000), [0], 1_000, [0], id="ten off nothing"),
        pytest.param(MoneyOff(1_000), [], 1_000, [], id="ten off an empty bill"),
        pytest.param(MoneyOff(1_000), [100, 100, 100], 1_000, [100, 100, 100], id="ten off three"),
        pytest.param(MoneyOff(100), [1, 1, 1], 100, [1, 1, 1], id="one off three fen"),
        pytest.param(MoneyOff(100), [333, 333, 333], 100, [34, 33, 33], id="the fen that is left goes to the first"),
        pytest.param(MoneyOff(1_000), [1_000, 0, 3_000], 1_000, [250, 0, 750], id="in proportion, nothing on nothing"),
        pytest.param(MoneyOff(1_000), [3_000], 400, [400], id="ten off, of which four are free"),
        pytest.param(MoneyOff(1_000), [3_000], 0, [0], id="ten off, of which none is free"),
        # 折扣券
        pytest.param(RateOff(1_500), [10_000], NO_LIMIT, [1_500], id="15 % off a hundred"),
        pytest.param(RateOff(10_000), [333, 1], NO_LIMIT, [333, 1], id="everything off"),
        pytest.param(RateOff(1), [9_999], NO_LIMIT, [0], id="a hundredth of a percent of less is nothing"),
        pytest.param(RateOff(1), [10_000], NO_LIMIT, [1], id="a hundredth of a percent of a hundred is a fen"),
        pytest.param(RateOff(5_000), [1, 1, 1], NO_LIMIT, [1, 0, 0], id="parts of a fen are not given, on the whole"),
        pytest.param(RateOff(3_333), [100, 100, 100], NO_LIMIT, [33, 33, 33], id="and not line by line"),
        pytest.param(RateOff(1_500, cap_fen=1_000), [10_000], NO_LIMIT, [1_000], id="15 % off, capped"),
        pytest.param(RateOff(1_500, cap_fen=1_500), [10_000], NO_LIMIT, [1_500], id="15 % off, just at its cap"),
        pytest.param(RateOff(1_500, cap_fen=2_000), [10_000], NO_LIMIT, [1_500], id="15 % off, below its cap"),
        pytest.param(RateOff(5_000, cap_fen=10), [40, 60], NO_LIMIT, [4, 6], id="a cap is split in proportion"),
        pytest.param(RateOff(1_500), [0, 0], NO_LIMIT, [0, 0], id="15 % off nothing"),
        pytest.param(RateOff(1_500), [], NO_LIMIT, [], id="15 % off an empty bill"),
        # 抵扣券 up to an amount
        pytest.param(GoodsOff(up_to_fen=800), [500, 0], 800, [500, 0], id="goods worth five, up to eight"),
        pytest.param(GoodsOff(up_to_fen=800), [500, 500], 800, [400, 400], id="goods worth ten, up to eight"),
        pytest.param(GoodsOff(up_to_fen=800), [500, 500], 300, [150, 150], id="goods worth ten, three free"),
        pytest.param(GoodsOff(up_to_fen=800), [0, 0], 800, [0, 0], id="no goods, up to eight"),
        # 多次核销代金券
        pytest.param(Balance(5_000), [3_000], 5_000, [3_000], id="fifty on thirty"),
        pytest.param(Balance(5_000), [3_000], 2_000, [2_000], id="twenty of fifty on thirty"),
        pytest.param(Balance(5_000), [9_000], 5_000, [5_000], id="fifty on ninety"),
        pytest.param(Balance(5_000), [9_000], 0, [0], id="nothing left of fifty"),
        pytest.param(Balance(5_000), [1, 2, 3], 5_000, [1, 2, 3], id="fifty on six fen"),
        # 多次核销折扣券
        pytest.param(RateUses(2_000, 3), [999], NO_LIMIT, [199], id="20 % off, rounded down"),
        pytest.param(RateUses(2_000, 3, cap_fen=100), [999], NO_LIMIT, [100], id="20 % off, each use capped"),
    ],
)
def test_a_benefit_takes_off(benefit: Benefit, payable: list[int], free_fen: int | None, off: list[int]) -> None:
    lines = units(*((1, amount) for amount in payable))
    assert discount(benefit, lines, payable, free_fen) == off


class Units(NamedTuple):
    lines: list[BillLine]
    payable: list[int] | None
    off: list[int]


@pytest.mark.parametrize(
    ("benefit", "case"),
    [
        pytest.param(GoodsOff(up_to_quantity=1), Units(units((3, 500)), None, [500]), id="one unit of three"),
        pytest.param(GoodsOff(up_to_quantity=2), Units(units((3, 500)), None, [1_000]), id="two units of three"),
        pytest.param(GoodsOff(up_to_quantity=9), Units(units((3, 500)), None, [1_500]), id="more units than there are"),
        pytest.param(
            GoodsOff(up_to_quantity=1), Units(units((1, 300), (1, 500)), None, [0, 500]), id="the dearest unit first"
        ),
        pytest.param(
            GoodsOff(up_to_quantity=2), Units(units((5, 300), (1, 500)), None, [300, 500]), id="then the next dearest"
        ),
        pytest.param(
            GoodsOff(up_to_quantity=1), Units(units((1, 500), (1, 500)), None, [500, 0]), id="of equals the earlier"
        ),
        pytest.param(
            GoodsOff(up_to_quantity=1),
            Units(units((1, 900), (1, 500)), [0, 500], [0, 500]),
            id="only what is covered",
        ),
        pytest.param(
            GoodsOff(up_to_quantity=2), Units(units((2, 500)), [700], [700]), id="no more than is left to pay"
        ),
        pytest.param(
            GoodsOff(up_to_quantity=1), Units(units((1, 0), (1, 500)), None, [0, 500]), id="a free gift uses up no unit"
        ),
        pytest.param(
            GoodsOff(up_to_fen=600, up_to_quantity=2),
            Units(units((1, 300), (1, 500)), None, [225, 375]),
            id="two units, up to six",
        ),
        pytest.param(
            GoodsOff(up_to_fen=900, up_to_quantity=2),
            Units(units((1, 300), (1, 500)), None, [300, 500]),
            id="two units, up to nine",
        ),
        pytest.param(GoodsOff(up_to_quantity=1), Units([], None, []), id="no lines at all"),
    ],
)
def test_goods_off_covers_units(benefit: GoodsOff, case: Units) -> None:
    payable = full(case.lines) if case.payable is None else case.payable
    assert discount(benefit, case.lines, payable, benefit.up_to_fen) == case.off


def test_a_unit_that_another_coupon_has_almost_paid_is_not_the_dearest() -> None:
    lines = units((1, 1_000), (1, 500))
    assert discount(GoodsOff(up_to_quantity=1), lines, [1, 500], None) == [0, 500]


def test_having_more_to_pay_never_makes_goods_off_give_less() -> None:
    lines = units((1, 1_000), (1, 500))
    paid, almost_paid = ([0, 500], [1, 500])
    one_unit = GoodsOff(up_to_quantity=1)
    assert sum(discount(one_unit, lines, almost_paid, None)) >= sum(discount(one_unit, lines, paid, None))


# Properties of all five.

amounts = st.one_of(st.integers(1, 50), st.integers(1, 10**7))
rates = st.integers(1, 10_000)
caps = st.none() | amounts
by_amount = st.one_of(
    st.builds(MoneyOff, amounts),
    st.builds(RateOff, rates, caps),
    st.builds(GoodsOff, up_to_fen=amounts),
    st.builds(Balance, amounts),
    st.builds(RateUses, rates, st.integers(2, 9), caps),
)
benefits = st.one_of(
    by_amount,
    st.builds(GoodsOff, up_to_quantity=st.integers(1, 9)),
    st.builds(GoodsOff, up_to_fen=amounts, up_to_quantity=st.integers(1, 9)),
)
priced = st.builds(a_line, quantity=st.integers(1, 9), unit_price_fen=st.integers(0, 100) | st.integers(0, 10**6))


class Question(NamedTuple):
    lines: list[BillLine]
    payable: list[int]
    free_fen: int | None

    def ask(self, benefit: Benefit) -> list[int]:
        return discount(benefit, self.lines, self.payable, self.free_fen)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    lines = draw(st.lists(priced, max_size=6))
    payable = [draw(st.just(line.amount_fen) | st.just(0) | st.integers(0, line.amount_fen)) for line in lines]
    return Question(lines, payable, draw(st.none() | st.integers(0, 10**7)))


def limit_of(benefit: Benefit, payable: int) -> int:
    """The most that the settings of `benefit` alone could give on a bill of `payable`."""
    match benefit:
        case MoneyOff(amount_fen=amount) | Balance(amount_fen=amount):
            return amount
        case RateOff(off_bp=off, cap_fen=cap) | RateUses(off_bp=off, cap_fen=cap):
            return payable * off // 10_000 if cap is None else cap
        case GoodsOff(up_to_fen=amount_or_none):
            return payable if amount_or_none is None else amount_or_none


@PROPERTY
@given(benefits, questions())
def test_it_never_takes_more_than_the_line_the_coupon_or_the_settings_have(benefit: Benefit, asked: Question) -> None:
    off = asked.ask(benefit)
    assert len(off) == len(asked.lines)
    assert all(0 <= part <= left for part, left in zip(off, asked.payable, strict=True))
    assert asked.free_fen is None or sum(off) <= asked.free_fen
    assert sum(off) <= limit_of(benefit, sum(asked.payable))


@PROPERTY
@given(by_amount, questions())
def test_it_takes_all_that_the_line_the_coupon_and_the_settings_have(benefit: Benefit, asked: Question) -> None:
    base = sum(asked.payable)
    limits = [base, limit_of(benefit, base)]
    if isinstance(benefit, RateOff | RateUses):
        limits.append(base * benefit.off_bp // 10_000)
    if asked.free_fen is not None:
        limits.append(asked.free_fen)
    assert sum(asked.ask(benefit)) == min(limits)


@PROPERTY
@given(by_amount, questions(), st.data())
def test_having_more_to_pay_never_gives_less(benefit: Benefit, asked: Question, data: st.DataObject) -> None:
    more = [
        data.draw(st.integers(left, line.amount_fen)) for line, left in zip(asked.lines, asked.payable, strict=True)
    ]
    assert sum(asked._replace(payable=more).ask(benefit)) >= sum(asked.ask(benefit))


@PROPERTY
@given(benefits, questions(), st.integers(0, 10**6))
def test_a_coupon_that_holds_more_never_gives_less(benefit: Benefit, asked: Question, more: int) -> None:
    held = 0 if asked.free_fen is None else asked.free_fen
    poorer, richer = asked._replace(free_fen=held), asked._replace(free_fen=held + more)
    assert sum(poorer.ask(benefit)) <= sum(richer.ask(benefit)) <= sum(asked._replace(free_fen=None).ask(benefit))


@PROPERTY
@given(st.integers(1, 9), st.none() | amounts, st.lists(priced, max_size=6))
def test_goods_off_covers_the_dearest_units_of_an_untouched_bill(
    quantity: int, up_to_fen: int | None, lines: list[BillLine]
) -> None:
    every_unit = sorted((line.unit_price_fen for line in lines for _ in range(line.quantity)), reverse=True)
    dearest = sum(every_unit[:quantity])
    off = discount(GoodsOff(up_to_fen, quantity), lines, full(lines), up_to_fen)
    assert sum(off) == (dearest if up_to_fen is None else min(dearest, up_to_fen))


@PROPERTY
@given(benefits, questions())
def test_a_line_that_is_not_covered_gets_nothing_and_changes_nothing(benefit: Benefit, asked: Question) -> None:
    other = Question([*asked.lines, a_line("other", 2, 777)], [*asked.payable, 0], asked.free_fen)
    assert other.ask(benefit) == [*asked.ask(benefit), 0]
