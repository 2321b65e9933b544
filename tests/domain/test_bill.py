"""Bills: what is about to be paid, and how strictly it is read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conftest import PROPERTY, a_bill, a_line
from hexiao.domain.bill import LINES_MAX, PRICE_MAX_FEN, QUANTITY_MAX, Bill, BillLine, Scene

SMALLEST = {"number": "B1", "shop_id": 1, "lines": [{"sku": "milk", "quantity": 2, "unit_price_fen": 500}]}


def test_a_line_amounts_to_its_quantity_times_its_price() -> None:
    assert a_line(quantity=3, unit_price_fen=250).amount_fen == 750
    assert a_line(quantity=1, unit_price_fen=0).amount_fen == 0


@PROPERTY
@given(st.lists(st.tuples(st.integers(1, QUANTITY_MAX), st.integers(0, PRICE_MAX_FEN)), max_size=10))
def test_a_bill_amounts_to_its_lines(pairs: list[tuple[int, int]]) -> None:
    bill = a_bill(lines=tuple(a_line(quantity=quantity, unit_price_fen=price) for quantity, price in pairs))
    assert bill.amount_fen == sum(quantity * price for quantity, price in pairs)


def test_the_largest_bill_fits_a_63_bit_column() -> None:
    assert LINES_MAX * QUANTITY_MAX * PRICE_MAX_FEN < 2**63


def test_a_bill_is_in_a_shop_and_nobodys_unless_it_says_otherwise() -> None:
    bill = msgspec.convert(SMALLEST, Bill)
    assert (bill.scene, bill.cashier_id, bill.member_id) == (Scene.SHOP, None, None)
    assert (bill.lines[0].name, bill.lines[0].category) == ("", "")


def test_a_bill_is_read_back_as_it_was_written() -> None:
    bill = a_bill(scene=Scene.ONLINE, cashier_id=3, member_id=4)
    assert msgspec.json.decode(msgspec.json.encode(bill), type=Bill) == bill


def test_a_bill_cannot_be_changed_after_it_was_assessed() -> None:
    with pytest.raises(AttributeError):
        a_bill().number = "B2"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        a_line().quantity = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"number": 1},
        {"shop_id": "1"},
        {"shop_id": 1.5},
        {"shop_id": True},
        {"lines": None},
        {"lines": {}},
        {"scene": "both"},
        {"scene": "SHOP"},
        {"cashier_id": "3"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_bill_of_another_shape_is_not_read(change: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(SMALLEST | change, Bill)


@pytest.mark.parametrize("missing", sorted(SMALLEST))
def test_a_bill_needs_its_number_shop_and_lines(missing: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({name: value for name, value in SMALLEST.items() if name != missing}, Bill)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 1.5},
        {"quantity": "2"},
        {"quantity": True},
        {"quantity": None},
        {"unit_price_fen": 0.5},
        {"unit_price_fen": "500"},
        {"sku": None},
        {"weight": 3},
    ],
    ids=str,
)
def test_a_line_of_another_shape_is_not_read(change: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"sku": "milk", "quantity": 2, "unit_price_fen": 500} | change, BillLine)
