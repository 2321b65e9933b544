"""Every list of /v1, paged through to its end: nothing twice, nothing left out, also while rows are added."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import Clock
from web.conftest import Api, MakeBill


def walk(
    api: Api, path: str, noun: str, limit: int, meanwhile: Callable[[], None] = lambda: None, **query: str
) -> list[str]:
    """The ids of all pages, in order."""
    ids, cursor, pages = [], None, 0
    while True:
        asked = {**query, "limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
        answer = api.get(path, query=asked)
        assert answer.status_code == 200, answer.text
        rows = answer.json[noun]
        assert len(rows) <= limit
        ids += [row["id"] for row in rows]
        cursor = answer.json["next_cursor"]
        pages += 1
        meanwhile()
        if cursor is None:
            assert pages == max(1, -(-len(ids) // limit))
            return ids


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_redemptions_in_the_same_millisecond_and_later(api: Api, bill: MakeBill, clock: Clock, limit: int) -> None:
    scheme = api.scheme()
    codes = [c["code"] for c in api.ok("/v1/coupons/batch", {"scheme_id": scheme["id"], "quantity": 9})["coupons"]]
    made = []
    for number, code in enumerate(codes):
        made += api.redeem(code, bill(f"P{number}")).json["redemptions"]
        if number % 3 == 2:
            clock.forward(0.001)
    assert walk(api, "/v1/redemptions", "redemptions", limit) == [row["id"] for row in reversed(made)]


def test_a_row_that_is_added_meanwhile_moves_nothing(api: Api, bill: MakeBill, clock: Clock) -> None:
    scheme = api.scheme()
    codes = [c["code"] for c in api.ok("/v1/coupons/batch", {"scheme_id": scheme["id"], "quantity": 12})["coupons"]]
    made = [api.redeem(code, bill(code)).json["redemptions"][0]["id"] for code in codes[:6]]
    late = iter(codes[6:])

    def add() -> None:
        clock.forward(1)
        code = next(late)
        api.redeem(code, bill(code))

    assert walk(api, "/v1/redemptions", "redemptions", 2, add) == made[::-1]


def test_the_cursor_goes_on_under_a_filter(api: Api, bill: MakeBill) -> None:
    scheme = api.scheme()
    codes = [c["code"] for c in api.ok("/v1/coupons/batch", {"scheme_id": scheme["id"], "quantity": 6})["coupons"]]
    made = [
        api.redeem(code, bill(code, shop_id=(api.SHOP, api.OTHER_SHOP)[number % 2])).json["redemptions"][0]["id"]
        for number, code in enumerate(codes)
    ]
    assert walk(api, "/v1/redemptions", "redemptions", 2, shop_id=api.SHOP) == made[::2][::-1]


@pytest.mark.parametrize("limit", [1, 4, 200])
def test_every_other_list(api: Api, clock: Clock, limit: int) -> None:
    schemes = []
    for _ in range(5):
        schemes.append(api.scheme()["id"])
        clock.forward(1)
    coupons = [c["id"] for c in api.ok("/v1/coupons/batch", {"scheme_id": schemes[0], "quantity": 5})["coupons"]]
    assert walk(api, "/v1/schemes", "schemes", limit) == schemes[::-1]
    assert walk(api, "/v1/coupons", "coupons", limit) == coupons[::-1]
    for noun, record in (
        ("members", {"name": "会员"}),
        ("shops", {"number": "9", "name": "门店"}),
        ("cashiers", {"name": "收银员"}),
    ):
        before = walk(api, f"/v1/{noun}", noun, 200)
        made = [api.ok(f"/v1/{noun}", record)["id"] for _ in range(5)]
        assert walk(api, f"/v1/{noun}", noun, limit) == before + made
    before = walk(api, "/v1/goods", "goods", 200)
    made = [api.ok("/v1/goods", {"sku": f"s{n}", "name": "商品"})["id"] for n in range(5)]
    assert walk(api, "/v1/goods", "goods", limit) == before + made


def test_an_empty_list_has_no_next_page(api: Api) -> None:
    assert api.get("/v1/redemptions").json == {"redemptions": [], "next_cursor": None}


@pytest.fixture
def cursor(api: Api, bill: MakeBill) -> str:
    """Of the redemptions of a shop, held or captured."""
    for number in range(3):
        api.redeem(api.code(), bill(f"C{number}"))
    asked = {"limit": "1", "shop_id": api.SHOP, "state": "held,captured", "created_from": "2025-01-01T00:00:00Z"}
    return str(api.get("/v1/redemptions", query=asked).json["next_cursor"])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/coupons", {}),
        ("/v1/shops", {}),
        ("/v1/redemptions", {}),
        ("/v1/redemptions", {"shop_id": Api.SHOP}),
        ("/v1/redemptions", {"shop_id": Api.SHOP, "state": "held", "created_from": "2025-01-01T00:00:00Z"}),
        ("/v1/redemptions", {"shop_id": Api.SHOP, "state": "held,captured", "created_from": "2025-01-01T00:00:01Z"}),
        ("/v1/redemptions", {"shop_id": Api.SHOP, "state": "held,captured", "created_until": "2025-01-01T00:00:00Z"}),
    ],
    ids=repr,
)
def test_a_cursor_of_another_list_or_of_other_filters_is_refused(
    api: Api, cursor: str, path: str, query: dict[str, str]
) -> None:
    answer = api.get(path, query={**query, "cursor": cursor})
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")
    assert "`cursor`" in answer.json["en"]


def test_pages_of_one_walk_may_differ_in_length_and_an_instant_in_its_zone(api: Api, cursor: str) -> None:
    asked = {"shop_id": api.SHOP, "state": "held,captured", "created_from": "2025-01-01T08:00:00+08:00"}
    answer = api.get("/v1/redemptions", query={**asked, "cursor": cursor, "limit": "7"})
    assert (len(answer.json["redemptions"]), answer.json["next_cursor"]) == (2, None)


def test_a_cursor_of_the_form_without_a_mark_is_refused(api: Api) -> None:
    answer = api.get("/v1/redemptions", query={"cursor": "WzEsMl0"})  # [1,2]
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")
