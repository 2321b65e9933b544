"""docs/build/worked-day.md, followed request by request against a running server."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from journeys.doors import Doors
from journeys.exchanges import Exchange, exchanges, fill, match
from journeys.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "build" / "worked-day.md")
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
def known(doors: Doors) -> dict[str, Any]:
    """The values that the answers gave, after every request of the page was answered as the page says."""
    known: dict[str, Any] = {}
    for exchange in exchanges(PAGE):
        follow(doors, exchange, known)
    return known


def follow(doors: Doors, exchange: Exchange, known: dict[str, Any]) -> None:
    answer = doors.send(fill(exchange.request, known))
    assert answer.status_code == exchange.status, (exchange.place, answer.text)
    match(exchange.answer, answer.json(), known, exchange.place)
    for name, value in exchange.headers.items():
        assert answer.headers[name] == value, exchange.place
    assert ("Idempotent-Replay" in answer.headers) == ("Idempotent-Replay" in exchange.headers), exchange.place


def test_every_answer_is_as_the_page_says(known: dict[str, Any]) -> None:
    assert {"scheme_id", "code", "redemption_id", "create_time", "write_off_time", "reversed_at"} <= known.keys()


def test_the_times_of_the_doors_are_the_same_times(known: dict[str, Any]) -> None:
    def local(at: str) -> str:
        return datetime.fromisoformat(at).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")

    assert known["create_time"] == local(known["held_at"])
    assert known["write_off_time"] == local(known["captured_at"])


def test_the_coupon_is_valid_for_30_days_and_the_hold_for_15_minutes(known: dict[str, Any]) -> None:
    moment = {name: datetime.fromisoformat(at) for name, at in known.items() if name.endswith("_at")}
    assert moment["valid_from_at"].astimezone(SHANGHAI).hour == 0
    assert moment["valid_until_at"] - moment["valid_from_at"] == timedelta(days=30)
    assert moment["held_until_at"] - moment["held_at"] == timedelta(minutes=15)


def test_the_table_of_the_day_is_what_the_doors_say_at_each_step(doors: Doors, known: dict[str, Any]) -> None:
    """A second coupon goes the same way, and is reversed in full at last."""
    coupon = doors.api(
        "POST", "/v1/coupons", {"scheme_id": known["scheme_id"], "member_id": "1333333333"},
        key="again-issue", bearer="demo-admin-key",
    )  # fmt: skip
    bill = {
        "number": "M0002-0002", "shop_id": "284", "cashier_id": "1333223", "member_id": "1333333333",
        "lines": [
            {"sku": "12345687", "quantity": 1, "unit_price_fen": 4590},
            {"sku": "12345688", "quantity": 2, "unit_price_fen": 3990},
        ],
    }  # fmt: skip
    seen = [row_of("issue", doors, coupon["code"])]
    held = doors.api(
        "POST",
        "/v1/redemptions",
        {"mode": "hold", "coupons": [{"code": coupon["code"]}], "bill": bill},
        key="again-hold",
    )
    path = f"/v1/redemptions/{held['redemptions'][0]['id']}"
    seen.append(row_of("hold", doors, coupon["code"]))
    for name, move, body in (
        ("capture", "capture", {}),
        ("reverse in part", "reverse", {"lines": [0, 635]}),
        ("reverse in full", "reverse", {}),
    ):
        doors.api("POST", f"{path}/{move}", body, key=f"again {name}".replace(" ", "-"))
        seen.append(row_of(name, doors, coupon["code"]))
    assert seen == PAGE.table("after")


def row_of(step: str, doors: Doors, code: str) -> list[str]:
    """What the three doors say about the coupon now, as the table prints it."""
    ours = doors.api("GET", f"/v1/redemptions?code={code}")["redemptions"]
    rows = doors.kingdee(store_id="284", coupons_no=code)
    zvcms = doors.zvcms(code)
    state, off = (ours[0]["state"], f"{ours[0]['amount_fen'] / 100:.2f}") if ours else ("no redemption", "")
    stat, amount = (rows[0]["write_off_stat"], rows[0]["write_off_amt"]) if rows else ("no row", "")
    return [step, state, off, stat, amount, f"{zvcms['status']} / {zvcms['is_lock']}", zvcms["verifier_name"]]
