"""POST and GET /v1/redemptions: the main job, from hold to reversal, and every way to be refused."""

from __future__ import annotations

import pytest

CASHIER, MEMBER = "1333222", "100001138"


def test_redeem_takes_the_coupon_and_splits_the_discount_over_the_lines(api, bill):
    code = api.code()
    answer = api.post("/v1/redemptions", {"mode": "redeem", "coupons": [{"code": code}], "bill": bill("M1", cashier_id=CASHIER)})
    assert answer.status_code == 201
    (redemption,) = answer.json["redemptions"]
    assert redemption["state"] == "captured"
    assert redemption["code"] == code
    assert redemption["amount_fen"] == 500
    assert redemption["lines"] == [250, 250]
    assert redemption["allowed"] == ["reverse"]
    assert redemption["held_until_at"] is None
    assert (redemption["bill_number"], redemption["shop_id"], redemption["cashier_id"]) == ("M1", "1333333333", CASHIER)
    assert redemption["captured_at"] == "2025-11-22T04:00:00.000Z"
    assert redemption["id"].isdigit() and isinstance(redemption["id"], str)
    assert (redemption["coupon_left_fen"], redemption["coupon_left_uses"]) == (0, 0)
