"""The description says what the app does: every route is in it, every reference leads somewhere, every example fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import falcon.inspect
import msgspec
import pytest

from hexiao.domain.errors import Code
from hexiao.web import examples
from hexiao.web.api import OPERATIONS
from hexiao.web.openapi import document
from hexiao.web.operation import Empty, Operation
from hexiao.web.problems import STATUS, Problem
from hexiao.web.wire import from_wire
from web.conftest import Api, App

OPERATION: dict[tuple[str, str], Operation] = {(one.method, one.path): one for one in OPERATIONS}


@pytest.fixture(scope="module")
def described() -> Any:
    return msgspec.json.decode(msgspec.json.encode(document()))


def each(described: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(method.upper(), path): one for path, ways in described["paths"].items() for method, one in ways.items()}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value["$ref"] for _ in [0] if "$ref" in value)
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_is_served_as_json(api: Api, described: dict[str, Any]) -> None:
    answer = api.get("/openapi.json", role=None)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json == described
    assert described["openapi"].startswith("3.1")


def test_every_route_of_the_router_is_described_and_the_other_way_round(app: App, described: dict[str, Any]) -> None:
    routed = {
        (method.method, route.path)
        for route in falcon.inspect.inspect_routes(app)
        for method in route.methods
        if not method.internal and route.path.startswith("/v1")
    }
    assert set(each(described)) == routed


def test_every_reference_leads_somewhere_and_every_schema_is_used(described: dict[str, Any]) -> None:
    named = set(references(described))
    for reference in named:
        place = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    schemas = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert schemas <= named


def test_operation_ids_are_unique_and_tags_are_explained(described: dict[str, Any]) -> None:
    ids = [one["operationId"] for one in each(described).values()]
    assert len(set(ids)) == len(ids)
    assert {tag for one in each(described).values() for tag in one["tags"]} == {t["name"] for t in described["tags"]}


@pytest.mark.parametrize("route", OPERATION, ids=str)
def test_it_tells_of_the_key_the_path_and_every_refusal(described: dict[str, Any], route: tuple[str, str]) -> None:
    operation, one = OPERATION[route], each(described)[route]
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    assert (key in one["parameters"]) == operation.changes
    assert {p["name"] for p in one["parameters"] if p.get("in") == "path"} == ({operation.names} - {""})
    told = {status: answer["description"] for status, answer in one["responses"].items()}
    assert {"401", "500", "503", str(operation.status)} <= set(told)
    assert ("404" in told) or operation.missing is None
    for code in operation.codes:
        assert f"`{code.value}`" in told[str(STATUS[code])]
    if operation.changes:
        assert f"`{Code.REQUEST_ID_MISSING.value}`" in told["400"]
        assert f"`{Code.REQUEST_ID_REUSED.value}`" in told["422"]
    assert ("408" in told) == ("415" in told) == (operation.method == "POST")
    for status, answer in one["responses"].items():
        media = "application/json" if status < "300" else "application/problem+json"
        assert list(answer["content"]) == [media]


def test_every_part_of_a_path_is_explained(described: dict[str, Any]) -> None:
    named = [
        part
        for methods in described["paths"].values()
        for operation in methods.values()
        for part in operation.get("parameters", ())
        if part.get("in") == "path"
    ]
    assert named and all(part["description"] for part in named)


@pytest.mark.parametrize("shape", ["RedemptionOut", "CouponOut", "CountOut"])
def test_every_amount_and_every_moment_of_an_answer_is_explained(described: dict[str, Any], shape: str) -> None:
    fields = described["components"]["schemas"][shape]["properties"]
    numbers = {name for name in fields if name.endswith(("_fen", "_uses", "_at"))}
    assert numbers and [name for name in sorted(numbers) if not fields[name].get("description")] == []


GOODS = {"goods": {"mode": "listed", "values": ["A"]}}
BOUNDED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # The shape, its number, and the scheme around it: benefit, terms.
    ("MoneyOff", "amount_fen", {"kind": "money_off"}, {}),
    ("Balance", "amount_fen", {"kind": "balance"}, {}),
    ("RateOff", "off_bp", {"kind": "rate_off"}, {}),
    ("RateOff", "cap_fen", {"kind": "rate_off", "off_bp": 1}, {}),
    ("RateUses", "off_bp", {"kind": "rate_uses", "uses": 2}, {}),
    ("RateUses", "uses", {"kind": "rate_uses", "off_bp": 1}, {}),
    ("RateUses", "cap_fen", {"kind": "rate_uses", "off_bp": 1, "uses": 2}, {}),
    ("GoodsOff", "up_to_fen", {"kind": "goods_off"}, GOODS),
    ("GoodsOff", "up_to_quantity", {"kind": "goods_off"}, GOODS),
    *(("Terms", name, {"kind": "money_off", "amount_fen": 1}, {}) for name in (
        "minimum_spend_fen", "total", "per_member", "budget_fen", "hold_seconds", "reverse_within_seconds",
    )),
    ("DaysFromReceipt", "days", {"kind": "money_off", "amount_fen": 1}, {"validity": {"type": "from_receipt"}}),
    ("DaysFromNextDay", "days", {"kind": "money_off", "amount_fen": 1}, {"validity": {"type": "from_next_day"}}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "name", "benefit", "terms"), BOUNDED, ids=[f"{b[0]}.{b[1]}" for b in BOUNDED])
def test_the_bounds_of_a_schemes_numbers_are_those_that_are_kept(
    api: Api, described: dict[str, Any], shape: str, name: str, benefit: dict[str, Any], terms: dict[str, Any]
) -> None:
    told = described["components"]["schemas"][shape]["properties"][name]
    told = next((one for one in told.get("anyOf", ()) if one["type"] == "integer"), told)
    least, most = told["minimum"], told["maximum"]
    for number, status in ((least, 201), (most, 201), (least - 1, 422), (most + 1, 422)):
        gives, settings = dict(benefit), {"validity": {"type": "from_receipt", "days": 30}, **terms}
        place = settings if shape == "Terms" else settings["validity"] if shape.startswith("Days") else gives
        place[name] = number
        body = {"number": f"B{number}", "name": "n", "benefit": gives, "terms": settings}
        assert api.post("/v1/schemes", body).status_code == status, number


def test_it_tells_which_answers_may_be_replays_and_when_to_come_again(described: dict[str, Any]) -> None:
    for one in each(described).values():
        assert "Retry-After" in one["responses"]["503"]["headers"]
    replayed = {
        (one["operationId"], status)
        for one in each(described).values()
        for status, answer in one["responses"].items()
        if "Idempotent-Replay" in answer.get("headers", {})
    }
    assert {("redemptions.redeem", "201"), ("redemptions.redeem", "409"), ("shops.put", "201")} <= replayed
    assert ("shops.put", "409") not in replayed  # an id that is taken is not remembered
    assert not {status for _, status in replayed} - {"200", "201", "409"}


@pytest.mark.parametrize("route", OPERATION, ids=str)
def test_what_it_says_to_an_unknown_parameter_is_described(
    api: Api, described: dict[str, Any], route: tuple[str, str]
) -> None:
    method, path = route
    answer = api.send(method, path.replace("{", "").replace("}", ""), examples.REQUESTS.get(route), query="colour=red")
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")
    assert "`malformed_request`" in each(described)[route]["responses"]["400"]["description"]


@pytest.mark.parametrize("route", [route for route in OPERATION if route[0] == "POST"], ids=str)
def test_every_request_has_an_example_that_the_handler_would_take(
    described: dict[str, Any], route: tuple[str, str]
) -> None:
    example = each(described)[route]["requestBody"]["content"]["application/json"]["example"]
    assert example == examples.REQUESTS[route]
    msgspec.convert(example, OPERATION[route].body, dec_hook=from_wire)


@pytest.mark.parametrize("route", examples.REPLIES, ids=str)
def test_every_example_of_an_answer_fits_its_type(route: tuple[str, str]) -> None:
    plain = msgspec.to_builtins(examples.REPLIES[route])
    assert msgspec.to_builtins(msgspec.convert(plain, OPERATION[route].reply)) == plain


def test_the_example_of_a_problem_fits_its_type() -> None:
    plain = msgspec.to_builtins(examples.PROBLEM)
    assert msgspec.convert(plain, Problem) == examples.PROBLEM
    assert examples.PROBLEM.status == STATUS[msgspec.convert(examples.PROBLEM.code, Code)]


def test_queries_have_no_null(described: dict[str, Any]) -> None:
    for route, operation in OPERATION.items():
        shown = [p for p in each(described)[route]["parameters"] if p.get("in") == "query"]
        expected = [] if operation.query is Empty else [f.name for f in msgspec.structs.fields(operation.query)]
        assert sorted(p["name"] for p in shown) == sorted(expected)
        assert all("null" not in str(p["schema"]) for p in shown)
