"""Who is let in, and what each role may do: the table against the router, route by route."""

from __future__ import annotations

import falcon.inspect
import falcon.testing
import pytest

from conftest import Clock
from hexiao.domain.party import Credential, Role
from hexiao.engine.commands import Put
from hexiao.engine.committer import Engine
from hexiao.web import examples
from hexiao.web.api import OPERATIONS
from hexiao.web.auth import ALL, DOOR, ROLES, hash_key
from web.conftest import Api, App

BY_ROUTE = {(one.method, one.path): one for one in OPERATIONS}


def routes(app: App) -> set[tuple[str, str]]:
    return {
        (method.method, route.path)
        for route in falcon.inspect.inspect_routes(app)
        for method in route.methods
        if not method.internal and route.path.startswith("/v1")
    }


def send(api: Api, route: tuple[str, str], role: Role | None) -> falcon.testing.Result:
    method, path = route
    for one in ("{scheme}", "{code}", "{redemption_id}", "{member_id}", "{shop_id}", "{cashier_id}", "{sku}"):
        path = path.replace(one, "77")
    return api.send(method, path, examples.REQUESTS.get(route), role=role)


def test_every_route_of_the_router_is_in_the_table_and_the_other_way_round(app: App) -> None:
    assert routes(app) == set(ROLES) == set(BY_ROUTE)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_the_table_says_and_nothing_else(api: Api, role: Role) -> None:
    for route, roles in ROLES.items():
        answer = send(api, route, role)
        assert answer.status_code != 401
        refused = answer.status_code == 403
        assert refused == (role not in roles), route
        if refused:
            assert answer.json["code"] == "forbidden"


def test_the_roles_mean_what_they_are_called() -> None:
    changing = {route for route, one in BY_ROUTE.items() if one.changes}
    assert all(Role.ADMIN in roles for roles in ROLES.values())
    assert all(Role.READ not in ROLES[route] for route in changing)
    assert {path for method, path in changing if Role.TILL in ROLES[method, path]} == {
        "/v1/redemptions",
        "/v1/redemptions/batch",
        "/v1/redemptions/{redemption_id}/capture",
        "/v1/redemptions/{redemption_id}/release",
        "/v1/redemptions/{redemption_id}/reverse",
    }
    assert Role.TILL not in ROLES["GET", "/v1/coupons"]
    assert frozenset(Role) == ALL


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic key-of-admin",
        "key-of-admin",
        "Bearer key-of-admin extra",
        "Bearer " + "x" * 5000,
        "Bearer \xe9\xff",
        "Bearer ' OR 1=1",
    ],
)
def test_without_a_good_key_every_route_is_401(api: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = api.get("/v1/schemes", role=None, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_no_route_is_open(api: Api) -> None:
    assert {send(api, route, None).status_code for route in ROLES} == {401}


def test_the_word_bearer_is_taken_in_any_case(api: Api) -> None:
    assert api.get("/v1/schemes", role=None, headers={"Authorization": "bEARER key-of-read"}).status_code == 200


def test_a_revoked_key_stops_working_within_seconds(api: Api, engine: Engine, clock: Clock) -> None:
    assert api.get("/v1/schemes", role=Role.READ).status_code == 200
    revoked = Credential(
        id=503, merchant_id=1, door=DOOR, public_id=hash_key("key-of-read"), name="read", role=Role.READ, revoked_at=1
    )
    engine.call(Put(merchant_id=1, record=revoked))
    clock.forward(10)
    assert api.get("/v1/schemes", role=Role.READ).status_code == 401


def test_a_key_of_another_door_does_not_work_here(api: Api, engine: Engine) -> None:
    other = Credential(id=600, merchant_id=1, door="zvcms", public_id=hash_key("other"), name="z", role=Role.ADMIN)
    engine.call(Put(merchant_id=1, record=other))
    assert api.get("/v1/schemes", role=None, headers={"Authorization": "Bearer other"}).status_code == 401


def test_who_may_not_enter_is_told_before_the_body_is_looked_at(api: Api) -> None:
    answer = api.post("/v1/redemptions", raw=b"{", role=Role.READ)
    assert answer.status_code == 403
    answer = api.post("/v1/redemptions", raw=b"{", role=None)
    assert answer.status_code == 401
