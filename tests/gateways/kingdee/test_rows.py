"""What a row of the list says: amounts, states and times of each kind of scheme in each state."""

from __future__ import annotations

from typing import Any

import pytest

from gateways.kingdee.world import SHOP, Shelf, Till, shanghai
from hexiao.domain.party import Member
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Balance, Goods, GoodsOff, MoneyOff, RateOff, RateUses
from hexiao.engine.commands import Capture, Release, Reverse
from hexiao.gateways.kingdee import messages


def test_every_state_has_its_number() -> None:
    assert set(messages.STATS) == set(State)


class TestRows:
    def only(self, till: Till) -> dict[str, Any]:
        (row,) = till.rows()
        return row

    def amounts(self, till: Till) -> tuple[str | None, ...]:
        row = self.only(till)
        names = ("write_off_stat", "write_off_amt", "record_usable_amt", "record_write_off_amt")
        return tuple(row[name] for name in names)

    def test_a_hold_takes_its_amount_and_leaves_the_record_as_it_was(
        self, shelf: Shelf, till: Till, clock: Any
    ) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), mode="hold", fen=250)
        assert self.amounts(till) == ("1", "2.5", "100", "0")
        assert self.only(till)["write_off_time"] is None

    def test_a_hold_past_its_deadline_is_cancelled_though_nobody_wrote_it_down(
        self, shelf: Shelf, till: Till, clock: Any
    ) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1", hold_seconds=60), "A1"), mode="hold")
        clock.forward(59.999)
        assert self.amounts(till)[:2] == ("1", "1")
        clock.forward(0.001)
        assert self.amounts(till) == ("3", "0", "100", "0")
        shelf.engine.sweeper.sweep()
        assert self.amounts(till) == ("3", "0", "100", "0")

    def test_a_release_is_cancelled(self, shelf: Shelf, till: Till) -> None:
        held = shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), mode="hold")
        shelf.call(Release(merchant_id=1, redemption_id=held.id))
        assert self.amounts(till) == ("3", "0", "100", "0")

    def test_a_capture_of_a_part_shows_both_times(self, shelf: Shelf, till: Till, clock: Any) -> None:
        clock.now = shanghai("2025-11-22 12:00:00")
        held = shelf.redeem(shelf.coupon(shelf.scheme("S1", Balance(amount_fen=10_000)), "A1"), mode="hold", fen=300)
        clock.forward(61)
        shelf.call(Capture(merchant_id=1, redemption_id=held.id, amount_fen=205))
        assert self.amounts(till) == ("2", "2.05", "97.95", "2.05")
        row = self.only(till)
        assert (row["create_time"], row["write_off_time"]) == ("2025-11-22 12:00:00", "2025-11-22 12:01:01")

    def test_a_single_use_coupon_that_was_used_is_gone_whole(self, shelf: Shelf, till: Till) -> None:
        used = shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), fen=100)
        assert self.amounts(till) == ("2", "1", "0", "100")
        shelf.call(Reverse(merchant_id=1, redemption_id=used.id, amount_fen=30))
        assert self.amounts(till) == ("2", "0.7", "0", "100")
        shelf.call(Reverse(merchant_id=1, redemption_id=used.id))
        assert self.amounts(till) == ("3", "0", "100", "0")

    def test_a_coupon_without_a_value_has_no_usable_amount(self, shelf: Shelf, till: Till) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1", RateOff(off_bp=1500)), "A1"), fen=1000)
        assert self.amounts(till) == ("2", "1.5", None, "1.5")

    @pytest.mark.parametrize(
        ("benefit", "terms", "kind"),
        [
            (MoneyOff(amount_fen=100), {}, "1"),
            (RateOff(off_bp=1000), {}, "2"),
            (GoodsOff(up_to_fen=100), {"goods": Goods(mode="listed", values=("sku",))}, "3"),
            (Balance(amount_fen=100), {}, "4"),
            (RateUses(off_bp=1000, uses=3), {}, "5"),
        ],
        ids=str,
    )
    def test_every_kind_has_its_number(
        self, benefit: Any, terms: dict[str, Any], kind: str, shelf: Shelf, till: Till
    ) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1", benefit, **terms), "A1"))
        assert self.only(till)["schema_type"] == kind

    def test_what_is_absent_is_null(self, shelf: Shelf, till: Till) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"))
        row = self.only(till)
        absent = {name for name, value in row.items() if value is None}
        assert absent == {
            "cashier_id", "cashier_name", "member_card_id", "member_card_no", "member_id", "member_mobile",
            "member_name",
        }  # fmt: skip

    def test_without_a_member_on_the_bill_the_holder_is_shown_and_found(self, shelf: Shelf, till: Till) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1", member_id=SHOP))
        row = self.only(till)
        assert row["member_name"] == "会员001"
        assert till.rows({"member_id": str(SHOP)}) == till.rows({"member_card_id": "1"}) == [row]

    def test_a_member_without_mobile_has_none(self, shelf: Shelf, till: Till) -> None:
        shelf.put(Member(id=2, merchant_id=1, name="会员002"))
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), member_id=2)
        row = self.only(till)
        assert (row["member_mobile"], row["member_card_id"], row["member_card_no"]) == (None, None, None)

    def test_mobile_numbers_are_plain_when_the_setting_says_so(self, shelf: Shelf, till: Till, clock: Any) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), member_id=SHOP)
        assert self.only(till)["member_mobile"] == "ynuoe2YzUhak2A1FiMKIqg=="
        shelf.application(encrypt_mobile=False)
        clock.forward(10)  # a changed credential is noticed within seconds
        assert self.only(till)["member_mobile"] == "13222113311"

    def test_the_shop_is_named(self, shelf: Shelf, till: Till) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"))
        row = self.only(till)
        assert (row["store_id"], row["store_no"], row["store_name"]) == (str(SHOP), "001", "001门店")

    def test_ids_and_amounts_are_strings(self, shelf: Shelf, till: Till) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1", id=2**63 - 1, record_id=2**62), member_id=SHOP)
        row = self.only(till)
        assert {type(value) for value in row.values()} <= {str, type(None)}
        assert (row["coupons_id"], row["record_bill_id"]) == (str(2**63 - 1), str(2**62))
