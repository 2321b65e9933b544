"""redeem and redemptions: a till at the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Type

Redeem = Callable[..., dict[str, Any]]
LINE = ("--line", "12345687:2:45.90")
BILL = ("--bill", "B1", "--shop", "284", *LINE)


class TestRedeem:
    def test_takes_what_the_coupon_gives(self, redeem: Redeem) -> None:
        done = redeem("DEMOMONEY1")
        assert (done["state"], done["amount_fen"], done["allowed"]) == ("captured", 1000, ["reverse"])

    def test_holds_on_request(self, redeem: Redeem) -> None:
        held = redeem("DEMOMONEY1", "--hold")
        assert (held["state"], held["allowed"]) == ("held", ["capture", "release"])

    def test_takes_part_of_a_balance(self, redeem: Redeem) -> None:
        done = redeem("DEMOCARD1", "--amount", "30.50")
        assert (done["amount_fen"], done["coupon_left_fen"]) == (3050, 6950)

    def test_takes_several_coupons_or_none(self, hexiao: Type) -> None:
        both = hexiao("redeem", "DEMOMONEY1", "DEMOCARD1", *BILL, "--json").json
        assert [one["amount_fen"] for one in both["redemptions"]] == [1000, 8180]
        refused = hexiao("redeem", "DEMOCARD2", "DEMOGOODS1", "--bill", "B2", "--shop", "284", *LINE, "--json")
        assert refused.code == 1
        assert hexiao("coupon", "show", "DEMOCARD2", "--json").json["left_fen"] == 10000

    def test_the_member_is_needed_for_a_member_s_coupon(self, hexiao: Type) -> None:
        refused = hexiao("redeem", "DEMORATE1", *BILL, "--json")
        assert (refused.code, refused.json["code"]) == (1, "member_needed")
        assert hexiao("redeem", "DEMORATE1", *BILL, "--member", "1333333333").code == 0

    def test_a_coupon_of_tomorrow_is_not_valid_today(self, hexiao: Type) -> None:
        (coupon,) = hexiao("coupon", "issue", "003", "--member", "1333333333", "--json").json["coupons"]
        refused = hexiao("redeem", coupon["code"], *BILL, "--member", "1333333333", "--json")
        assert (refused.code, refused.json["code"]) == (1, "not_yet_valid")

    def test_the_category_of_known_goods_need_not_be_typed(self, hexiao: Type) -> None:
        scheme = ("--number", "D9", "--name", "饮料券", "--kind", "goods_off", "--amount", "5", "--category", "饮料")
        assert hexiao("scheme", "create", *scheme, "--days", "3").code == 0
        (coupon,) = hexiao("coupon", "issue", "D9", "--json").json["coupons"]
        tea = ("--bill", "D1", "--shop", "284", "--line", "12345681:4:3.50", "--json")
        assert hexiao("redeem", coupon["code"], *tea).json["redemptions"][0]["amount_fen"] == 500

    def test_a_refusal_shows_every_check(self, hexiao: Type) -> None:
        typed = hexiao("redeem", "DEMOMONEY1", "--bill", "S1", "--shop", "284", "--line", "A:1:1.00")
        assert typed.code == 1
        assert "below_minimum_spend" in typed.out
        assert "coupon_expired" in typed.out
        assert "50.00" in typed.err

    def test_the_same_request_id_gets_the_same_answer(self, redeem: Redeem, hexiao: Type) -> None:
        assert redeem("DEMOMONEY1", "--request-id", "r1") == redeem("DEMOMONEY1", "--request-id", "r1")
        other = hexiao("redeem", "DEMOMONEY2", *BILL, "--request-id", "r1", "--json")
        assert (other.code, other.json["code"]) == (2, "request_id_reused")

    def test_a_dry_run_judges_and_takes_nothing(self, hexiao: Type) -> None:
        usable = hexiao("redeem", "DEMOMONEY1", *BILL, "--dry-run", "--json")
        assert (usable.code, usable.json["ok"], usable.json["coupons"][0]["amount_fen"]) == (0, True, 1000)
        refused = hexiao("redeem", "DEMOGOODS1", *BILL, "--dry-run", "--json")
        assert (refused.code, refused.json["ok"]) == (1, False)
        assert hexiao("coupon", "show", "DEMOMONEY1", "--json").json["face"] == "usable"

    @pytest.mark.parametrize(
        ("wrong", "exit_code"),
        [
            (("DEMOMONEY1", "--bill", "B", "--shop", "284", "--line", "A:1"), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "284", "--line", "A:0:1.00"), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "284", "--line", "A:-1:1.00"), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "284", "--line", "A:1:-1.00"), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "284", "--line", "A:1:0.001"), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "284", "--line", "A:1:1e99"), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "284", "--line", f"A:{'9' * 5000}:1.00"), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "main street", *LINE), 2),
            (("DEMOMONEY1", "--bill", "", "--shop", "284", *LINE), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "284"), 2),
            (("DEMOMONEY1", "DEMOMONEY2", "--amount", "3", *BILL), 2),
            (("DEMOMONEY1", "--amount", "-3", *BILL), 2),
            (("DEMOMONEY1", "demo-money-1", *BILL), 2),
            (("DEMOMONEY1", "--bill", "B", "--shop", "999", *LINE), 3),
            (("DEMOMONEY1", *BILL, "--member", "999"), 3),
            (("DEMOMONEY1", *BILL, "--cashier", "999"), 3),
            (("NEVERMADE", *BILL), 3),
        ],
        ids=str,
    )
    def test_a_bad_call_is_told_from_an_unknown_thing(
        self, hexiao: Type, wrong: tuple[str, ...], exit_code: int
    ) -> None:
        typed = hexiao("redeem", *wrong)
        assert typed.code == exit_code
        assert typed.err
        assert "Traceback" not in typed.err


class TestRedemptions:
    def test_a_hold_is_captured_in_part(self, redeem: Redeem, hexiao: Type) -> None:
        held = redeem("DEMOMONEY1", "--hold")
        (done,) = hexiao("redemptions", "capture", held["id"], "--amount", "4", "--json").json["redemptions"]
        assert (done["state"], done["amount_fen"]) == ("captured", 400)

    def test_a_hold_is_released_once(self, redeem: Redeem, hexiao: Type) -> None:
        held = redeem("DEMOMONEY1", "--hold")
        assert hexiao("redemptions", "release", held["id"]).code == 0
        again = hexiao("redemptions", "release", held["id"], "--json")
        assert (again.code, again.json["code"]) == (1, "already_released")

    def test_a_capture_is_reversed_in_part_and_then_in_full(self, redeem: Redeem, hexiao: Type) -> None:
        done = redeem("DEMOMONEY1")
        (part,) = hexiao("redemptions", "reverse", done["id"], "--amount", "3.50", "--json").json["redemptions"]
        assert (part["state"], part["amount_fen"]) == ("captured", 650)
        (rest,) = hexiao("redemptions", "reverse", done["id"], "--reason", "退货", "--json").json["redemptions"]
        assert rest["state"] == "reversed"
        assert hexiao("verify").code == 0

    def test_too_much_is_refused_with_the_numbers(self, redeem: Redeem, hexiao: Type) -> None:
        typed = hexiao("redemptions", "reverse", redeem("DEMOMONEY1")["id"], "--amount", "10.01", "--json")
        assert (typed.code, typed.json["code"]) == (1, "reverse_too_large")
        assert typed.json["facts"]["needed_fen"] == 1000

    @pytest.mark.parametrize("move", ["show", "capture", "release", "reverse"])
    def test_an_unknown_redemption_is_unknown(self, hexiao: Type, move: str) -> None:
        assert hexiao("redemptions", move, "1").code == 3
        assert hexiao("redemptions", move, "one").code == 2

    def test_one_is_shown_with_its_names(self, hexiao: Type) -> None:
        (row,) = hexiao("redemptions", "list", "--bill", "M0033202311180001", "--json").json["redemptions"]
        shown = hexiao("redemptions", "show", row["id"], "--json").json
        assert (shown["shop_name"], shown["cashier_name"], shown["member_name"]) == ("001门店", "收银员01", "会员001")
        assert "收银员01" in hexiao("redemptions", "show", row["id"]).out


class TestList:
    @pytest.mark.parametrize(
        "filters",
        [
            ("--shop", "1333333333"),
            ("--bill", "M0033202311180001"),
            ("--code", "001"),
            ("--member", "1333333333"),
            ("--card", "1"),
            ("--scheme", "001"),
            ("--kind", "money_off", "--shop", "1333333333"),
            ("--to", "2023-11-18"),
            ("--from", "2023-11-18 16:06:44", "--to", "2023-11-18 16:06:44"),
            ("--from", "2023-11-18T08:06:44+00:00", "--to", "2023-11-18"),
            ("--from", "0001-01-01", "--to", "9999-12-31"),
            ("--changed-from", "2023-11-18", "--changed-to", "2023-11-18"),
            ("--state", "captured,reversed", "--scheme", "001"),
        ],
        ids=str,
    )
    def test_each_filter_finds_the_printed_row(self, hexiao: Type, filters: tuple[str, ...]) -> None:
        rows = hexiao("redemptions", "list", *filters, "--limit", "2000", "--json").json["redemptions"]
        assert "M0033202311180001" in [row["bill_number"] for row in rows]

    @pytest.mark.parametrize(
        "filters",
        [
            ("--shop", "283"),
            ("--bill", "M9"),
            ("--code", "DEMOMONEY1"),
            ("--card", "2"),
            ("--kind", "balance"),
            ("--from", "2023-11-19"),
            ("--to", "2023-11-17"),
            ("--to", "2023-11-18 16:06:43"),
            ("--state", "held"),
        ],
        ids=str,
    )
    def test_each_filter_leaves_the_printed_row_out(self, hexiao: Type, filters: tuple[str, ...]) -> None:
        rows = hexiao("redemptions", "list", *filters, "--limit", "2000", "--json").json["redemptions"]
        assert "M0033202311180001" not in [row["bill_number"] for row in rows]

    @pytest.mark.parametrize(
        "wrong", [("--state", "lost"), ("--kind", "x"), ("--from", "soon"), ("--shop", "x"), ("--limit", "0")]
    )
    def test_a_filter_that_says_nothing_is_wrong_usage(self, hexiao: Type, wrong: tuple[str, str]) -> None:
        assert hexiao("redemptions", "list", *wrong).code == 2

    def test_pages_follow_each_other(self, hexiao: Type) -> None:
        whole = hexiao("redemptions", "list", "--shop", "1333333333", "--json").json["redemptions"]
        first = hexiao("redemptions", "list", "--shop", "1333333333", "--limit", "20", "--json").json
        cursor = first["next_cursor"]
        rest = hexiao("redemptions", "list", "--shop", "1333333333", "--cursor", cursor, "--json").json
        assert first["redemptions"] + rest["redemptions"] == whole
        assert len(whole) == 30
