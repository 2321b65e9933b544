"""/v1/coupons: issue, import, look up, list, void."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Clock
from web.conftest import Api, MakeBill

DAY = 86_400


def test_issue_makes_one_coupon_with_an_unguessable_code(api: Api) -> None:
    scheme = api.scheme()
    answer = api.post("/v1/coupons", {"scheme_id": scheme["id"], "member_id": api.MEMBER, "channel": "gift"})
    assert answer.status_code == 201
    coupon = answer.json
    assert len(coupon["code"]) == 20 and coupon["code"].isdigit()
    assert (coupon["face"], coupon["face_fen"], coupon["left_fen"], coupon["left_uses"]) == ("usable", 500, 500, 1)
    assert (coupon["scheme_id"], coupon["scheme_version"]) == (scheme["id"], 1)
    assert (coupon["member_id"], coupon["channel"]) == (api.MEMBER, "gift")
    assert coupon["valid_from_at"] == "2025-11-21T16:00:00.000Z"
    assert coupon["valid_until_at"] == "2025-12-21T16:00:00.000Z"


def test_a_batch_issues_many_or_none(api: Api) -> None:
    scheme = api.scheme(total=5)
    made = api.ok("/v1/coupons/batch", {"scheme_id": scheme["id"], "quantity": 4})["coupons"]
    assert len({coupon["code"] for coupon in made}) == 4
    answer = api.post("/v1/coupons/batch", {"scheme_id": scheme["id"], "quantity": 2})
    assert (answer.status_code, answer.json["code"]) == (409, "stock_exhausted")
    assert api.get(f"/v1/schemes/{scheme['id']}").json["count"]["issued"] == 4


@pytest.mark.parametrize("quantity", [0, -1, 1001, 10**30, 1.5, "5", None])
def test_a_batch_is_bounded(api: Api, quantity: object) -> None:
    answer = api.post("/v1/coupons/batch", {"scheme_id": api.scheme()["id"], "quantity": quantity})
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")


def test_import_keeps_codes_ids_and_the_day_of_receipt(api: Api) -> None:
    scheme = api.scheme({"kind": "balance", "amount_fen": 1000})
    given = {
        "code": "2019 1031-9661 7689 9187", "id": "4242", "record_id": "4343", "member_id": api.MEMBER,
        "received_at": "2025-11-20T09:30:00+08:00", "face_fen": 300, "channel": "card",
    }  # fmt: skip
    (coupon,) = api.ok("/v1/coupons/import", {"scheme_id": scheme["id"], "coupons": [given]})["coupons"]
    assert (coupon["code"], coupon["id"], coupon["record_id"]) == ("20191031966176899187", "4242", "4343")
    assert (coupon["face_fen"], coupon["channel"]) == (300, "card")
    assert coupon["issued_at"] == "2025-11-20T01:30:00.000Z"
    assert coupon["valid_until_at"] == "2025-12-19T16:00:00.000Z"
    answer = api.post("/v1/coupons/import", {"scheme_id": scheme["id"], "coupons": [{"code": "new"}, given]})
    assert (answer.status_code, answer.json["code"]) == (409, "code_taken")
    assert api.get("/v1/coupons/NEW").status_code == 404  # all or none


@pytest.mark.parametrize(
    "coupon",
    [
        {"code": ""},
        {"code": " - "},
        {"code": "1" * 65},
        {"code": "A1", "received_at": "2025-11-20"},
        {"code": "A1", "received_at": "0001-01-01T00:00:00Z"},
        {"code": "A1", "received_at": 1763600000},
        {"code": "A1", "face_fen": 0},
        {"code": "A1", "id": "9223372036854775808"},
        {"code": "A1", "channel": "theft"},
    ],
)
def test_an_import_that_is_malformed_is_refused(api: Api, coupon: dict[str, Any]) -> None:
    answer = api.post("/v1/coupons/import", {"scheme_id": api.scheme()["id"], "coupons": [coupon]})
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")
    assert "coupons[0]" in answer.json["en"]


def test_get_tries_the_code_first_and_then_the_id(api: Api) -> None:
    scheme = api.scheme()
    first = api.ok("/v1/coupons", {"scheme_id": scheme["id"]})
    assert api.get(f"/v1/coupons/{first['id']}").json["code"] == first["code"]
    api.ok("/v1/coupons/import", {"scheme_id": scheme["id"], "coupons": [{"code": first["id"]}]})
    by_code = api.get(f"/v1/coupons/{first['id']}").json
    assert by_code["code"] == first["id"] and by_code["id"] != first["id"]
    assert by_code["scheme"]["number"] == scheme["number"]


def test_get_takes_any_dress_of_the_code(api: Api) -> None:
    code = api.code()
    assert api.get(f"/v1/coupons/%20{code[:8]}-{code[8:]}").json["code"] == code
    wide = "".join(f"%EF%BC%{0x90 + int(digit):X}" for digit in code)
    assert api.get(f"/v1/coupons/{wide}").json["code"] == code


@pytest.mark.parametrize("code", ["NOSUCH", "77", "-", "%00", "%FF%FE", "9" * 30, "x" * 3000])
def test_a_coupon_that_is_not_there_is_404(api: Api, code: str) -> None:
    for answer in (api.get(f"/v1/coupons/{code}"), api.post(f"/v1/coupons/{code}/void", {})):
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_coupon")


def test_its_face_follows_its_life(api: Api, bill: MakeBill, clock: Clock) -> None:
    def face(code: str) -> str:
        return str(api.get(f"/v1/coupons/{code}").json["face"])

    code, other = api.code(), api.code(validity={"type": "from_next_day", "days": 1})
    assert (face(code), face(other)) == ("usable", "pending")
    (held,) = api.redeem(code, bill(), "hold").json["redemptions"]
    assert face(code) == "held"
    api.ok(f"/v1/redemptions/{held['id']}/capture")
    assert face(code) == "used"
    clock.forward(2 * DAY)
    assert face(other) == "expired"
    api.ok(f"/v1/coupons/{other}/void")
    assert face(other) == "voided"


def test_void_works_by_code_or_id_once_and_not_while_held(api: Api, bill: MakeBill) -> None:
    code = api.code()
    (held,) = api.redeem(code, bill(), "hold").json["redemptions"]
    answer = api.post(f"/v1/coupons/{code}/void", {"reason": "遗失"})
    assert (answer.status_code, answer.json["code"]) == (409, "coupon_in_use")
    api.ok(f"/v1/redemptions/{held['id']}/release")
    coupon_id = api.get(f"/v1/coupons/{code}").json["id"]
    voided = api.post(f"/v1/coupons/{coupon_id}/void", {"reason": "遗失"})
    assert (voided.status_code, voided.json["face"]) == (200, "voided")
    answer = api.post(f"/v1/coupons/{code}/void")
    assert (answer.status_code, answer.json["code"]) == (409, "coupon_voided")


def test_the_list_is_narrowed_by_scheme_and_member(api: Api) -> None:
    scheme = api.scheme()
    api.code()
    mine = api.ok("/v1/coupons", {"scheme_id": scheme["id"], "member_id": api.MEMBER})
    bearer = api.ok("/v1/coupons", {"scheme_id": scheme["id"]})
    listed = api.get("/v1/coupons", query={"scheme_id": scheme["id"]}).json["coupons"]
    assert [coupon["id"] for coupon in listed] == [bearer["id"], mine["id"]]
    assert listed[1] == mine
    listed = api.get("/v1/coupons", query={"member_id": api.MEMBER}).json["coupons"]
    assert [coupon["id"] for coupon in listed] == [mine["id"]]


def test_an_unknown_scheme_or_member_in_the_body_is_422(api: Api) -> None:
    answer = api.post("/v1/coupons", {"scheme_id": "77"})
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_scheme")
    answer = api.post("/v1/coupons", {"scheme_id": api.scheme()["id"], "member_id": "77"})
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_member")


def test_a_path_that_is_longer_than_anybody_types_names_no_coupon(api: Api) -> None:
    code = api.code()
    assert api.get(f"/v1/coupons/{code.ljust(200, '-')}").json["code"] == code
    for answer in (
        api.get(f"/v1/coupons/{code.ljust(201, '-')}"),
        api.post(f"/v1/coupons/{code.ljust(201, '-')}/void", {}),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_coupon")
