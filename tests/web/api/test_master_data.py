"""/v1/members, shops, cashiers and goods: create, replace, get, list; each the same way."""

from __future__ import annotations

from typing import Any

import pytest

from hexiao.domain.party import Role, Shop
from hexiao.engine.commands import Put
from hexiao.engine.committer import Engine
from web.conftest import Api, MakeBill

NOUNS = {
    "members": {"name": "会员002", "mobile": "13900001111", "card_id": "88002", "card_number": "VIP2"},
    "shops": {"number": "003", "name": "003门店", "address": "人民路 1 号", "work_state": "营业中"},
    "cashiers": {"name": "收银员02", "shop_id": "1333333333"},
    "goods": {"sku": "6999", "name": "牛奶", "category": "dairy"},
}


def own_key(noun: str, record: dict[str, Any]) -> str:
    return str(record["sku"] if noun == "goods" else record["id"])


@pytest.mark.parametrize("noun", NOUNS)
def test_it_is_created_got_listed_and_replaced(api: Api, noun: str) -> None:
    created = api.post(f"/v1/{noun}", NOUNS[noun])
    assert created.status_code == 201
    assert {key: created.json[key] for key in NOUNS[noun]} == NOUNS[noun]
    path = f"/v1/{noun}/{own_key(noun, created.json)}"
    assert api.get(path).json == created.json
    assert created.json in api.get(f"/v1/{noun}").json[noun]
    replaced = api.ok(f"/v1/{noun}", {**NOUNS[noun], "id": created.json["id"], "name": "改名"})
    assert replaced == {**created.json, "name": "改名"}
    assert api.get(path).json == replaced


@pytest.mark.parametrize("noun", NOUNS)
def test_an_id_of_an_older_system_is_kept(api: Api, noun: str) -> None:
    assert api.ok(f"/v1/{noun}", {**NOUNS[noun], "id": "9223372036854775806"})["id"] == "9223372036854775806"


@pytest.mark.parametrize(
    ("noun", "code"),
    [
        ("members", "unknown_member"),
        ("shops", "unknown_shop"),
        ("cashiers", "unknown_cashier"),
        ("goods", "unknown_goods"),
    ],
)
def test_what_is_not_there_is_404(api: Api, noun: str, code: str) -> None:
    for name in ("77", "abc", "%00", "9" * 30):
        answer = api.get(f"/v1/{noun}/{name}")
        assert (answer.status_code, answer.json["code"]) == (404, code)


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "a\x00b"}, {"name": "a" * 201}, {"name": 5}, {"id": 5}, {"id": "-5"}, {"colour": "red"}],
    ids=str,
)
def test_a_malformed_record_is_refused(api: Api, noun: str, change: dict[str, Any]) -> None:
    answer = api.post(f"/v1/{noun}", NOUNS[noun] | change)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")


def test_mobile_numbers_are_masked_for_everybody_but_admin(api: Api) -> None:
    path = f"/v1/members/{api.MEMBER}"
    assert api.get(path).json["mobile"] == "13222113311"
    assert api.get(path, role=Role.READ).json["mobile"] == "132****3311"
    assert api.get(path, role=Role.TILL).json["mobile"] == "132****3311"
    assert api.get("/v1/members", role=Role.READ).json["members"][0]["mobile"] == "132****3311"


def test_a_cashier_of_an_unknown_shop_is_422(api: Api) -> None:
    answer = api.post("/v1/cashiers", {"name": "收银员02", "shop_id": "77"})
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_shop")


def test_a_sku_belongs_to_one_article(api: Api) -> None:
    first = api.ok("/v1/goods", NOUNS["goods"])
    assert api.ok("/v1/goods", {**NOUNS["goods"], "name": "鲜奶"}) == {**first, "name": "鲜奶"}
    other = api.ok("/v1/goods", {**NOUNS["goods"], "sku": "7000"})
    answer = api.post("/v1/goods", {**NOUNS["goods"], "id": other["id"]})
    assert (answer.status_code, answer.json["code"]) == (409, "number_taken")


def test_a_line_without_a_category_takes_that_of_its_sku(api: Api, bill: MakeBill) -> None:
    code = api.code(goods={"mode": "categories", "values": ["dairy"]})
    lines = [{"sku": "6901", "quantity": 2, "unit_price_fen": 1250}, {"sku": "x", "quantity": 1, "unit_price_fen": 99}]
    (taken,) = api.redeem(code, bill(lines=lines)).json["redemptions"]
    assert taken["lines"] == [500, 0]


def test_what_belongs_to_another_merchant_is_neither_seen_nor_replaced(api: Api, engine: Engine) -> None:
    from hexiao.domain.party import Merchant

    engine.call(Put(merchant_id=2, record=Merchant(id=2, name="别家")))
    engine.call(Put(merchant_id=2, record=Shop(id=5005, merchant_id=2, number="9", name="别家门店")))
    assert api.get("/v1/shops/5005").status_code == 404
    answer = api.post("/v1/shops", {"id": "5005", "number": "9", "name": "夺"})
    assert (answer.status_code, answer.json["code"]) == (409, "id_taken")
