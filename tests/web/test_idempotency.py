"""Idempotency-Key: needed for every change, the same bytes again for a replay, 422 for another content."""

from __future__ import annotations

from typing import Any

import falcon.testing
import pytest

from conftest import Clock
from hexiao.domain.party import Role
from hexiao.web import examples
from hexiao.web.api import OPERATIONS
from hexiao.web.operation import Operation
from web.conftest import Api, MakeBill

CHANGING = [one for one in OPERATIONS if one.changes]


def body_of(operation: Operation) -> dict[str, Any]:
    return examples.REQUESTS[operation.method, operation.path]


@pytest.mark.parametrize("operation", CHANGING, ids=lambda one: one.path)
def test_every_change_needs_a_key(api: Api, operation: Operation) -> None:
    answer = api.post(operation.path.replace("{", "").replace("}", ""), body_of(operation), key=None)
    assert (answer.status_code, answer.json["code"]) == (400, "request_id_missing")


@pytest.mark.parametrize("key", ["with space", "tab\there", "caf\xe9", "x" * 256])
def test_a_key_is_visible_ascii_of_at_most_255(api: Api, key: str) -> None:
    answer = api.post("/v1/shops", {"number": "1", "name": "a"}, key=key)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")
    assert "Idempotency-Key" in answer.json["en"]


def test_a_key_may_have_a_comma(api: Api) -> None:
    assert api.post("/v1/shops", {"number": "009", "name": "a"}, key="a,b").status_code == 201


def test_a_key_of_255_characters_is_taken(api: Api) -> None:
    assert api.post("/v1/shops", {"number": "1", "name": "a"}, key="~" * 255).status_code == 201


def replayed(api: Api, path: str, body: object, key: str, clock: Clock, **options: Any) -> falcon.testing.Result:
    """Ask twice, with an hour between: the second answer must be the first, byte for byte."""
    first = api.post(path, body, key=key, **options)
    assert "idempotent-replay" not in first.headers
    clock.forward(3600)
    again = api.post(path, body, key=key, **options)
    assert again.headers["idempotent-replay"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    return first


def test_a_replay_of_each_success_is_the_same_to_the_byte(api: Api, bill: MakeBill, clock: Clock) -> None:
    schemes = {"benefit": {"kind": "balance", "amount_fen": 3000}, "number": "N1", "name": "n"}
    schemes["terms"] = {"validity": {"type": "from_receipt", "days": 1}, "hold_seconds": 86_400}
    scheme = replayed(api, "/v1/schemes", schemes, "k1", clock).json["id"]
    coupon = replayed(api, "/v1/coupons", {"scheme_id": scheme}, "k2", clock).json
    replayed(api, "/v1/coupons/batch", {"scheme_id": scheme, "quantity": 2}, "k3", clock)
    replayed(api, "/v1/coupons/import", {"scheme_id": scheme, "coupons": [{"code": "A1"}]}, "k4", clock)
    hold = {"mode": "hold", "coupons": [{"code": coupon["code"]}], "bill": bill()}
    (held,) = replayed(api, "/v1/redemptions", hold, "k5", clock).json["redemptions"]
    path = f"/v1/redemptions/{held['id']}"
    replayed(api, f"{path}/capture", {"amount_fen": 700}, "k6", clock)
    replayed(api, f"{path}/reverse", {"amount_fen": 100}, "k7", clock)
    hold = {"mode": "hold", "coupons": [{"code": "A1"}], "bill": bill("M9")}
    (held,) = replayed(api, "/v1/redemptions", hold, "k8", clock).json["redemptions"]
    replayed(api, f"/v1/redemptions/{held['id']}/release", None, "k9", clock)
    replayed(api, "/v1/coupons/A1/void", {}, "k10", clock)
    replayed(api, f"/v1/schemes/{scheme}/versions", {"name": "m"}, "k11", clock)
    replayed(api, f"/v1/schemes/{scheme}/pause", None, "k12", clock)
    replayed(api, f"/v1/schemes/{scheme}/resume", None, "k13", clock)
    for noun in ("members", "shops", "cashiers", "goods"):
        replayed(api, f"/v1/{noun}", body_of(next(o for o in CHANGING if o.path == f"/v1/{noun}")), noun, clock)


def test_a_coupon_that_expired_since_is_replayed_as_it_was_issued(api: Api, clock: Clock) -> None:
    scheme = api.scheme(validity={"type": "from_receipt", "days": 1})
    first = api.post("/v1/coupons", {"scheme_id": scheme["id"]}, key="old")
    clock.forward(3 * 86_400)
    again = api.post("/v1/coupons", {"scheme_id": scheme["id"]}, key="old")
    assert again.content == first.content
    assert api.get(f"/v1/coupons/{first.json['code']}").json["face"] == "expired"


def test_a_replay_of_a_refusal_is_the_same_to_the_byte_even_when_it_would_succeed_now(
    api: Api, bill: MakeBill, clock: Clock
) -> None:
    code = api.code(validity={"type": "from_next_day", "days": 30})
    body = {"mode": "redeem", "coupons": [{"code": code}], "bill": bill()}
    first = replayed(api, "/v1/redemptions", body, "early", clock)
    assert first.json["code"] == "not_yet_valid"
    clock.forward(86_400)
    assert api.post("/v1/redemptions", body, key="early").content == first.content
    assert api.post("/v1/redemptions", body, key="later").status_code == 201


def test_a_replay_of_a_refused_move_shows_the_redemption_as_it_was(api: Api, bill: MakeBill, clock: Clock) -> None:
    (taken,) = api.redeem(api.code(), bill()).json["redemptions"]
    path = f"/v1/redemptions/{taken['id']}"
    first = api.post(f"{path}/release", {}, key="r1")
    api.ok(f"{path}/reverse", {})
    again = api.post(f"{path}/release", {}, key="r1")
    assert again.content == first.content and again.json["redemption"]["state"] == "captured"


def test_the_same_key_with_another_content_is_422(api: Api, bill: MakeBill) -> None:
    code, other = api.code(), api.code()
    assert api.redeem(code, bill(), key="k").status_code == 201
    for answer in (
        api.redeem(other, bill(), key="k"),
        api.redeem(code, bill("M2"), key="k"),
        api.post("/v1/shops", {"number": "1", "name": "a"}, key="k"),
    ):
        assert (answer.status_code, answer.json["code"]) == (422, "request_id_reused")
        assert "idempotent-replay" not in answer.headers


def test_a_call_that_was_mended_may_keep_its_key(api: Api, bill: MakeBill) -> None:
    code = api.code()
    assert api.redeem("TYPO", bill(), key="k").status_code == 404
    assert api.redeem(code, bill(shop_id="77"), key="k").status_code == 422
    assert api.redeem(code, bill(), key="k").status_code == 201


def test_two_callers_may_use_the_same_key(api: Api, bill: MakeBill) -> None:
    first = api.redeem(api.code(), bill("M1"), key="k", role=Role.ADMIN)
    second = api.redeem(api.code(), bill("M2"), key="k", role=Role.TILL)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content != second.content
