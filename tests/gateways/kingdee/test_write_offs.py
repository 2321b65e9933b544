"""The list of redemptions: all thirteen parameters, every documented error, and pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gateways.kingdee.world import SHANGHAI, SHOP, WRITE_OFF_PATH, Shelf, Till, shanghai
from hexiao.domain.errors import local_time
from hexiao.domain.party import Member, Merchant, Shop
from hexiao.domain.scheme import RateOff
from hexiao.engine.commands import Reverse
from hexiao.gateways.kingdee.errors import BusinessCode


def codes(rows: list[dict[str, Any]]) -> list[str]:
    return [row["coupons_no"] for row in rows]


class TestFilters:
    @pytest.fixture(autouse=True)
    def two_redemptions(self, shelf: Shelf, clock: Any) -> None:
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
    def test_each_parameter_narrows_the_list(self, params: dict[str, str], found: list[str], till: Till) -> None:
        assert codes(till.rows(params)) == found

    def test_all_thirteen_together_find_the_one(self, till: Till) -> None:
        params = {
            "store_id": str(SHOP), "bill_no": "M1", "coupons_no": "A1", "create_end_time": "2024-01-01 12:22:31",
            "create_start_time": "2024-01-01 12:22:31", "member_card_id": "1", "member_id": str(SHOP),
            "modify_end_time": "2024-01-02 12:22:31", "modify_start_time": "2024-01-02 12:22:31", "page": "1",
            "page_size": "100", "schema_no": "S1", "schema_type": "1",
        }  # fmt: skip
        assert codes(till.rows(params)) == ["A1"]

    def test_the_merchants_zone_is_the_zone_of_bounds_and_times(self, shelf: Shelf, till: Till) -> None:
        shelf.put(Merchant(id=1, name="测试商户", time_zone="Europe/Berlin"))
        (row,) = till.rows({"create_end_time": "2024-01-01 05:22:31"})
        assert row["create_time"] == "2024-01-01 05:22:31"
        assert till.rows({"create_end_time": "2024-01-01 05:22:30"}) == []

    @pytest.mark.parametrize(
        ("start", "end", "made"),
        [
            ("2024-10-27 02:00:00", "2024-10-27 02:59:59", ["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"]),
            ("2024-03-31 02:30:00", "2024-03-31 03:29:59", ["2024-03-31T01:10:00Z"]),
            ("2024-03-31 01:30:00", "2024-03-31 02:30:00", ["2024-03-31T00:59:59Z"]),
        ],
        ids=["an hour that comes twice", "from within an hour that is left out", "until within that hour"],
    )
    def test_a_change_of_the_clock_hides_no_row_between_the_bounds(
        self, start: str, end: str, made: list[str], shelf: Shelf, till: Till, clock: Any
    ) -> None:
        shelf.put(Merchant(id=1, name="测试商户", time_zone="Europe/Berlin"))
        scheme = shelf.scheme("S3")
        for number, at in enumerate(made):
            clock.now = int(datetime.fromisoformat(at).timestamp() * 1000)
            shelf.redeem(shelf.coupon(scheme, f"D{number}"))
        expected = [f"D{number}" for number in range(len(made))]
        assert codes(till.rows({"create_start_time": start, "create_end_time": end})) == expected
        assert codes(till.rows({"modify_start_time": start, "modify_end_time": end})) == expected

    def test_of_two_values_the_first_counts(self, till: Till) -> None:
        query = f"store_id={SHOP}&coupons_no=B2&coupons_no=A1"
        assert codes(till.signed_raw("GET", WRITE_OFF_PATH, query, token=till.token()).body["data"]["rows"]) == ["B2"]

    def test_a_body_fills_in_what_the_query_lacks_and_never_overrides_it(self, till: Till) -> None:
        body = f'{{"store_id":{SHOP},"coupons_no":"A1","page":1,"bill_no":null,"extra":[{{}}]}}'.encode()
        rows = till.signed("GET", WRITE_OFF_PATH, {"coupons_no": "B2"}, token=till.token(), body=body).body["data"][
            "rows"
        ]
        assert codes(rows) == ["B2"]

    def test_what_the_signature_does_not_cover_is_no_parameter(self, till: Till) -> None:
        # A part without `=` is dropped before signing, so anybody could add it to a captured request.
        response = till.signed_raw("GET", WRITE_OFF_PATH, f"store_id={SHOP}&page_size&=7", token=till.token())
        assert response.body["data"]["page_size"] == 100


class TestErrors:
    def refused(self, till: Till, params: dict[str, str | None]) -> tuple[int, str]:
        response = till.write_offs(params)
        assert response.status == 200
        assert set(response.body) == {"data", "description", "errcode"}
        assert response.body["data"] is None
        return response.errcode, response.body["description"]

    @pytest.mark.parametrize("value", [None, ""])
    def test_a_missing_store_is_named(self, value: str | None, till: Till) -> None:
        errcode, text = self.refused(till, {"store_id": value})
        assert errcode == BusinessCode.FIELD_EMPTY
        assert "store_id" in text

    @pytest.mark.parametrize("field", ["store_id", "member_id", "page", "page_size", "schema_type"])
    @pytest.mark.parametrize("value", ["abc", "-1", "1.0", "1e3", "１", "0x1", " 1", "1 ", "9" * 30, "+1"])
    def test_a_number_that_is_none_is_a_wrong_type(self, field: str, value: str, till: Till) -> None:
        errcode, text = self.refused(till, {field: value})
        assert errcode == BusinessCode.FIELD_TYPE
        assert field in text

    @pytest.mark.parametrize(
        ("field", "value"), [("page", "0"), ("page_size", "0"), ("schema_type", "0"), ("schema_type", "6")]
    )
    def test_a_number_out_of_range_is_a_wrong_type(self, field: str, value: str, till: Till) -> None:
        assert self.refused(till, {field: value})[0] == BusinessCode.FIELD_TYPE

    @pytest.mark.parametrize("field", ["create_start_time", "create_end_time", "modify_start_time", "modify_end_time"])
    @pytest.mark.parametrize(
        "value",
        ["2024-01-01", "2024-02-30 00:00:00", "2024-01-01T00:00:00", "2024-1-1 0:0:0", "2024-01-01 24:00:00", "now",
         "2024-01-01 00:00:00.0", "1704067200000", "0000-00-00 00:00:00", "２024-01-01 00:00:00", "-1"],
    )  # fmt: skip
    def test_a_date_that_is_none_is_a_wrong_format(self, field: str, value: str, till: Till) -> None:
        errcode, text = self.refused(till, {field: value})
        assert errcode == BusinessCode.FIELD_FORMAT
        assert field in text

    @pytest.mark.parametrize("field", ["bill_no", "coupons_no", "member_card_id", "schema_no"])
    @pytest.mark.parametrize("value", ["a\x00b", "a\nb", "x" * 257])
    def test_a_text_with_control_characters_or_without_end_is_a_wrong_format(
        self, field: str, value: str, till: Till
    ) -> None:
        assert self.refused(till, {field: value})[0] == BusinessCode.FIELD_FORMAT


class TestPages:
    @pytest.fixture(autouse=True)
    def three_redemptions(self, shelf: Shelf, clock: Any) -> None:
        scheme = shelf.scheme("S1")
        redeemed = []
        for code in ("A1", "A2", "A3"):
            clock.forward(1)
            redeemed.append(shelf.redeem(shelf.coupon(scheme, code)))
        self.first = redeemed[0]

    def page(self, till: Till, **params: str) -> dict[str, Any]:
        data = till.write_offs(params).body["data"]
        assert isinstance(data, dict)
        return {**data, "rows": codes(data["rows"])}

    def test_without_parameters_it_is_the_first_hundred_oldest_first(self, till: Till) -> None:
        assert self.page(till) == {
            "count": 3, "current_page_size": 3, "page": 1, "page_size": 100, "total_page": 1,
            "rows": ["A1", "A2", "A3"],
        }  # fmt: skip

    def test_the_last_page_may_be_shorter(self, till: Till) -> None:
        assert self.page(till, page="2", page_size="2") == {
            "count": 3, "current_page_size": 1, "page": 2, "page_size": 2, "total_page": 2, "rows": ["A3"],
        }  # fmt: skip

    @pytest.mark.parametrize("number", ["3", "1000000000", str(2**31 - 1)])
    def test_a_page_past_the_end_is_empty(self, number: str, till: Till) -> None:
        page = self.page(till, page=number, page_size="2")
        assert (page["rows"], page["current_page_size"], page["count"], page["total_page"]) == ([], 0, 3, 2)

    @pytest.mark.parametrize("size", ["101", "500", str(2**31 - 1)])
    def test_more_than_a_hundred_are_cut_to_a_hundred(self, size: str, till: Till) -> None:
        page = self.page(till, page_size=size)
        assert (page["page_size"], page["total_page"]) == (100, 1)

    def test_total_page_is_computed_from_the_size_after_the_cut(self, shelf: Shelf, till: Till) -> None:
        scheme = shelf.scheme("S2")
        for number in range(99):
            shelf.redeem(shelf.coupon(scheme, f"B{number}"))
        page = self.page(till, page_size="1000")
        assert (page["count"], len(page["rows"]), page["total_page"]) == (102, 100, 2)
        assert len(self.page(till, page="2", page_size="1000")["rows"]) == 2

    @pytest.mark.parametrize(("end", "second_page"), [(True, ["A3"]), (False, ["A2"])])
    def test_what_changes_while_changes_are_read_moves_the_rest_up_unless_the_end_is_open(
        self, end: bool, second_page: list[str], shelf: Shelf, till: Till, clock: Any
    ) -> None:
        bounds = {"modify_start_time": local_time(clock.now - 60_000, SHANGHAI)}
        if end:
            bounds["modify_end_time"] = local_time(clock.now, SHANGHAI)
        assert self.page(till, page_size="1", **bounds)["rows"] == ["A1"]
        clock.forward(5)
        shelf.call(Reverse(merchant_id=1, redemption_id=self.first.id))
        assert self.page(till, page="2", page_size="1", **bounds)["rows"] == second_page

    def test_a_shop_without_redemptions_has_no_pages(self, till: Till) -> None:
        page = self.page(till, store_id="404")
        assert (page["count"], page["total_page"], page["rows"]) == (0, 0, [])
