"""What the tests of this door share: a shelf of things to ask for, and a client that sends the bytes it is told."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.party import Credential
from hexiao.domain.redemption import Redemption
from hexiao.domain.scheme import Benefit, FixedDates, MoneyOff, Terms
from hexiao.engine.commands import (
    AnyCommand,
    CreateScheme,
    Failed,
    Import,
    Imported,
    Issued,
    Put,
    Redeem,
    Redeemed,
    SchemeSaved,
    Take,
)
from hexiao.engine.committer import Engine
from hexiao.gateways.kingdee import signing
from hexiao.gateways.kingdee.account import ACCOUNT_DOOR, APPLICATION_DOOR, AccountSet, Application
from hexiao.vault import Vault, place_of

CLIENT_ID = "205022"
CLIENT_SECRET = "75eb3c7cd5974c3018d6934e142b5f81"
APP_KEY = "demoKey1"
APP_SECRET = "0123456789abcdef0123456789abcdef01234567"
OUTER_INSTANCE_ID = "173053163000000001"
ACCOUNT_ID = "1820256048657727000"
SHOP = 1333333333
SHANGHAI = ZoneInfo("Asia/Shanghai")

TOKEN_PATH = "/jdyconnector/app_management/kingdee_auth_token"
AUTHORISE_PATH = "/jdyconnector/app_management/push_app_authorize"
WRITE_OFF_PATH = "/jdy/v2/ls/coupons_write_off"


def shanghai(text: str) -> int:
    """ "2023-11-18 16:06:44" → UTC ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)


class Response(msgspec.Struct):
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        decoded = json.loads(self.raw)
        assert isinstance(decoded, dict)
        return decoded

    @property
    def errcode(self) -> int:
        return int(self.body["errcode"])


