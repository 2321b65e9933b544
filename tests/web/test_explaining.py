"""Whatever does not fit the types of /v1 is told in both languages: the place, what was expected and what came."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hexiao.domain.errors import BadRequest, Code, sentences
from hexiao.domain.reasons import REASONS
from hexiao.domain.scheme import Terms
from hexiao.web.api import OPERATIONS
from hexiao.web.examples import REQUESTS
from hexiao.web.explaining import SAID, explain
from hexiao.web.operation import Operation
from hexiao.web.parsing import check_bounds, parse_body, parse_query
from tongues import is_chinese, is_english

WRONG: list[Any] = [
    None, True, 0, -1, 1.5, 10**18, 10**30, "", "x", "x" * 300, "\n", "1", [], [[]] * 1_100, ["x"], {}, {"kind": "x"},
    {"type": 5}, {"x": 1},
]  # fmt: skip
NO_JSON = [b"{", b"nope", b"{}{}", b"\xff", b'{"x": "\xff"}', b'{"x": 1e999}', b"[]", b'{"x" 1}', b"[" * 200_000]
IN_QUERIES = ["", "x", "0", "-1", "9" * 30, "null", "\n", "x" * 300, "held,gone", "2025-13-22T04:00:00Z"]
with_body = [one for one in OPERATIONS if REQUESTS.get((one.method, one.path))]
with_query = [one for one in OPERATIONS if one.method == "GET"]


def route(one: Operation) -> str:
    return f"{one.method} {one.path}"


def check(refused: BadRequest) -> dict[str, Any]:
    """Of a refusal, that it is told as it must be; its facts."""
    assert refused.code is Code.MALFORMED_REQUEST
    assert refused.facts["reason"] in set(REASONS) - {"not_understood"}, refused.facts
    zh, en = sentences(refused.code, refused.facts)
    assert is_chinese(zh) and is_english(en), zh
    assert "?" not in zh and len(zh) < 500 and len(en) < 500
    for name in ("place", "field"):
        assert str(refused.facts.get(name, "")) in zh and str(refused.facts.get(name, "")) in en
    return refused.facts


def spoilt(whole: Any, part: Any = None, *way: str | int) -> Iterator[Any]:
    """`whole` with each of its parts replaced, taken away, and joined by one too many."""
    part = whole if not way else part
    for name, inner in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from (changed(whole, (*way, name), wrong) for wrong in WRONG)
        yield from spoilt(whole, inner, *way, name)
    if isinstance(part, dict):
        yield changed(whole, (*way, "colour"), "red")
        yield from (changed(whole, (*way, name), Ellipsis) for name in part)


def changed(whole: Any, way: tuple[str | int, ...], value: Any) -> Any:
    whole = place = copy.deepcopy(whole)
    for step in way[:-1]:
        place = place[step]
    if value is Ellipsis:
        del place[way[-1]]
    else:
        place[way[-1]] = value
    return whole


@pytest.mark.parametrize("one", with_body, ids=route)
def test_every_way_to_spoil_a_body_is_told_in_both_languages(one: Operation) -> None:
    told = set()
    for body in spoilt(REQUESTS[one.method, one.path]):
        try:
            parse_body(json.dumps(body).encode(), one.body)
        except BadRequest as refused:
            told.add(check(refused)["reason"])
    assert "unknown_field" in told and told & {"wrong_type", "not_an_id"}


@pytest.mark.parametrize("raw", NO_JSON, ids=lambda raw: repr(raw[:20]))
def test_what_is_no_body_at_all_is_told_in_both_languages(raw: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_body(raw, with_body[0].body)
    check(refused.value)


@pytest.mark.parametrize("one", with_query, ids=route)
def test_every_way_to_spoil_a_query_is_told_in_both_languages(one: Operation) -> None:
    for name in (*one.query.__struct_fields__, "colour"):
        queries: list[dict[str, str | list[str]]] = [{name: wrong} for wrong in IN_QUERIES]
        queries.append({name: ["1", "2"]})
        for query in queries:
            try:
                parse_query(query, one.query)
            except BadRequest as refused:
                check(refused)


def refusal(path: str, body: dict[str, Any]) -> dict[str, Any]:
    (one,) = [one for one in with_body if one.path == path]
    with pytest.raises(BadRequest) as refused:
        parse_body(json.dumps(REQUESTS["POST", path] | body).encode(), one.body)
    return check(refused.value)


@pytest.mark.parametrize(
    ("path", "body", "place", "allowed", "got"),
    [
        ("/v1/redemptions", {"mode": "steal"}, "$.mode", {"hold", "redeem"}, "steal"),
        (
            "/v1/schemes", {"benefit": {"kind": "gift"}}, "$.benefit.kind",
            {"money_off", "rate_off", "goods_off", "balance", "rate_uses"}, "gift",
        ),
        (
            "/v1/schemes", {"terms": {"validity": {"type": "from_receipt", "days": 1}, "scene": "moon"}},
            "$.terms.scene", {"both", "shop", "online"}, "moon",
        ),
        (
            "/v1/coupons/import", {"coupons": [{"code": "A", "channel": "theft"}]}, "$.coupons[0].channel",
            {"claim", "gift", "card"}, "theft",
        ),
    ],
)  # fmt: skip
def test_a_value_that_is_none_of_the_allowed_is_told_all_of_them(
    path: str, body: dict[str, Any], place: str, allowed: set[str], got: str
) -> None:
    facts = refusal(path, body)
    assert (facts["reason"], facts["place"], facts["got"]) == ("not_one_of", place, got)
    assert set(facts["allowed"]) == allowed
    assert all(one in sentence for one in allowed for sentence in sentences(Code.MALFORMED_REQUEST, facts))


@pytest.mark.parametrize(("name", "reason"), [("kind", "not_one_of"), ("state", "not_some_of")])
def test_a_query_parameter_is_told_the_allowed_values_too(name: str, reason: str) -> None:
    (one,) = [one for one in with_query if one.path == "/v1/redemptions"]
    with pytest.raises(BadRequest) as refused:
        parse_query({name: "gone"}, one.query)
    facts = check(refused.value)
    assert (facts["reason"], facts["place"], facts["got"]) == (reason, f"$.{name}", "gone")
    assert len(facts["allowed"]) == 5


@pytest.mark.parametrize(
    ("lines", "reason", "got"),
    [
        ([{"quantity": 0}], "too_small", "0"),
        ([{"unit_price_fen": 10**9 + 1}], "too_large", "1000000001"),
        ([{"name": "x" * 201}], "text_too_long", 201),
        ([{}] * 1_001, "list_too_long", 1_001),
    ],
)
def test_what_came_is_told_where_the_parser_does_not_say_it(
    lines: list[dict[str, Any]], reason: str, got: object
) -> None:
    bill = REQUESTS["POST", "/v1/redemptions"]["bill"]
    facts = refusal("/v1/redemptions", {"bill": {**bill, "lines": [{**bill["lines"][0], **line} for line in lines]}})
    assert (facts["reason"], facts["got"]) == (reason, got)


@pytest.mark.parametrize(("id", "type"), [(1333333333, "int"), (None, "null"), ([], "array"), (True, "bool")])
def test_an_id_that_is_no_text_is_told_the_type_that_came(id: object, type: str) -> None:
    facts = refusal("/v1/redemptions", {"bill": {**REQUESTS["POST", "/v1/redemptions"]["bill"], "shop_id": id}})
    assert (facts["reason"], facts["got_type"], facts["place"]) == ("wrong_type", [type], "$.bill.shop_id")


def test_what_was_sent_breaks_neither_line_nor_backticks() -> None:
    facts = refusal(
        "/v1/redemptions", {"bill": {**REQUESTS["POST", "/v1/redemptions"]["bill"], "shop_id": "x`y\n\x1b"}}
    )
    assert facts["got"] == "x\N{REPLACEMENT CHARACTER}y" + 2 * "\N{REPLACEMENT CHARACTER}"


def test_what_is_no_json_further_on_is_still_told() -> None:
    with pytest.raises(BadRequest) as refused:
        parse_body(b'{"mode": "hold", "coupons": [], "bill": nonsense', with_body[0].body)
    check(refused.value)


def test_a_term_out_of_bounds_is_told_with_its_place() -> None:
    with pytest.raises(BadRequest) as refused:
        check_bounds({"goods": {"values": ["x" * 201]}}, "$.terms")
    facts = check(refused.value)
    assert (facts["reason"], facts["place"]) == ("text_too_long", "$.terms.goods.values[0]")


def test_a_sentence_that_nobody_foresaw_is_passed_on() -> None:
    facts = explain("The moon is full - at `$.bill`", Terms, lambda: None)
    assert facts == {"reason": "not_understood", "said": "The moon is full", "place": "$.bill"}
    zh, en = sentences(Code.MALFORMED_REQUEST, facts)
    assert is_chinese(zh) and "The moon is full" in en


def test_every_sentence_of_the_parser_that_is_known_has_its_reason() -> None:
    assert {reason for reason, _ in SAID} <= set(REASONS)
