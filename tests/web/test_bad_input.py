"""What a hostile or careless client may send to /v1: always a clear problem, never a 500, nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import falcon.testing
import pytest

from web.conftest import Api, App

LINE = {"sku": "6901", "name": "酸奶", "category": "dairy", "quantity": 1, "unit_price_fen": 1000}
BODY = {
    "mode": "redeem",
    "coupons": [{"code": "A1", "amount_fen": 500}],
    "bill": {"number": "M1", "shop_id": "1333333333", "scene": "shop", "lines": [LINE]},
}
Place = tuple[str | int, ...]


def changed(path: Place, value: object) -> Any:
    """BODY with the field at `path` set to `value`."""
    body = json.loads(json.dumps(BODY))
    *way, last = path
    place = body
    for step in way:
        place = place[step]
    place[last] = value
    return body


def refused(answer: falcon.testing.Result, status: int = 400, code: str = "malformed_request") -> Any:
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["zh"] and answer.json["en"]
    assert "Traceback" not in answer.text
    return answer.json


@pytest.fixture
def coupon(api: Api) -> Any:
    scheme = api.scheme()
    return api.ok("/v1/coupons/import", {"scheme_id": scheme["id"], "coupons": [{"code": "A1"}]})["coupons"][0]


@pytest.fixture(autouse=True)
def nothing_half_written(api: Api, coupon: dict[str, Any]) -> Iterator[None]:
    yield
    seen = api.get("/v1/coupons/A1").json
    assert (seen["held_fen"], seen["captured_fen"], seen["last_use"]) == (0, 0, None)
    assert api.get("/v1/redemptions").json["redemptions"] == []


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"",
        b"nonsense",
        b"null",
        b"[]",
        b"5",
        b'"text"',
        b"{}{}",
        b'{"mode": "redeem",}',
        b"{'mode': 'redeem'}",
        b'{"mode": NaN}',
        b'{"mode": 1e999}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{}",
        b"\x00",
        b'{"mode": "\xff\xfe"}',
        b'{"mode": "\xed\xa0\x80"}',
        b'{"mode": "\\ud800"}',
        b'{"\xff": 1}',
        b"[" * 200_000,
        b'{"bill":' * 100_000,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_not_this_object_in_utf8_json(api: Api, raw: bytes) -> None:
    refused(api.post("/v1/redemptions", raw=raw))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("mode",), "steal"),
        (("mode",), "steal" * 10_000),
        (("mode",), None),
        (("coupons",), []),
        (("coupons",), "A1"),
        (("coupons",), [{"code": "A1"}] * 21),
        (("coupons", 0, "code"), ""),
        (("coupons", 0, "code"), "1" * 201),
        (("coupons", 0, "code"), 12345678901234567890),
        (("coupons", 0, "amount_fen"), 0),
        (("coupons", 0, "amount_fen"), -500),
        (("coupons", 0, "amount_fen"), 5.0),
        (("coupons", 0, "amount_fen"), "500"),
        (("coupons", 0, "amount_fen"), True),
        (("coupons", 0, "amount_fen"), 10**13 + 1),
        (("coupons", 0, "amount_fen"), 10**400),
        (("bill", "number"), ""),
        (("bill", "number"), "M1\n"),
        (("bill", "number"), "M\x001"),
        (("bill", "number"), "M" * 201),
        (("bill", "shop_id"), 1333333333),
        (("bill", "shop_id"), "0"),
        (("bill", "shop_id"), "-1"),
        (("bill", "shop_id"), "１２３"),
        (("bill", "shop_id"), " 1"),
        (("bill", "shop_id"), "9223372036854775808"),
        (("bill", "shop_id"), "1e5"),
        (("bill", "scene"), "moon"),
        (("bill", "lines"), []),
        (("bill", "lines"), [LINE] * 1001),
        (("bill", "lines"), {}),
        (("bill", "lines", 0, "quantity"), 0),
        (("bill", "lines", 0, "quantity"), -1),
        (("bill", "lines", 0, "quantity"), 1.5),
        (("bill", "lines", 0, "quantity"), 1_000_001),
        (("bill", "lines", 0, "unit_price_fen"), -1),
        (("bill", "lines", 0, "unit_price_fen"), 10**9 + 1),
        (("bill", "lines", 0, "sku"), None),
        (("bill", "lines", 0, "name"), "x" * 201),
        (("bill", "lines", 0, "category"), "\x7f"),
    ],
    ids=lambda one: repr(one)[:40],
)
def test_a_wrong_value_is_refused_with_its_place(api: Api, path: Place, value: object) -> None:
    problem = refused(api.post("/v1/redemptions", changed(path, value)))
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    assert f"`${place}" in problem["en"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("currency",), "currency"),
        (("coupons", 0, "pin"), "pin"),
        (("bill", "store_id"), "store_id"),
        (("bill", "lines", 0, "price"), "price"),
    ],
)
def test_an_unknown_field_is_refused_by_name(api: Api, path: Place, name: str) -> None:
    assert f"`{name}`" in refused(api.post("/v1/redemptions", changed(path, 1)))["en"]


def test_an_unknown_field_with_an_endless_name_is_cut_short(api: Api) -> None:
    assert len(refused(api.post("/v1/redemptions", {**BODY, "x" * 500_000: 1}))["en"]) < 500


def test_of_a_field_given_twice_the_last_counts(api: Api) -> None:
    bill = json.dumps(BODY["bill"]).encode()
    answer = api.post("/v1/assessments", raw=b'{"code": "B2", "code": "A1", "bill": %b}' % bill)
    assert answer.json["assessments"][0]["coupon"]["code"] == "A1"


@pytest.mark.parametrize("name", ["mode", "coupons", "bill"])
def test_a_missing_field_is_refused_by_name(api: Api, name: str) -> None:
    body = {key: value for key, value in BODY.items() if key != name}
    assert f"`{name}`" in refused(api.post("/v1/redemptions", body))["en"]


def test_a_body_over_one_mebibyte_is_413(api: Api) -> None:
    problem = refused(api.post("/v1/redemptions", raw=b" " * (1 << 20) + b"{}"), 413, "body_too_large")
    assert problem["facts"]["limit_bytes"] == 1 << 20


def test_a_body_that_is_not_called_json_is_415(api: Api) -> None:
    body = json.dumps(BODY).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        refused(api.post("/v1/redemptions", raw=body, headers={"Content-Type": kind}), 415)


def test_json_with_a_charset_is_taken(api: Api) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert api.post("/v1/assessments", {"code": "A1", "bill": BODY["bill"]}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=ten",
        "limit=99999999999999999999999",
        "limit=",
        "limit=5&limit=6",
        "shop_id=abc",
        "shop_id=",
        "shop_id=9223372036854775808",
        "kind=bribe",
        "kind=1",
        "kind=null",
        "state=gone",
        "state=held,",
        "state=held,gone",
        "state=",
        "created_from=yesterday",
        "created_from=2025-11-22",
        "created_from=2025-11-22T04:00:00",
        "created_from=2025-13-22T04:00:00Z",
        "created_from=1763784000",
        "created_from=20251122T040000Z",
        "created_from=2025-W47-6T04:00:00Z",
        "created_from=2025-11-22%2004:00:00Z",
        "created_from=2025-11-22T04:00Z",
        "changed_until=0001-01-01T00:00:00Z",
        "bill_number=",
        "bill_number=M%00",
        "code=",
        "colour=red",
        "cursor=garbage",
        "cursor=%00",
        "cursor=W10",  # []
        "cursor=WzEsMl0x",
        "cursor=Wy0xLC0xXQ",  # [-1,-1]
        "cursor=WzksOTIyMzM3MjAzNjg1NDc3NTgwOF0",  # [9,9223372036854775808]
        "cursor=" + "A" * 5000,
        "cursor=%E5%88%B8",
    ],
)
def test_a_bad_query_is_refused(api: Api, query: str) -> None:
    refused(api.get("/v1/redemptions", query=query))


@pytest.mark.parametrize(
    ("query", "words"),
    [("state=HELD", "held, captured, released, lapsed, reversed"), ("bill_number=M%00", "control characters")],
)
def test_a_text_of_another_form_is_told_the_form_in_words(api: Api, query: str, words: str) -> None:
    told = refused(api.get("/v1/redemptions", query=query))["en"]
    assert words in told and "regex" not in told


def test_a_clock_time_of_another_form_is_told_the_form_in_words(api: Api) -> None:
    terms = {"validity": {"type": "from_receipt", "days": 30}, "windows": [{"since": "9:00"}]}
    scheme = {"number": "W", "name": "w", "benefit": {"kind": "money_off", "amount_fen": 1}, "terms": terms}
    told = refused(api.post("/v1/schemes", scheme))["en"]
    assert "24:00" in told and "regex" not in told and "`$.terms.windows[0].since`" in told


def test_null_is_no_version(api: Api, coupon: dict[str, Any]) -> None:
    problem = refused(api.get(f"/v1/schemes/{coupon['scheme_id']}", query="version=null"))
    assert "`$.version`" in problem["en"]


@pytest.mark.parametrize("time", ["2025-02-30T04:00:00Z", "2025-11-22T04:00:60Z", "2025-11-22T04:00:00%2B99:00"])
def test_a_time_that_does_not_exist_is_told_how_a_time_looks(api: Api, time: str) -> None:
    facts = refused(api.get("/v1/redemptions", query=f"created_from={time}"))["facts"]
    assert (facts["reason"], facts["place"]) == ("not_an_instant", "$.created_from")


def test_an_unknown_query_parameter_is_refused_by_name(api: Api) -> None:
    for path in ("/v1/redemptions", "/v1/schemes", "/v1/coupons", "/v1/members", "/v1/redemptions/77"):
        assert "`colour`" in refused(api.get(path, query="colour=red"))["en"]


def test_a_plus_that_became_a_space_is_explained(api: Api) -> None:
    problem = refused(api.get("/v1/redemptions", query="created_from=2025-11-22T04:00:00+08:00"))
    assert "%2B" in problem["en"]


def test_addresses_and_methods_that_are_not_there(api: Api) -> None:
    assert refused(api.get("/v1/nothing"), 404, "not_found")["facts"]["path"] == "/v1/nothing"
    refused(api.get("/v1/redemptions/77/lines"), 404, "not_found")
    refused(api.send("DELETE", "/v1/redemptions/77"), 405, "method_not_allowed")
    answer = api.send("PUT", "/v1/redemptions")
    refused(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].replace(" ", "").split(","))


@pytest.mark.parametrize("path", ["/v1/shops/", "/v1/redemptions/", "/v1/coupons/A1/", "//v1/shops", "//", "/docs/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_slash_too_many_is_another_address(api: Api, path: str, method: str) -> None:
    answer = getattr(api, method)(path, *([{}] if method == "post" else []))
    assert refused(answer, 404, "not_found")["facts"]["path"] == path


def test_an_unexpected_exception_shows_an_id_and_no_trace(
    api: Api, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    async def explode(req: Any, resp: Any, **_: Any) -> None:
        raise ZeroDivisionError("secret detail")

    app.add_sink(explode, "/v1/explode")
    answer = api.get("/v1/explode")
    problem = refused(answer, 500, "internal_error")
    assert problem["facts"]["error_id"] in problem["zh"]
    assert "secret detail" not in answer.text
    logged = capsys.readouterr()
    assert problem["facts"]["error_id"] in logged.out + logged.err
