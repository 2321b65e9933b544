"""Schemes: what each kind of benefit is, and on which goods and in which shops a coupon works."""

from __future__ import annotations

import json
from datetime import date
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conftest import PROPERTY, a_scheme, terms
from hexiao.domain.scheme import (
    KIND_OF,
    Balance,
    Benefit,
    DaysFromNextDay,
    DaysFromReceipt,
    FixedDates,
    Goods,
    GoodsOff,
    Kind,
    MoneyOff,
    RateOff,
    RateUses,
    Shops,
    Terms,
    Validity,
    Window,
    face_of,
)

ONE_OF_EACH: dict[Kind, Benefit] = {
    Kind.MONEY_OFF: MoneyOff(1_000),
    Kind.RATE_OFF: RateOff(1_500),
    Kind.GOODS_OFF: GoodsOff(up_to_fen=800),
    Kind.BALANCE: Balance(5_000),
    Kind.RATE_USES: RateUses(2_000, 3),
}
LISTED = Goods("listed", ("milk",))


# The five kinds.


def test_the_table_of_kinds_is_total_and_none_is_there_twice() -> None:
    assert set(KIND_OF) == set(get_args(Benefit))
    assert sorted(KIND_OF.values()) == sorted(Kind) == [1, 2, 3, 4, 5]
    assert {kind: KIND_OF[type(benefit)] for kind, benefit in ONE_OF_EACH.items()} == {kind: kind for kind in Kind}


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_a_scheme_is_of_the_kind_of_its_benefit(kind: Kind) -> None:
    assert a_scheme(ONE_OF_EACH[kind]).kind is kind


@pytest.mark.parametrize(
    ("benefit", "face_fen", "uses_max"),
    [
        (MoneyOff(1_000), 1_000, 1),
        (RateOff(1_500), None, 1),
        (RateOff(1_500, cap_fen=300), None, 1),
        (GoodsOff(up_to_fen=800), 800, 1),
        (GoodsOff(up_to_quantity=2), None, 1),
        (GoodsOff(up_to_fen=800, up_to_quantity=2), 800, 1),
        (Balance(5_000), 5_000, None),
        (RateUses(2_000, 3), None, 3),
    ],
    ids=repr,
)
def test_a_new_coupon_has_the_face_and_the_uses_of_its_benefit(
    benefit: Benefit, face_fen: int | None, uses_max: int | None
) -> None:
    assert face_of(benefit) == (face_fen, uses_max)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_a_benefit_is_read_back_as_it_was_written(kind: Kind) -> None:
    written = msgspec.json.encode(ONE_OF_EACH[kind])
    assert json.loads(written)["kind"] == kind.name.lower()
    assert msgspec.json.decode(written, type=Benefit) == ONE_OF_EACH[kind]


@pytest.mark.parametrize(
    "written",
    [
        {"kind": "money_off"},
        {"kind": "money_off", "amount_fen": "1000"},
        {"kind": "money_off", "amount_fen": 10.5},
        {"kind": "money_off", "amount_fen": True},
        {"kind": "money_off", "amount_fen": 1_000, "cap_fen": 5},
        {"kind": "gift", "amount_fen": 1_000},
        {"amount_fen": 1_000},
        {"kind": "rate_uses", "off_bp": 1_000},
    ],
    ids=str,
)
def test_a_benefit_of_another_shape_is_not_read(written: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(written, Benefit)


@pytest.mark.parametrize(
    ("changes", "limited"),
    [({}, False), ({"per_member": 3}, False), ({"total": 1}, True), ({"budget_fen": 1}, True)],
    ids=str,
)
def test_only_a_total_or_a_budget_makes_the_count_of_a_scheme_decide(changes: dict[str, int], limited: bool) -> None:
    assert terms(**changes).limited is limited


def test_terms_limit_nothing_that_they_do_not_name_and_hold_for_a_quarter_of_an_hour() -> None:
    plain = Terms(validity=DaysFromReceipt(1))
    assert (plain.minimum_spend_fen, plain.total, plain.per_member, plain.budget_fen) == (0, 0, 0, 0)
    assert (plain.goods.mode, plain.shops.mode, plain.scene, plain.holder) == ("all", "all", "both", "bearer")
    assert (plain.hold_seconds, plain.reverse_within_seconds, plain.windows, plain.shareable) == (900, None, (), False)


@pytest.mark.parametrize(
    "validity",
    [FixedDates(date(2026, 1, 1), date(2026, 12, 31)), DaysFromReceipt(30), DaysFromNextDay(1)],
    ids=lambda validity: type(validity).__name__,
)
def test_terms_are_read_back_as_they_were_written(validity: Validity) -> None:
    written = terms(validity=validity, windows=(Window((6, 7), "22:00", "02:00"),), goods=LISTED)
    assert msgspec.json.decode(msgspec.json.encode(written), type=Terms) == written


def test_an_unknown_term_is_not_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"validity": {"type": "from_receipt", "days": 1}, "minimum_spent_fen": 1}, Terms)


# Goods and shops.


@pytest.mark.parametrize(
    ("goods", "sku", "category", "covered"),
    [
        (Goods(), "milk", "dairy", True),
        (Goods(), "", "", True),
        (Goods("categories", ("dairy", "fruit")), "milk", "dairy", True),
        (Goods("categories", ("dairy",)), "dairy", "bakery", False),
        (Goods("categories", ("dairy",)), "milk", "", False),
        (Goods("listed", ("milk", "tea")), "tea", "", True),
        (Goods("listed", ("milk",)), "milkshake", "milk", False),
        (Goods("listed", ("milk",)), "MILK", "", False),
        (Goods("all_but", ("wine",)), "milk", "wine", True),
        (Goods("all_but", ("wine",)), "wine", "", False),
    ],
    ids=repr,
)
def test_goods_are_covered_by_category_or_by_sku(goods: Goods, sku: str, category: str, covered: bool) -> None:
    assert goods.covers(sku, category) is covered


@PROPERTY
@given(st.lists(st.text(max_size=3), max_size=4), st.text(max_size=3), st.text(max_size=3))
def test_all_but_covers_exactly_what_listed_does_not(values: list[str], sku: str, category: str) -> None:
    listed, all_but = Goods("listed", tuple(values)), Goods("all_but", tuple(values))
    assert listed.covers(sku, category) is not all_but.covers(sku, category)


@pytest.mark.parametrize(
    ("shops", "shop_id", "allowed"),
    [
        (Shops(), 1, True),
        (Shops("listed", ("1", "3")), 3, True),
        (Shops("listed", ("1", "3")), 13, False),
        (Shops("all_but", ("1",)), 1, False),
        (Shops("all_but", ("1",)), 11, True),
        (Shops("listed", ("1333333333333333333",)), 1333333333333333333, True),
        (Shops("listed", ("1333333333333333333",)), 1333333333333333334, False),
    ],
    ids=repr,
)
def test_a_shop_is_allowed_by_its_whole_id(shops: Shops, shop_id: int, allowed: bool) -> None:
    assert shops.allows(shop_id) is allowed
