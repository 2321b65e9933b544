"""/v1/redemptions: the main job from hold to reversal, every way to be refused, batches and lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conftest import Clock
from web.conftest import Api, MakeBill

DAY = 86_400


def test_redeem_takes_the_coupon_and_splits_the_discount_over_the_lines(api: Api, bill: MakeBill) -> None:
    code = api.code()
    answer = api.redeem(code, bill("M1", cashier_id=api.CASHIER))
    assert answer.status_code == 201
    (redemption,) = answer.json["redemptions"]
    assert redemption["state"] == "captured"
    assert redemption["code"] == code
    assert redemption["amount_fen"] == 500
    assert redemption["lines"] == [250, 250]
    assert redemption["allowed"] == ["reverse"]
    assert redemption["held_until_at"] is None
    assert (redemption["bill_number"], redemption["shop_id"]) == ("M1", api.SHOP)
    assert redemption["cashier_id"] == api.CASHIER
    assert redemption["captured_at"] == "2025-11-22T04:00:00.000Z"
    assert isinstance(redemption["id"], str) and redemption["id"].isdigit()
    assert (redemption["coupon_left_fen"], redemption["coupon_left_uses"]) == (0, 0)


def test_a_hold_is_captured_in_part_and_the_rest_goes_back(api: Api, bill: MakeBill) -> None:
    code = api.code({"kind": "balance", "amount_fen": 3000})
    (held,) = api.redeem(code, bill(), "hold").json["redemptions"]
    assert (held["state"], held["amount_fen"], held["allowed"]) == ("held", 3000, ["capture", "release"])
    assert held["held_until_at"] == "2025-11-22T04:15:00.000Z"
    captured = api.ok(f"/v1/redemptions/{held['id']}/capture", {"amount_fen": 1000, "cashier_id": api.CASHIER})
    assert (captured["state"], captured["amount_fen"], captured["coupon_left_fen"]) == ("captured", 1000, 2000)
    assert sum(captured["lines"]) == 1000


def test_a_release_needs_no_body_and_frees_the_coupon(api: Api, bill: MakeBill) -> None:
    code = api.code()
    (held,) = api.redeem(code, bill("M1"), "hold").json["redemptions"]
    released = api.post(f"/v1/redemptions/{held['id']}/release")
    assert released.status_code == 200
    assert (released.json["state"], released.json["allowed"], released.json["amount_fen"]) == ("released", [], 0)
    assert api.redeem(code, bill("M2")).status_code == 201


def test_a_reversal_may_be_partial_by_line_and_then_full(api: Api, bill: MakeBill) -> None:
    (taken,) = api.redeem(api.code(), bill()).json["redemptions"]
    path = f"/v1/redemptions/{taken['id']}/reverse"
    part = api.ok(path, {"lines": [100, 0], "reason": "退货"})
    assert (part["state"], part["amount_fen"], part["returned"]) == ("captured", 400, [100, 0])
    rest = api.ok(path, {})
    assert (rest["state"], rest["reversed_fen"], rest["allowed"]) == ("reversed", 500, [])
    again = api.post(path, {})
    assert (again.status_code, again.json["code"]) == (409, "already_reversed")
    assert again.json["redemption"]["state"] == "reversed"


def test_the_same_bill_gets_its_own_hold_back(api: Api, bill: MakeBill) -> None:
    code = api.code()
    first = api.redeem(code, bill(), "hold").json["redemptions"][0]
    assert api.redeem(code, bill(), "hold").json["redemptions"][0]["id"] == first["id"]
    elsewhere = api.redeem(code, bill("M2"), "hold")
    assert (elsewhere.status_code, elsewhere.json["code"]) == (409, "held_elsewhere")
    assert elsewhere.json["facts"]["held_until_at"] == "2025-11-22T04:15:00.000Z"


def test_a_refusal_is_409_with_every_verdict_of_every_coupon(api: Api, bill: MakeBill) -> None:
    spent, poor = api.code(), api.code(minimum_spend_fen=900_000)
    assert api.redeem(spent, bill("M0")).status_code == 201
    coupons = [{"code": spent}, {"code": poor}]
    answer = api.post("/v1/redemptions", {"mode": "redeem", "coupons": coupons, "bill": bill()})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["code"] == "coupon_used_up" and problem["status"] == 409
    assert problem["zh"] and problem["en"] and problem["detail"] and problem["title"]
    assert {verdict["coupon"] for verdict in problem["verdicts"]} == {spent, poor}
    assert all(set(v) == {"coupon", "code", "ok", "needed", "actual", "zh", "en"} for v in problem["verdicts"])
    failed = {(verdict["coupon"], verdict["code"]) for verdict in problem["verdicts"] if not verdict["ok"]}
    assert {(spent, "coupon_used_up"), (poor, "below_minimum_spend")} <= failed
    assert any(verdict["ok"] for verdict in problem["verdicts"])


def test_instants_in_verdicts_and_facts_are_iso(api: Api, bill: MakeBill, clock: Clock) -> None:
    code = api.code()
    clock.forward(31 * DAY)
    problem = api.redeem(code, bill()).json
    assert problem["code"] == "coupon_expired"
    assert problem["facts"]["valid_until_at"] == "2025-12-21T16:00:00.000Z"
    (verdict,) = [v for v in problem["verdicts"] if not v["ok"]]
    assert (verdict["needed"], verdict["actual"]) == ("2025-12-21T16:00:00.000Z", "2025-12-23T04:00:00.000Z")
    assert "2025-12-22 00:00:00" in problem["zh"]  # local time for people


def test_what_the_body_names_and_is_not_there_is_422_but_an_unknown_code_404(api: Api, bill: MakeBill) -> None:
    code = api.code()
    unknown = {
        "unknown_shop": bill(shop_id="77"),
        "unknown_cashier": bill(cashier_id="77"),
        "unknown_member": bill(member_id="77"),
    }
    for expected, wrong in unknown.items():
        answer = api.redeem(code, wrong)
        assert (answer.status_code, answer.json["code"]) == (422, expected)
    answer = api.redeem("NOSUCHCODE", bill())
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_coupon")
    assert api.redeem(code, bill()).status_code == 201  # nothing was half-written


@pytest.mark.parametrize(
    "dress",
    [
        lambda code: f" {code[:4]} {code[4:]}",
        lambda code: "-".join(code[i : i + 4] for i in range(0, 20, 4)),
        lambda code: code.translate({ord(d): ord(d) + 0xFEE0 for d in "0123456789"}),
        lambda code: code + "\r\n",
    ],
    ids=["spaces", "hyphens", "full-width", "scanner suffix"],
)
def test_a_code_is_normalised_then_looked_up(api: Api, bill: MakeBill, dress: Callable[[str], str]) -> None:
    code = api.code()
    assert api.redeem(dress(code), bill()).json["redemptions"][0]["code"] == code


def test_a_lower_case_code_is_found(api: Api, bill: MakeBill) -> None:
    scheme = api.scheme()
    api.ok("/v1/coupons/import", {"scheme_id": scheme["id"], "coupons": [{"code": "abc-１23"}]})
    assert api.redeem("aBc123", bill()).json["redemptions"][0]["code"] == "ABC123"


def test_the_same_coupon_twice_on_one_bill_is_refused_also_in_another_dress(api: Api, bill: MakeBill) -> None:
    code = api.code()
    coupons = [{"code": code}, {"code": f"{code[:5]} {code[5:]}"}]
    answer = api.post("/v1/redemptions", {"mode": "redeem", "coupons": coupons, "bill": bill()})
    assert (answer.status_code, answer.json["code"]) == (422, "duplicate_coupon")


def test_a_moved_redemption_is_refused_with_its_state(api: Api, bill: MakeBill) -> None:
    (taken,) = api.redeem(api.code(), bill()).json["redemptions"]
    answer = api.post(f"/v1/redemptions/{taken['id']}/release", {})
    assert (answer.status_code, answer.json["code"]) == (409, "already_captured")
    assert answer.json["redemption"]["id"] == taken["id"]
    assert answer.json["redemption"]["allowed"] == ["reverse"]


@pytest.mark.parametrize("redemption_id", ["77", "abc", "0", "-1", "99999999999999999999", "1.0"])
def test_a_redemption_that_is_not_there_is_404(api: Api, redemption_id: str) -> None:
    for answer in (
        api.get(f"/v1/redemptions/{redemption_id}"),
        api.post(f"/v1/redemptions/{redemption_id}/capture", {}),
        api.post(f"/v1/redemptions/{redemption_id}/release", {}),
        api.post(f"/v1/redemptions/{redemption_id}/reverse", {}),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_redemption")
        assert answer.json["facts"]["redemption_id"] == redemption_id


def test_a_cashier_may_help_out_in_another_shop(api: Api, bill: MakeBill) -> None:
    cashier = api.ok("/v1/cashiers", {"name": "借调", "shop_id": api.OTHER_SHOP})["id"]
    assert api.redeem(api.code(), bill(shop_id=api.SHOP, cashier_id=cashier)).status_code == 201


def test_a_hold_past_its_deadline_is_shown_as_lapsed_before_anybody_wrote_it_down(
    api: Api, bill: MakeBill, clock: Clock
) -> None:
    (held,) = api.redeem(api.code(), bill(), "hold").json["redemptions"]
    clock.forward(900)
    seen = api.get(f"/v1/redemptions/{held['id']}").json
    assert (seen["state"], seen["allowed"], seen["amount_fen"]) == ("lapsed", [], 0)
    answer = api.post(f"/v1/redemptions/{held['id']}/capture", {})
    assert (answer.status_code, answer.json["code"]) == (409, "hold_lapsed")


def test_the_list_takes_a_hold_past_its_deadline_for_lapsed_before_anybody_wrote_it_down(
    api: Api, bill: MakeBill, clock: Clock
) -> None:
    (held,) = api.redeem(api.code(), bill(), "hold").json["redemptions"]

    def found(state: str) -> list[tuple[str, str]]:
        listed = api.get("/v1/redemptions", query={"state": state}).json["redemptions"]
        return [(one["id"], one["state"]) for one in listed]

    clock.forward(899)
    assert (found("held"), found("lapsed")) == ([(held["id"], "held")], [])
    clock.forward(1)
    assert (found("held"), found("lapsed")) == ([], [(held["id"], "lapsed")])
    assert found("held,lapsed") == [(held["id"], "lapsed")]


def test_get_shows_the_names_beside_it(api: Api, bill: MakeBill) -> None:
    (taken,) = api.redeem(api.code(), bill(cashier_id=api.CASHIER, member_id=api.MEMBER)).json["redemptions"]
    seen = api.get(f"/v1/redemptions/{taken['id']}").json
    assert {name: seen[name] for name in taken} == taken
    assert (seen["shop_name"], seen["shop_number"]) == ("001门店", "001")
    assert (seen["cashier_name"], seen["member_name"]) == ("收银员01", "会员001")


def test_a_batch_has_an_outcome_for_each_item(api: Api, bill: MakeBill) -> None:
    good, spent = api.code(), api.code()
    api.redeem(spent, bill("M0"))
    items = [
        {"mode": "redeem", "coupons": [{"code": good}], "bill": bill("B1")},
        {"mode": "redeem", "coupons": [{"code": spent}], "bill": bill("B2")},
        {"mode": "hold", "coupons": [{"code": "NOSUCH"}], "bill": bill("B3")},
        {"mode": "hold", "coupons": [{"code": good}], "bill": bill("B4", shop_id="77")},
        {"mode": "redeem", "coupons": [{"code": good}], "bill": bill("B5")},
    ]
    answer = api.post("/v1/redemptions/batch", {"items": items}, key="batch-1")
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [one["status"] for one in results] == [201, 409, 404, 422, 409]
    assert results[0]["redemptions"][0]["code"] == good and "problem" not in results[0]
    assert [one["problem"]["code"] for one in results[1:]] == [
        "coupon_used_up", "unknown_coupon", "unknown_shop", "coupon_used_up",
    ]  # fmt: skip
    assert results[1]["problem"]["verdicts"] and "redemptions" not in results[1]
    again = api.post("/v1/redemptions/batch", {"items": items}, key="batch-1")
    assert again.content == answer.content and again.headers["idempotent-replay"] == "true"


def test_a_batch_is_bounded_and_one_malformed_item_refuses_it_whole(api: Api, bill: MakeBill) -> None:
    code = api.code()
    item: dict[str, Any] = {"mode": "redeem", "coupons": [{"code": code}], "bill": bill()}
    small = {**item, "bill": {**bill(), "lines": [{"sku": "1", "quantity": 1, "unit_price_fen": 1}]}}
    many = {**small, "coupons": [{"code": f"NONE{place}"} for place in range(20)]}
    for items in ([], [small] * 1001, [many] * 100 + [small], [item, {**item, "mode": "steal"}]):
        answer = api.post("/v1/redemptions/batch", {"items": items})
        assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")
    assert api.post("/v1/redemptions/batch", {"items": [many] * 100}).status_code == 200
    assert api.redeem(code, bill()).status_code == 201


class TestList:
    @pytest.fixture
    def history(self, api: Api, bill: MakeBill, clock: Clock) -> list[dict[str, Any]]:
        """Five redemptions, a minute apart: R1 … R4 captured, R5 held in the other shop."""
        made = []
        for number in range(1, 5):
            other = {"member_id": api.MEMBER} if number == 2 else {}
            made += api.redeem(api.code(), bill(f"R{number}", **other)).json["redemptions"]
            clock.forward(60)
        rate = api.code({"kind": "rate_off", "off_bp": 1000})
        made += api.redeem(rate, bill("R5", shop_id=api.OTHER_SHOP), "hold").json["redemptions"]
        api.ok(f"/v1/redemptions/{made[0]['id']}/reverse", {})
        return made

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, "R5 R4 R3 R2 R1"),
            ({"shop_id": "1333333334"}, "R5"),
            ({"bill_number": "R3"}, "R3"),
            ({"member_id": "100001138"}, "R2"),
            ({"member_card_id": "88001"}, "R2"),
            ({"member_card_id": "nobody"}, ""),
            ({"kind": "rate_off"}, "R5"),
            ({"kind": "balance"}, ""),
            ({"state": "held"}, "R5"),
            ({"state": "held,reversed"}, "R5 R1"),
            ({"created_from": "2025-11-22T04:01:00Z", "created_until": "2025-11-22T12:03:00+08:00"}, "R3 R2"),
            ({"changed_from": "2025-11-22T04:04:00Z"}, "R5 R1"),
            ({"changed_until": "2025-11-22T04:02:00Z"}, "R2"),
            ({"shop_id": "1333333333", "state": "captured", "limit": "2"}, "R4 R3"),
        ],
    )
    def test_every_filter_narrows_it(
        self, api: Api, history: list[dict[str, Any]], query: dict[str, str], expected: str
    ) -> None:
        answer = api.get("/v1/redemptions", query=query)
        assert answer.status_code == 200, answer.text
        assert [row["bill_number"] for row in answer.json["redemptions"]] == expected.split()

    def test_by_code_in_any_dress_and_by_scheme_number(self, api: Api, history: list[dict[str, Any]]) -> None:
        third = history[2]
        by_code = api.get("/v1/redemptions", query={"code": f"{third['code'][:4]} {third['code'][4:]}"})
        by_scheme = api.get("/v1/redemptions", query={"scheme_number": third["scheme_number"]})
        assert [row["id"] for row in by_code.json["redemptions"]] == [third["id"]]
        assert [row["id"] for row in by_scheme.json["redemptions"]] == [third["id"]]
