"""/v1/assessments: everything a till wants to know before it asks for money off. Changes nothing."""

from __future__ import annotations

from web.conftest import Api, MakeBill


def test_one_code_shows_the_coupon_every_verdict_and_the_discount_by_line(api: Api, bill: MakeBill) -> None:
    code = api.code()
    answer = api.post("/v1/assessments", {"code": code, "bill": bill()}, key=None)
    assert answer.status_code == 200
    assert (answer.json["ok"], answer.json["amount_fen"]) == (True, 500)
    assert answer.json["allowed"] == ["hold", "redeem"]
    (one,) = answer.json["assessments"]
    assert one["coupon"]["code"] == code and one["coupon"]["face"] == "usable"
    assert one["coupon"]["scheme"]["benefit"] == {"kind": "money_off", "amount_fen": 500}
    assert one["lines"] == [250, 250]
    assert all(verdict["ok"] for verdict in one["verdicts"])
    assert all(verdict["zh"] and verdict["en"] for verdict in one["verdicts"])


def test_what_cannot_be_used_is_200_with_every_failure_and_nothing_allowed(api: Api, bill: MakeBill) -> None:
    code = api.code(minimum_spend_fen=900_000, scene="online")
    answer = api.post("/v1/assessments", {"coupons": [{"code": code}], "bill": bill()}, key=None)
    assert answer.status_code == 200
    assert (answer.json["ok"], answer.json["allowed"], answer.json["amount_fen"]) == (False, [], 0)
    failed = [verdict["code"] for verdict in answer.json["assessments"][0]["verdicts"] if not verdict["ok"]]
    assert failed == ["wrong_scene", "below_minimum_spend"]


def test_several_coupons_are_judged_one_after_the_other(api: Api, bill: MakeBill) -> None:
    scheme = api.scheme({"kind": "money_off", "amount_fen": 3000}, shareable=True)
    codes = [api.ok("/v1/coupons", {"scheme_id": scheme["id"]})["code"] for _ in range(2)]
    answer = api.post("/v1/assessments", {"coupons": [{"code": code} for code in codes], "bill": bill()}, key=None)
    assert [one["amount_fen"] for one in answer.json["assessments"]] == [3000, 2000]
    assert answer.json["amount_fen"] == 5000


def test_it_changes_nothing_and_agrees_with_the_redemption(api: Api, bill: MakeBill) -> None:
    code = api.code()
    asked = {"code": code, "bill": bill()}
    before = api.post("/v1/assessments", asked, key=None).json
    assert api.post("/v1/assessments", asked, key=None).json == before
    (taken,) = api.redeem(code, bill()).json["redemptions"]
    assert taken["lines"] == before["assessments"][0]["lines"]
    after = api.post("/v1/assessments", {"code": code, "bill": bill("M2")}, key=None).json["assessments"][0]["coupon"]
    assert after["face"] == "used"
    assert (after["last_use"]["redemption_id"], after["last_use"]["bill_number"]) == (taken["id"], "M1")


def test_code_or_coupons_but_not_both_and_not_neither(api: Api, bill: MakeBill) -> None:
    code = api.code()
    for body in ({"bill": bill()}, {"code": code, "coupons": [{"code": code}], "bill": bill()}):
        answer = api.post("/v1/assessments", body, key=None)
        assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")


def test_an_unknown_code_is_404_and_an_unknown_shop_422(api: Api, bill: MakeBill) -> None:
    answer = api.post("/v1/assessments", {"code": "NOSUCH", "bill": bill()}, key=None)
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_coupon")
    answer = api.post("/v1/assessments", {"code": "NOSUCH", "bill": bill(shop_id="5")}, key=None)
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_shop")


def test_the_mobile_number_is_masked_for_everybody_but_admin(api: Api, bill: MakeBill) -> None:
    scheme = api.scheme(holder="member")
    code = api.ok("/v1/coupons", {"scheme_id": scheme["id"], "member_id": api.MEMBER})["code"]
    seen = {
        role: api.post("/v1/assessments", {"code": code, "bill": bill()}, key=None, role=role).json
        for role in api.KEYS
    }  # fmt: skip
    mobiles = {role.value: one["assessments"][0]["coupon"]["member"]["mobile"] for role, one in seen.items()}
    assert mobiles == {"admin": "13222113311", "till": "132****3311", "read": "132****3311"}
