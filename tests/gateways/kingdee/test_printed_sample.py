"""The row that the vendor's document prints, field by field, against a redemption made through the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateways.kingdee.world import Shelf, Till, shanghai
from hexiao.domain.party import Cashier
from hexiao.gateways.kingdee import messages

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "kingdee.md"

PRINTED: dict[str, Any] = {
    "bill_no": "M0033202311180001",
    "cashier_id": "1333222",
    "cashier_name": "收银员01",
    "coupons_id": "100",
    "coupons_no": "001",
    "create_time": "2023-12-13 14:25:23",
    "member_card_id": "1",
    "member_card_no": "001",
    "member_id": "1333333333",
    "member_mobile": "13222113311",
    "member_name": "会员001",
    "record_bill_id": "1820256048657727488",
    "record_usable_amt": "1",
    "record_write_off_amt": "100",
    "schema_no": "001",
    "schema_type": "1",
    "store_id": "1333333333",
    "store_name": "001门店",
    "store_no": "001",
    "write_off_amt": "1",
    "write_off_stat": None,
    "write_off_time": "2023-11-18 16:06:44",
}

DIFFERENCES: dict[str, tuple[str, str]] = {
    "create_time": ("2023-11-18 16:06:44", "a redemption is made before it is captured, never weeks after"),
    "member_mobile": ("ynuoe2YzUhak2A1FiMKIqg==", "enciphered, as the vendor's page on sensitive data says"),
    "record_usable_amt": ("0", "a used single-use coupon has nothing left"),
    "write_off_stat": ("2", "the state is always known here"),
}
"""Field → what we print instead, and why. The table in docs/reference/kingdee.md says the same."""


@pytest.fixture
def row(shelf: Shelf, till: Till, clock: Any) -> dict[str, Any]:
    clock.now = shanghai("2023-11-18 16:06:44")
    shelf.put(Cashier(id=1333222, merchant_id=1, name="收银员01"))
    code = shelf.coupon(shelf.scheme("001"), "001", id=100, record_id=1820256048657727488)
    shelf.redeem(code, number="M0033202311180001", cashier_id=1333222, member_id=1333333333, fen=100)
    (row,) = till.rows({"create_start_time": "2023-11-18 00:00:00", "create_end_time": "2023-11-18 23:59:59"})
    return dict(row)


def test_every_field_is_as_printed_or_differs_for_a_written_reason(row: dict[str, Any]) -> None:
    assert row == PRINTED | {field: ours for field, (ours, _) in DIFFERENCES.items()}
    assert all(PRINTED[field] != ours for field, (ours, _) in DIFFERENCES.items())


def test_the_row_type_has_exactly_the_documented_fields() -> None:
    assert {field.encode_name for field in msgspec.structs.fields(messages.Row)} == set(PRINTED)


def test_the_document_lists_the_same_differences() -> None:
    _, _, section = DOCUMENT.read_text("utf-8").partition("## Differences from the printed sample")
    table = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("| `")]
    listed = {}
    for line in table:
        field, printed, ours = [cell.strip().strip("`") for cell in line.split("|")[1:4]]
        listed[field] = (printed, ours)
    assert listed == {
        field: (json.dumps(PRINTED[field], ensure_ascii=False), json.dumps(ours))
        for field, (ours, _) in DIFFERENCES.items()
    }
