"""The list of redemptions: all thirteen parameters, every documented error, pages, and what each row says."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hexiao.domain.party import Member, Merchant, Shop
from hexiao.domain.scheme import Balance, GoodsOff, MoneyOff, RateOff, RateUses
from hexiao.engine.commands import Capture, Release, Reverse
from hexiao.gateways.kingdee.errors import BusinessCode

WRITE_OFF_PATH = "/jdy/v2/ls/coupons_write_off"
SHOP = 1333333333


def shanghai(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)


def codes(rows: list[dict[str, Any]]) -> list[str]:
    return [row["coupons_no"] for row in rows]


class TestFilters:
    @pytest.fixture(autouse=True)
    def two_redemptions(self, shelf: Any, clock: Any) -> None:
        """A1 and B2 differ in everything that can be asked for; each is changed a day after it was made."""
        shelf.put(Member(id=2, merchant_id=1, name="会员002", card_id="C2"))
        shelf.put(Shop(id=9, merchant_id=1, number="009", name="别家"))
        clock.now = shanghai("2024-01-01 12:22:31")
        first = shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), number="M1", member_id=SHOP)
        clock.now = shanghai("2024-01-02 12:22:31") + 999
        shelf.call(Reverse(merchant_id=1, redemption_id=first.id, amount_fen=1))
        clock.now = shanghai("2024-02-01 00:00:00")
        second = shelf.redeem(shelf.coupon(shelf.scheme("S2", RateOff(off_bp=1000)), "B2"), number="M2", member_id=2)
        clock.now = shanghai("2024-02-02 00:00:00")
        shelf.call(Reverse(merchant_id=1, redemption_id=second.id, amount_fen=1))

    @pytest.mark.parametrize(
        ("params", "found"),
        [
            ({}, ["A1", "B2"]),
            ({"store_id": "9"}, []),
            ({"store_id": "404"}, []),
            ({"bill_no": "M1"}, ["A1"]),
            ({"bill_no": "m1"}, []),
            ({"coupons_no": "B2"}, ["B2"]),
            ({"coupons_no": "ｂ-２ "}, ["B2"]),
            ({"coupons_no": "-"}, []),
            ({"coupons_no": "404"}, []),
            ({"create_start_time": "2024-01-01 12:22:31"}, ["A1", "B2"]),
            ({"create_start_time": "2024-01-01 12:22:32"}, ["B2"]),
            ({"create_end_time": "2024-01-01 12:22:31"}, ["A1"]),
            ({"create_end_time": "2024-01-01 12:22:30"}, []),
            ({"create_start_time": "2024-03-01 00:00:00", "create_end_time": "2024-01-01 00:00:00"}, []),
            ({"create_start_time": "0001-01-01 00:00:00", "create_end_time": "9999-12-31 23:59:59"}, ["A1", "B2"]),
            ({"modify_start_time": "2024-01-02 12:22:31"}, ["A1", "B2"]),
            ({"modify_start_time": "2024-01-02 12:22:32"}, ["B2"]),
            ({"modify_end_time": "2024-01-02 12:22:31"}, ["A1"]),
            ({"modify_end_time": "2024-01-02 12:22:30"}, []),
            ({"member_id": str(SHOP)}, ["A1"]),
            ({"member_id": "404"}, []),
            ({"member_card_id": "C2"}, ["B2"]),
            ({"member_card_id": "404"}, []),
            ({"member_id": str(SHOP), "member_card_id": "C2"}, []),
            ({"schema_no": "S2"}, ["B2"]),
            ({"schema_no": "404"}, []),
            ({"schema_type": "1"}, ["A1"]),
            ({"schema_type": "2"}, ["B2"]),
            ({"schema_type": "5"}, []),
            ({"page": "1", "page_size": "1"}, ["A1"]),
            ({"page": "2", "page_size": "1"}, ["B2"]),
            ({"page": "3", "page_size": "1"}, []),
            ({"bill_no": "", "coupons_no": "", "page": "", "schema_type": "", "modify_end_time": ""}, ["A1", "B2"]),
            ({"unheard_of": "1"}, ["A1", "B2"]),
        ],
        ids=str,
    )
    def test_each_parameter_narrows_the_list(self, params: dict[str, str], found: list[str], till: Any) -> None:
        assert codes(till.rows(params)) == found

    def test_all_thirteen_together_find_the_one(self, till: Any) -> None:
        params = {
            "store_id": str(SHOP), "bill_no": "M1", "coupons_no": "A1", "create_end_time": "2024-01-01 12:22:31",
            "create_start_time": "2024-01-01 12:22:31", "member_card_id": "1", "member_id": str(SHOP),
            "modify_end_time": "2024-01-02 12:22:31", "modify_start_time": "2024-01-02 12:22:31", "page": "1",
            "page_size": "100", "schema_no": "S1", "schema_type": "1",
        }  # fmt: skip
        assert codes(till.rows(params)) == ["A1"]

    def test_the_merchants_zone_is_the_zone_of_bounds_and_times(self, shelf: Any, till: Any) -> None:
        shelf.put(Merchant(id=1, name="测试商户", time_zone="Europe/Berlin"))
        (row,) = till.rows({"create_end_time": "2024-01-01 05:22:31"})
        assert row["create_time"] == "2024-01-01 05:22:31"
        assert till.rows({"create_end_time": "2024-01-01 05:22:30"}) == []

    def test_of_two_values_the_first_counts(self, till: Any) -> None:
        query = f"store_id={SHOP}&coupons_no=B2&coupons_no=A1"
        assert codes(till.signed_raw("GET", WRITE_OFF_PATH, query, token=till.token()).body["data"]["rows"]) == ["B2"]

    def test_a_body_fills_in_what_the_query_lacks_and_never_overrides_it(self, till: Any) -> None:
        body = f'{{"store_id":{SHOP},"coupons_no":"A1","page":1,"bill_no":null,"extra":[{{}}]}}'.encode()
        rows = till.signed("GET", WRITE_OFF_PATH, {"coupons_no": "B2"}, token=till.token(), body=body).body["data"][
            "rows"
        ]
        assert codes(rows) == ["B2"]

    def test_what_the_signature_does_not_cover_is_no_parameter(self, till: Any) -> None:
        # A part without `=` is dropped before signing, so anybody could add it to a captured request.
        response = till.signed_raw("GET", WRITE_OFF_PATH, f"store_id={SHOP}&page_size&=7", token=till.token())
        assert response.body["data"]["page_size"] == 100


class TestErrors:
    def refused(self, till: Any, params: dict[str, str | None]) -> tuple[int, str]:
        response = till.write_offs(params)
        assert response.status == 200
        assert set(response.body) == {"data", "description", "errcode"}
        assert response.body["data"] is None
        return response.errcode, response.body["description"]

    @pytest.mark.parametrize("value", [None, ""])
    def test_a_missing_store_is_named(self, value: str | None, till: Any) -> None:
        errcode, text = self.refused(till, {"store_id": value})
        assert errcode == BusinessCode.FIELD_EMPTY
        assert "store_id" in text

    @pytest.mark.parametrize("field", ["store_id", "member_id", "page", "page_size", "schema_type"])
    @pytest.mark.parametrize("value", ["abc", "-1", "1.0", "1e3", "１", "0x1", " 1", "1 ", "9" * 30, "+1"])
    def test_a_number_that_is_none_is_a_wrong_type(self, field: str, value: str, till: Any) -> None:
        errcode, text = self.refused(till, {field: value})
        assert errcode == BusinessCode.FIELD_TYPE
        assert field in text

    @pytest.mark.parametrize(
        ("field", "value"), [("page", "0"), ("page_size", "0"), ("schema_type", "0"), ("schema_type", "6")]
    )
    def test_a_number_out_of_range_is_a_wrong_type(self, field: str, value: str, till: Any) -> None:
        assert self.refused(till, {field: value})[0] == BusinessCode.FIELD_TYPE

    @pytest.mark.parametrize("field", ["create_start_time", "create_end_time", "modify_start_time", "modify_end_time"])
    @pytest.mark.parametrize(
        "value",
        ["2024-01-01", "2024-02-30 00:00:00", "2024-01-01T00:00:00", "2024-1-1 0:0:0", "2024-01-01 24:00:00", "now",
         "2024-01-01 00:00:00.0", "1704067200000", "0000-00-00 00:00:00", "２024-01-01 00:00:00", "-1"],
    )  # fmt: skip
    def test_a_date_that_is_none_is_a_wrong_format(self, field: str, value: str, till: Any) -> None:
        errcode, text = self.refused(till, {field: value})
        assert errcode == BusinessCode.FIELD_FORMAT
        assert field in text

    @pytest.mark.parametrize("field", ["bill_no", "coupons_no", "member_card_id", "schema_no"])
    @pytest.mark.parametrize("value", ["a\x00b", "a\nb", "x" * 257])
    def test_a_text_with_control_characters_or_without_end_is_a_wrong_format(
        self, field: str, value: str, till: Any
    ) -> None:
        assert self.refused(till, {field: value})[0] == BusinessCode.FIELD_FORMAT


class TestPages:
    @pytest.fixture(autouse=True)
    def three_redemptions(self, shelf: Any, clock: Any) -> None:
        scheme = shelf.scheme("S1")
        for code in ("A1", "A2", "A3"):
            clock.forward(1)
            shelf.redeem(shelf.coupon(scheme, code))

    def page(self, till: Any, **params: str) -> dict[str, Any]:
        data = till.write_offs(params).body["data"]
        assert isinstance(data, dict)
        return {**data, "rows": codes(data["rows"])}

    def test_without_parameters_it_is_the_first_hundred_oldest_first(self, till: Any) -> None:
        assert self.page(till) == {
            "count": 3, "current_page_size": 3, "page": 1, "page_size": 100, "total_page": 1,
            "rows": ["A1", "A2", "A3"],
        }  # fmt: skip

    def test_the_last_page_may_be_shorter(self, till: Any) -> None:
        assert self.page(till, page="2", page_size="2") == {
            "count": 3, "current_page_size": 1, "page": 2, "page_size": 2, "total_page": 2, "rows": ["A3"],
        }  # fmt: skip

    @pytest.mark.parametrize("number", ["3", "1000000000", str(2**31 - 1)])
    def test_a_page_past_the_end_is_empty(self, number: str, till: Any) -> None:
        page = self.page(till, page=number, page_size="2")
        assert (page["rows"], page["current_page_size"], page["count"], page["total_page"]) == ([], 0, 3, 2)

    @pytest.mark.parametrize("size", ["101", "500", str(2**31 - 1)])
    def test_more_than_a_hundred_are_cut_to_a_hundred(self, size: str, till: Any) -> None:
        page = self.page(till, page_size=size)
        assert (page["page_size"], page["total_page"]) == (100, 1)

    def test_total_page_is_computed_from_the_size_after_the_cut(self, shelf: Any, till: Any) -> None:
        scheme = shelf.scheme("S2")
        for number in range(99):
            shelf.redeem(shelf.coupon(scheme, f"B{number}"))
        page = self.page(till, page_size="1000")
        assert (page["count"], len(page["rows"]), page["total_page"]) == (102, 100, 2)
        assert len(self.page(till, page="2", page_size="1000")["rows"]) == 2

    def test_a_shop_without_redemptions_has_no_pages(self, till: Any) -> None:
        page = self.page(till, store_id="404")
        assert (page["count"], page["total_page"], page["rows"]) == (0, 0, [])


class TestRows:
    """Amounts, states and times of each kind of scheme in each state."""

    def only(self, till: Any) -> dict[str, Any]:
        (row,) = till.rows()
        return row

    def amounts(self, till: Any) -> tuple[str | None, ...]:
        row = self.only(till)
        names = ("write_off_stat", "write_off_amt", "record_usable_amt", "record_write_off_amt")
        return tuple(row[name] for name in names)

    def test_a_hold_takes_its_amount_and_leaves_the_record_as_it_was(self, shelf: Any, till: Any, clock: Any) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), mode="hold", fen=250)
        assert self.amounts(till) == ("1", "2.5", "100", "0")
        assert self.only(till)["write_off_time"] is None

    def test_a_hold_past_its_deadline_is_cancelled_though_nobody_wrote_it_down(
        self, shelf: Any, till: Any, clock: Any
    ) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1", hold_seconds=60), "A1"), mode="hold")
        clock.forward(59.999)
        assert self.amounts(till)[:2] == ("1", "1")
        clock.forward(0.001)
        assert self.amounts(till) == ("3", "0", "100", "0")
        shelf.engine.sweep()
        assert self.amounts(till) == ("3", "0", "100", "0")

    def test_a_release_is_cancelled(self, shelf: Any, till: Any) -> None:
        held = shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), mode="hold")
        shelf.call(Release(merchant_id=1, redemption_id=held.id))
        assert self.amounts(till) == ("3", "0", "100", "0")

    def test_a_capture_of_a_part_shows_both_times(self, shelf: Any, till: Any, clock: Any) -> None:
        clock.now = shanghai("2025-11-22 12:00:00")
        held = shelf.redeem(shelf.coupon(shelf.scheme("S1", Balance(amount_fen=10_000)), "A1"), mode="hold", fen=300)
        clock.forward(61)
        shelf.call(Capture(merchant_id=1, redemption_id=held.id, amount_fen=205))
        assert self.amounts(till) == ("2", "2.05", "97.95", "2.05")
        row = self.only(till)
        assert (row["create_time"], row["write_off_time"]) == ("2025-11-22 12:00:00", "2025-11-22 12:01:01")

    def test_a_single_use_coupon_that_was_used_is_gone_whole(self, shelf: Any, till: Any) -> None:
        used = shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), fen=100)
        assert self.amounts(till) == ("2", "1", "0", "100")
        shelf.call(Reverse(merchant_id=1, redemption_id=used.id, amount_fen=30))
        assert self.amounts(till) == ("2", "0.7", "0", "100")
        shelf.call(Reverse(merchant_id=1, redemption_id=used.id))
        assert self.amounts(till) == ("3", "0", "100", "0")

    def test_a_coupon_without_a_value_has_no_usable_amount(self, shelf: Any, till: Any) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1", RateOff(off_bp=1500)), "A1"), fen=1000)
        assert self.amounts(till) == ("2", "1.5", None, "1.5")

    @pytest.mark.parametrize(
        ("benefit", "terms", "kind"),
        [
            (MoneyOff(amount_fen=100), {}, "1"),
            (RateOff(off_bp=1000), {}, "2"),
            (GoodsOff(up_to_fen=100), {"goods": {"mode": "listed", "values": ["sku"]}}, "3"),
            (Balance(amount_fen=100), {}, "4"),
            (RateUses(off_bp=1000, uses=3), {}, "5"),
        ],
        ids=str,
    )
    def test_every_kind_has_its_number(
        self, benefit: Any, terms: dict[str, Any], kind: str, shelf: Any, till: Any
    ) -> None:
        from hexiao.domain.scheme import Goods

        if "goods" in terms:
            terms = {"goods": Goods(mode="listed", values=("sku",))}
        shelf.redeem(shelf.coupon(shelf.scheme("S1", benefit, **terms), "A1"))
        assert self.only(till)["schema_type"] == kind

    def test_what_is_absent_is_null(self, shelf: Any, till: Any) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"))
        row = self.only(till)
        absent = {name for name, value in row.items() if value is None}
        assert absent == {
            "cashier_id", "cashier_name", "member_card_id", "member_card_no", "member_id", "member_mobile",
            "member_name",
        }  # fmt: skip

    def test_without_a_member_on_the_bill_the_holder_is_shown(self, shelf: Any, till: Any) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1", member_id=SHOP))
        assert self.only(till)["member_name"] == "会员001"

    def test_a_member_without_mobile_has_none(self, shelf: Any, till: Any) -> None:
        shelf.put(Member(id=2, merchant_id=1, name="会员002"))
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), member_id=2)
        row = self.only(till)
        assert (row["member_mobile"], row["member_card_id"], row["member_card_no"]) == (None, None, None)

    def test_mobile_numbers_are_plain_when_the_setting_says_so(self, shelf: Any, till: Any) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"), member_id=SHOP)
        assert self.only(till)["member_mobile"] == "ynuoe2YzUhak2A1FiMKIqg=="
        shelf.application(encrypt_mobile=False)
        shelf.engine.clock.forward(10)  # a changed credential is noticed within seconds
        assert self.only(till)["member_mobile"] == "13222113311"

    def test_a_row_of_an_unheard_of_shop_cannot_be(self, shelf: Any, till: Any) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1"))
        row = self.only(till)
        assert (row["store_id"], row["store_no"], row["store_name"]) == (str(SHOP), "001", "001门店")

    def test_ids_and_amounts_are_strings(self, shelf: Any, till: Any) -> None:
        shelf.redeem(shelf.coupon(shelf.scheme("S1"), "A1", id=2**63 - 1, record_id=2**62), member_id=SHOP)
        row = self.only(till)
        assert {type(value) for value in row.values()} <= {str, type(None)}
        assert (row["coupons_id"], row["record_bill_id"]) == (str(2**63 - 1), str(2**62))
