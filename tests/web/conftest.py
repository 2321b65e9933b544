"""A merchant with keys of every role, a shop, a cashier, a member and goods, asked through the app itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import falcon.asgi
import falcon.testing
import pytest

from hexiao.domain.party import Cashier, Credential, Item, Member, Role, Shop
from hexiao.engine.commands import Put, Record
from hexiao.engine.committer import Engine
from hexiao.web.app import build
from hexiao.web.auth import DOOR, hash_key

SHOP, OTHER_SHOP, CASHIER, MEMBER = "1333333333", "1333333334", "1333222", "100001138"
KEYS = {role: f"key-of-{role.value}" for role in Role}
ROLE_OF_CREDENTIAL = {501: Role.ADMIN, 502: Role.TILL, 503: Role.READ}


App = falcon.asgi.App[Any, Any]
MakeBill = Callable[..., dict[str, Any]]


class Api:
    """The app in process: `post` makes an Idempotency-Key unless told otherwise."""

    SHOP, OTHER_SHOP, CASHIER, MEMBER = SHOP, OTHER_SHOP, CASHIER, MEMBER
    KEYS = KEYS

    def __init__(self, app: App) -> None:
        self.app = app
        self.client = falcon.testing.TestClient(app)
        self._numbers = count(1)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        role: Role | None = Role.ADMIN,
        key: str | None = "",
        headers: dict[str, str] | None = None,
        query: dict[str, str] | str | None = None,
    ) -> falcon.testing.Result:
        sent: dict[str, str] = {}
        if role is not None:
            sent["Authorization"] = f"Bearer {KEYS[role]}"
        if method == "POST" and key is not None:
            sent["Idempotency-Key"] = key or f"made-{next(self._numbers)}"
        if method == "POST":
            sent["Content-Type"] = "application/json"
        if raw is None and body is not None:
            raw = json.dumps(body).encode()
        return self.client.simulate_request(
            method,
            path,
            body=raw,
            headers=sent | (headers or {}),
            params=query if isinstance(query, dict) else None,
            query_string=query if isinstance(query, str) else None,
        )

    def get(self, path: str, **options: Any) -> falcon.testing.Result:
        return self.send("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> falcon.testing.Result:
        return self.send("POST", path, body, **options)

    def ok(self, path: str, body: object = None, **options: Any) -> Any:
        """POST that must succeed; its JSON."""
        answer = self.post(path, body, **options)
        assert answer.status_code in (200, 201), answer.text
        return answer.json

    def scheme(self, benefit: dict[str, Any] | None = None, **terms: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.ok(
            "/v1/schemes",
            {
                "number": f"YH{next(self._numbers):04d}",
                "name": "满减券",
                "benefit": benefit or {"kind": "money_off", "amount_fen": 500},
                "terms": {"validity": {"type": "from_receipt", "days": 30}, **terms},
            },
        )
        return made

    def redeem(self, code: str, bill: dict[str, Any], mode: str = "redeem", **options: Any) -> falcon.testing.Result:
        take = {"code": code, **options.pop("take", {})}
        return self.post("/v1/redemptions", {"mode": mode, "coupons": [take], "bill": bill}, **options)

    def code(self, benefit: dict[str, Any] | None = None, **terms: Any) -> str:
        """A coupon of a scheme of its own."""
        return str(self.ok("/v1/coupons", {"scheme_id": self.scheme(benefit, **terms)["id"]})["code"])


@pytest.fixture
def app(engine: Engine) -> App:
    records: list[Record] = [
        *(
            Credential(id=number, merchant_id=1, door=DOOR, public_id=hash_key(KEYS[role]), name=role.value, role=role)
            for number, role in ROLE_OF_CREDENTIAL.items()
        ),
        Shop(id=int(SHOP), merchant_id=1, number="001", name="001门店"),
        Shop(id=int(OTHER_SHOP), merchant_id=1, number="002", name="002门店"),
        Cashier(id=int(CASHIER), merchant_id=1, name="收银员01"),
        Member(id=int(MEMBER), merchant_id=1, name="会员001", mobile="13222113311", card_id="88001"),
        Item(id=9001, merchant_id=1, sku="6901", name="酸奶", category="dairy"),
    ]
    for record in records:
        engine.call(Put(merchant_id=1, record=record))
    return build(engine)


@pytest.fixture
def api(app: App) -> Api:
    return Api(app)


@pytest.fixture
def bill() -> MakeBill:
    """bill(number, …) → a bill of 50.00 yuan on two lines."""

    def make(number: str = "M1", **other: Any) -> dict[str, Any]:
        lines = [
            {"sku": "6901", "name": "酸奶", "category": "dairy", "quantity": 2, "unit_price_fen": 1250},
            {"sku": "6902", "name": "面包", "category": "bakery", "quantity": 1, "unit_price_fen": 2500},
        ]
        return {"number": number, "shop_id": SHOP, "scene": "shop", "lines": lines, **other}

    return make