class Shelf:
    """What a test puts into the engine before it asks the door."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self.engine = engine
        self._vault = vault
        self._bills = 0

    def put(self, record: Any) -> None:
        self.call(Put(merchant_id=1, record=record))

    def call(self, command: AnyCommand) -> Any:
        outcome = self.engine.call(command).outcome
        assert not isinstance(outcome, Failed), outcome
        return outcome

    def application(self, client_id: str = CLIENT_ID, secret: str = CLIENT_SECRET, **settings: Any) -> None:
        self.credential(APPLICATION_DOOR, client_id, Application(client_secret=secret, **settings))

    def account_set(self, app_key: str = APP_KEY, revoked_at: int | None = None, **changed: Any) -> None:
        settings: dict[str, Any] = {
            "app_secret": APP_SECRET,
            "client_id": CLIENT_ID,
            "outer_instance_id": OUTER_INSTANCE_ID,
            "account_id": ACCOUNT_ID,
            "account_name": "测试账套",
            "uid": 173053163,
        }
        self.credential(ACCOUNT_DOOR, app_key, AccountSet(**settings | changed), revoked_at)

    def credential(
        self, door: str, public_id: str, settings: msgspec.Struct, revoked_at: int | None = None, merchant_id: int = 1
    ) -> None:
        sealed = self._vault.seal(msgspec.json.encode(settings), place_of(door, public_id))
        stored = self.engine.read_now(lambda reader: reader.credential(door, public_id))
        record = Credential(
            id=stored.id if stored else 0,
            merchant_id=merchant_id,
            door=door,
            public_id=public_id,
            name=f"{door}:{public_id}",
            sealed=sealed,
            revoked_at=revoked_at,
        )
        self.call(Put(merchant_id=merchant_id, record=record))

    def scheme(self, number: str, benefit: Benefit | None = None, **terms: Any) -> int:
        dates = FixedDates(datetime(2020, 1, 1).date(), datetime(2030, 12, 31).date())  # noqa: DTZ001
        command = CreateScheme(
            merchant_id=1,
            number=number,
            name=f"方案{number}",
            terms=Terms(validity=dates, **terms),
            benefit=benefit or MoneyOff(amount_fen=10_000),
        )
        saved = self.call(command)
        assert isinstance(saved, SchemeSaved)
        return saved.scheme.id

    def coupon(self, scheme_id: int, code: str, **kept: Any) -> str:
        issued = self.call(Import(merchant_id=1, scheme_id=scheme_id, coupons=(Imported(code=code, **kept),)))
        assert isinstance(issued, Issued)
        return code

    def redeem(self, code: str, mode: Any = "redeem", fen: int = 100, **bill: Any) -> Redemption:
        self._bills += 1
        values: dict[str, Any] = {"number": f"B{self._bills:04}", "shop_id": SHOP, **bill}
        line = BillLine(sku="sku", quantity=1, unit_price_fen=fen)
        command = Redeem(merchant_id=1, mode=mode, coupons=(Take(code),), bill=Bill(lines=(line,), **values))
        redeemed = self.call(command)
        assert isinstance(redeemed, Redeemed)
        return redeemed.redemptions[0].redemption


class Till:
    """A client of the served door: signs as ours does, sends what it is told."""

    def __init__(self, base_url: str, engine: Engine) -> None:
        self.address = urlsplit(base_url)
        self.engine = engine

    def send(self, method: str, target: str, headers: Mapping[str, str] = {}, body: bytes | None = None) -> Response:
        connection = http.client.HTTPConnection(str(self.address.hostname), self.address.port, timeout=20)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # answered before it was sent whole
                connection.endheaders(body)
            got = connection.getresponse()
            return Response(got.status, dict(got.getheaders()), got.read())
        finally:
            connection.close()

    def signed(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | None] | None = None,
        *,
        token: str | None = None,
        body: bytes | None = None,
        change: Mapping[str, str | None] | None = None,
        client_id: str = CLIENT_ID,
        secret: str = CLIENT_SECRET,
        timestamp: str | None = None,
    ) -> Response:
        """A signed request; `change` replaces or (None) takes away headers after signing."""
        at = str(self.engine.clock()) if timestamp is None else timestamp
        target, headers = signing.sign_request(client_id, secret, method, path, params or {}, "4427456950", at)
        return self.send(method, target, self._with(headers, token, change), body)

    def signed_raw(
        self, method: str, path: str, raw_query: str, *, token: str | None = None, body: bytes | None = None
    ) -> Response:
        """The query goes on the wire as it is, and is signed in form W."""
        at = str(self.engine.clock())
        _, headers = signing.sign_request(CLIENT_ID, CLIENT_SECRET, method, path, {}, "1", at)
        string, *_ = signing.canonical_strings(method, path, raw_query, "1", at)
        change = {"X-Api-Signature": signing.sign(CLIENT_SECRET, string)}
        return self.send(method, f"{path}?{raw_query}", self._with(headers, token, change), body)

    def token(self, app_key: str = APP_KEY, app_secret: str = APP_SECRET, **more: Any) -> str:
        params = {"app_key": app_key, "app_signature": signing.app_signature(app_key, app_secret)}
        response = self.signed("GET", TOKEN_PATH, params, **more)
        assert response.errcode == 0, response.body
        return str(response.body["data"]["app-token"])

    def write_offs(self, params: Mapping[str, str | None] | None = None, **more: Any) -> Response:
        """The list of one shop, with a fresh token."""
        wanted = {"store_id": str(SHOP)} | dict(params or {})
        return self.signed("GET", WRITE_OFF_PATH, wanted, token=self.token(), **more)

    def rows(self, params: Mapping[str, str | None] | None = None) -> list[dict[str, Any]]:
        response = self.write_offs(params)
        assert (response.status, response.errcode) == (200, 0), response.body
        rows = response.body["data"]["rows"]
        assert isinstance(rows, list)
        return rows

    def _with(
        self, headers: dict[str, str], token: str | None, change: Mapping[str, str | None] | None
    ) -> dict[str, str]:
        merged: dict[str, str | None] = {**headers, "app-token": token, **(change or {})}
        return {name: value for name, value in merged.items() if value is not None}
