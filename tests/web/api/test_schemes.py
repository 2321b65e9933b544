"""/v1/schemes: create all five kinds, make versions, pause, resume, get, list."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Clock
from web.conftest import Api, MakeBill

KINDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "money_off", "amount_fen": 500}, {}),
    ({"kind": "rate_off", "off_bp": 1500, "cap_fen": 2000}, {}),
    ({"kind": "goods_off", "up_to_fen": None, "up_to_quantity": 1}, {"goods": {"mode": "listed", "values": ["6901"]}}),
    ({"kind": "balance", "amount_fen": 10_000}, {}),
    ({"kind": "rate_uses", "off_bp": 1000, "uses": 5, "cap_fen": None}, {}),
]

MONTH = {"validity": {"type": "from_receipt", "days": 30}}


@pytest.mark.parametrize(("benefit", "terms"), KINDS, ids=[benefit["kind"] for benefit, _ in KINDS])
def test_each_of_the_five_kinds_is_created_and_works(
    api: Api, bill: MakeBill, benefit: dict[str, Any], terms: dict[str, Any]
) -> None:
    scheme = api.scheme(benefit, **terms)
    assert scheme["kind"] == benefit["kind"] and scheme["benefit"] == benefit
    assert (scheme["version"], scheme["latest"], scheme["paused"]) == (1, 1, False)
    code = api.ok("/v1/coupons", {"scheme_id": scheme["id"]})["code"]
    (taken,) = api.redeem(code, bill()).json["redemptions"]
    assert taken["kind"] == benefit["kind"] and taken["amount_fen"] == sum(taken["lines"]) > 0


def test_terms_come_back_as_they_were_sent(api: Api) -> None:
    terms: dict[str, Any] = {
        "validity": {"type": "fixed", "first_day": "2025-11-01", "last_day": "2025-11-30"},
        "windows": [{"weekdays": [6, 7], "since": "10:00", "until": "22:00"}],
        "minimum_spend_fen": 3000,
        "goods": {"mode": "categories", "values": ["dairy"]},
        "shops": {"mode": "listed", "ids": [api.SHOP]},
        "scene": "shop",
        "holder": "member",
        "shareable": True,
        "total": 100,
        "per_member": 1,
        "budget_fen": 50_000,
        "hold_seconds": 60,
        "reverse_within_seconds": 3600,
        "code_format": "dated",
    }
    scheme = api.scheme(**terms)
    assert scheme["terms"] == terms
    assert api.get(f"/v1/schemes/{scheme['id']}").json["terms"] == terms


def test_a_new_version_leaves_issued_coupons_as_they_are(api: Api) -> None:
    scheme = api.scheme()
    path = f"/v1/schemes/{scheme['id']}"
    old = api.ok("/v1/coupons", {"scheme_id": scheme["id"]})
    answer = api.post(f"{path}/versions", {"name": "新版", "benefit": {"kind": "money_off", "amount_fen": 800}})
    assert answer.status_code == 201
    assert (answer.json["version"], answer.json["name"], answer.json["terms"]) == (2, "新版", scheme["terms"])
    new = api.ok("/v1/coupons", {"scheme_id": scheme["id"]})
    assert (old["scheme_version"], old["face_fen"]) == (1, 500)
    assert (new["scheme_version"], new["face_fen"]) == (2, 800)
    assert api.get(f"/v1/coupons/{old['code']}").json["scheme"]["version"] == 1
    assert api.get(path).json["version"] == 2
    first = api.get(path, query={"version": "1"}).json
    assert (first["version"], first["latest"], first["benefit"]["amount_fen"]) == (1, 2, 500)
    unknown = api.get(path, query={"version": "9"})
    assert (unknown.status_code, unknown.json["code"]) == (404, "unknown_scheme")
    assert unknown.json["facts"]["scheme"] == f"{scheme['id']}?version=9"  # the scheme itself is there


def test_a_paused_scheme_issues_and_redeems_nothing_until_it_is_resumed(api: Api, bill: MakeBill) -> None:
    scheme = api.scheme()
    code = api.ok("/v1/coupons", {"scheme_id": scheme["id"]})["code"]
    assert api.ok(f"/v1/schemes/{scheme['id']}/pause")["paused"] is True
    for answer in (api.redeem(code, bill()), api.post("/v1/coupons", {"scheme_id": scheme["id"]})):
        assert (answer.status_code, answer.json["code"]) == (409, "scheme_paused")
    assert api.ok(f"/v1/schemes/{scheme['id']}/resume", {})["paused"] is False
    assert api.redeem(code, bill()).status_code == 201


def test_get_counts_what_was_given_out(api: Api, bill: MakeBill) -> None:
    scheme = api.scheme()
    code = api.ok("/v1/coupons/batch", {"scheme_id": scheme["id"], "quantity": 3})["coupons"][0]["code"]
    api.redeem(code, bill())
    count = api.get(f"/v1/schemes/{scheme['id']}").json["count"]
    assert count == {"issued": 3, "captured_uses": 1, "held_fen": 0, "captured_fen": 500}


@pytest.mark.parametrize(
    ("benefit", "terms"),
    [
        ({"kind": "money_off", "amount_fen": 0}, {}),
        ({"kind": "money_off", "amount_fen": -5}, {}),
        ({"kind": "money_off", "amount_fen": 10**14}, {}),
        ({"kind": "rate_off", "off_bp": 10_001}, {}),
        ({"kind": "goods_off", "up_to_fen": 500}, {}),
        ({"kind": "rate_uses", "off_bp": 1000, "uses": 1}, {}),
        (None, {"validity": {"type": "from_receipt", "days": 0}}),
        (None, {"validity": {"type": "fixed", "first_day": "2025-12-01", "last_day": "2025-11-01"}}),
        (None, {"windows": [{"weekdays": [8]}]}),
        (None, {"shops": {"mode": "listed", "ids": ["A1"]}}),
        (None, {"total": -1}),
        (None, {"budget_fen": 10**14}),
        (None, {"hold_seconds": 0}),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_reason(
    api: Api, benefit: dict[str, Any] | None, terms: dict[str, Any]
) -> None:
    body = {
        "number": "BAD1", "name": "坏", "benefit": benefit or {"kind": "money_off", "amount_fen": 500},
        "terms": {"validity": {"type": "from_receipt", "days": 30}, **terms},
    }  # fmt: skip
    answer = api.post("/v1/schemes", body)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_scheme")
    assert answer.json["facts"]["reason"]


@pytest.mark.parametrize(
    "change",
    [
        {"benefit": {"kind": "bribe", "amount_fen": 5}},
        {"benefit": {"kind": "money_off", "amount_fen": 5, "cap_fen": 4}},
        {"terms": {**MONTH, "colour": "red"}},
        {"terms": {"validity": {"type": "from_receipt", "days": 30}, "windows": [{"since": "25:00"}]}},
        {"terms": {"validity": {"type": "from_receipt", "days": 30}, "goods": {"mode": "listed", "values": ["a\nb"]}}},
        {
            "terms": {
                "validity": {"type": "from_receipt", "days": 30},
                "goods": {"mode": "listed", "values": ["a" * 201]},
            }
        },
        {"terms": {"validity": {"type": "from_receipt", "days": 10**30}}},
        {"benefit": {"kind": "money_off", "amount_fen": 10**30}},
        {"benefit": {"kind": "money_off", "amount_fen": 5.0}},
        {"number": ""},
        {"name": "line\nbreak"},
        {"id": "0"},
    ],
)
def test_a_malformed_scheme_is_refused(api: Api, change: dict[str, Any]) -> None:
    body = {
        "number": "BAD1", "name": "坏", "benefit": {"kind": "money_off", "amount_fen": 500},
        "terms": {"validity": {"type": "from_receipt", "days": 30}},
    } | change  # fmt: skip
    answer = api.post("/v1/schemes", body)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")


def test_a_number_belongs_to_one_scheme(api: Api) -> None:
    scheme = api.scheme()
    body = {key: scheme[key] for key in ("number", "name", "benefit", "terms")}
    answer = api.post("/v1/schemes", body)
    assert (answer.status_code, answer.json["code"]) == (409, "number_taken")
    answer = api.post("/v1/schemes", {**body, "number": "OTHER", "id": scheme["id"]})
    assert (answer.status_code, answer.json["code"]) == (409, "id_taken")


@pytest.mark.parametrize("scheme_id", ["77", "abc", "99999999999999999999"])
def test_a_scheme_that_the_path_names_and_is_not_there_is_404(api: Api, scheme_id: str) -> None:
    for answer in (
        api.get(f"/v1/schemes/{scheme_id}"),
        api.post(f"/v1/schemes/{scheme_id}/versions", {"name": "x"}),
        api.post(f"/v1/schemes/{scheme_id}/pause"),
        api.post(f"/v1/schemes/{scheme_id}/resume"),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_scheme")
        assert answer.json["status"] == 404


def test_the_list_shows_the_latest_versions_newest_first(api: Api, clock: Clock) -> None:
    first = api.scheme()
    clock.forward(1)
    second = api.scheme()
    api.ok(f"/v1/schemes/{first['id']}/versions", {"name": "v2"})
    listed = api.get("/v1/schemes").json["schemes"]
    assert [(scheme["id"], scheme["version"]) for scheme in listed] == [(second["id"], 1), (first["id"], 2)]


def test_a_scheme_is_found_by_its_number_alone(api: Api) -> None:
    first = api.scheme()
    second = api.scheme()
    api.ok(f"/v1/schemes/{first['id']}/versions", {"name": "v2"})
    found = api.get(f"/v1/schemes?number={first['number']}").json
    assert [(scheme["id"], scheme["version"]) for scheme in found["schemes"]] == [(first["id"], 2)]
    assert found["next_cursor"] is None
    assert api.get(f"/v1/schemes?number={second['number']}x").json["schemes"] == []
