"""The gateway's checks: which error comes first, and everything a caller may spell differently."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from gateways.kingdee.world import AUTHORISE_PATH, CLIENT_SECRET, TOKEN_PATH, WRITE_OFF_PATH, Response, Shelf, Till
from hexiao.domain.party import Member, Merchant
from hexiao.engine.commands import Put
from hexiao.gateways.kingdee import server, signing, tokens
from hexiao.gateways.kingdee.account import ACCOUNT_DOOR, APPLICATION_DOOR, AccountSet, Application
from hexiao.gateways.kingdee.errors import TOKEN_EXPIRED, TOKEN_NOT_VALID, GatewayCode
from hexiao.vault import Vault

WINDOW_MS = 300_000


def gateway(response: Response) -> int:
    assert response.status == 519
    assert set(response.body) == {"errcode", "description", "description_cn"}
    return int(response.errcode)


@pytest.fixture
def token(till: Till) -> str:
    return str(till.token())


class TestOrder:
    """Each request has every later fault too; the first check that fails is the answer."""

    def test_an_unknown_path_is_said_before_anything_else(self, till: Till) -> None:
        assert gateway(till.send("GET", "/jdy/v2/ls/coupons")) == GatewayCode.API_NOT_FOUND
        assert gateway(till.send("PATCH", "/jdyconnector/")) == GatewayCode.API_NOT_FOUND

    @pytest.mark.parametrize(
        "path", [WRITE_OFF_PATH + "/", "/jdy/v2/ls/COUPONS_WRITE_OFF", "//jdy/v2/ls/coupons_write_off"]
    )
    def test_a_path_is_known_only_as_it_is_written(self, path: str, till: Till) -> None:
        assert gateway(till.send("GET", path)) == GatewayCode.API_NOT_FOUND

    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", WRITE_OFF_PATH), ("DELETE", TOKEN_PATH), ("GET", AUTHORISE_PATH), ("OPTIONS", TOKEN_PATH)],
    )
    def test_a_wrong_method_comes_next(self, method: str, path: str, till: Till) -> None:
        assert gateway(till.send(method, path)) == GatewayCode.METHOD_NOT_ALLOWED

    def test_then_the_headers_one_by_one(self, till: Till, clock: Any) -> None:
        now = str(clock.now)
        headers: dict[str, str] = {}
        steps = [
            ({}, GatewayCode.CLIENT_ID_EMPTY),
            ({"X-Api-ClientID": "999"}, GatewayCode.AUTH_TYPE_NOT_SUPPORTED),
            ({"X-Api-Auth-Version": "2.0"}, GatewayCode.TIMESTAMP_INVALID),
            ({"X-Api-TimeStamp": now}, GatewayCode.CLIENT_ID_INVALID),
            ({"X-Api-ClientID": "205022"}, GatewayCode.SIGN_HEADERS_INVALID),
            ({"X-Api-SignHeaders": "X-Api-TimeStamp,X-Api-Nonce"}, GatewayCode.SIGN_HEADERS_INVALID),
            ({"X-Api-Nonce": "1"}, GatewayCode.SIGNATURE_INVALID),
        ]
        for added, expected in steps:
            headers |= added
            assert gateway(till.send("GET", WRITE_OFF_PATH, headers)) == expected
        string, *_ = signing.canonical_strings("GET", WRITE_OFF_PATH, "", "1", now)
        headers["X-Api-Signature"] = signing.sign(CLIENT_SECRET, string)
        assert till.send("GET", WRITE_OFF_PATH, headers).errcode == TOKEN_NOT_VALID
        headers["app-token"] = till.token()
        assert till.send("GET", WRITE_OFF_PATH, headers).errcode == 1030002000

    def test_texts_are_those_that_were_seen(self, till: Till) -> None:
        assert till.send("GET", "/jdy/x").body == {
            "errcode": 5001, "description": "API not found[GW]", "description_cn": "请求的API不存在[网关]"
        }  # fmt: skip
        assert till.send("GET", TOKEN_PATH).body == {
            "errcode": 4002,
            "description": "Unauthorized, APP_ID is empty[GW]",
            "description_cn": "认证失败, 应用ID为空[网关]",
        }
        assert till.signed("GET", TOKEN_PATH, timestamp="1670305063559").body == {
            "errcode": 4006,
            "description": "Unauthorized, errDescEn: X-Api-TimeStamp is invalid: 1670305063559[GW]",
            "description_cn": "认证失败, errDescCn: X-Api-TimeStamp过期: 1670305063559[网关]",
        }


def test_every_answer_has_a_request_id_of_its_own(till: Till) -> None:
    answers = [
        till.send("GET", "/jdy/x"),
        till.send("GET", TOKEN_PATH),
        till.write_offs(),
        till.signed("GET", TOKEN_PATH),
    ]
    ids = {UUID(answer.headers["x-api-requestid"]) for answer in answers}
    assert len(ids) == len(answers)
    assert {answer.headers["content-type"] for answer in answers} == {"application/json;charset=UTF-8"}


class TestTimestamp:
    @pytest.mark.parametrize("off_ms", [-WINDOW_MS, -1, 0, 1, WINDOW_MS])
    def test_within_five_minutes_both_ways_it_is_good(self, off_ms: int, till: Till, clock: Any) -> None:
        assert till.signed("POST", AUTHORISE_PATH, timestamp=str(clock.now + off_ms)).errcode == 0

    @pytest.mark.parametrize("off_ms", [-WINDOW_MS - 1, WINDOW_MS + 1, -86_400_000])
    def test_outside_it_is_not(self, off_ms: int, till: Till, clock: Any) -> None:
        response = till.signed("POST", AUTHORISE_PATH, timestamp=str(clock.now + off_ms))
        assert gateway(response) == GatewayCode.TIMESTAMP_INVALID

    def test_seconds_are_as_good_as_milliseconds(self, till: Till, clock: Any) -> None:
        now_s = clock.now // 1000
        assert till.signed("POST", AUTHORISE_PATH, timestamp=str(now_s)).errcode == 0
        late = till.signed("POST", AUTHORISE_PATH, timestamp=str(now_s - 301))
        assert gateway(late) == GatewayCode.TIMESTAMP_INVALID

    @pytest.mark.parametrize("text", ["", "now", "-1763784000000", "17637840000001", "1e12", "x" * 5000, "%s{0}{what}"])
    def test_anything_else_is_no_timestamp(self, text: str, till: Till) -> None:
        response = till.signed("POST", AUTHORISE_PATH, change={"X-Api-TimeStamp": text})
        assert gateway(response) == GatewayCode.TIMESTAMP_INVALID
        assert len(response.raw) < 1000

    def test_a_window_of_zero_takes_any_timestamp_that_is_one(self, shelf: Shelf, vault: Vault, serve: Any) -> None:
        till = Till(serve(server.build(shelf.engine, vault, window_seconds=0)), shelf.engine)
        assert till.signed("POST", AUTHORISE_PATH, timestamp="1670305063559").errcode == 0
        assert gateway(till.signed("POST", AUTHORISE_PATH, timestamp="then")) == GatewayCode.TIMESTAMP_INVALID


class TestSpelling:
    @pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
    def test_header_names_come_in_any_case(self, spell: Any, till: Till, clock: Any) -> None:
        _, headers = signing.sign_request("205022", CLIENT_SECRET, "POST", AUTHORISE_PATH, {}, "2530", str(clock.now))
        response = till.send("POST", AUTHORISE_PATH, {spell(name): value for name, value in headers.items()})
        assert response.errcode == 0

    @pytest.mark.parametrize("name", ["X-Api-SignHeaders", "X-Api-SignHeader"])
    @pytest.mark.parametrize(
        "value",
        ["X-Api-TimeStamp,X-Api-Nonce", "X-Api-Nonce,X-Api-TimeStamp", "x-api-nonce, x-api-timestamp"],
    )
    def test_the_list_of_signed_headers_has_two_names_and_two_orders(self, name: str, value: str, till: Till) -> None:
        response = till.signed("POST", AUTHORISE_PATH, change={"X-Api-SignHeaders": None, name: value})
        assert response.errcode == 0

    @pytest.mark.parametrize(
        "value",
        ["", "X-Api-Nonce", "X-Api-TimeStamp", "X-Api-TimeStamp,X-Api-Nonce,X-Not-Sent", "X-Api-TimeStamp,X-Api-Nonce,",
         "X-Api-TimeStamp,X-Api-Nonce,x-api-nonce", "X-Api-TimeStamp;X-Api-Nonce"],
    )  # fmt: skip
    def test_a_list_that_names_too_little_or_what_was_not_sent_is_refused(self, value: str, till: Till) -> None:
        response = till.signed("POST", AUTHORISE_PATH, change={"X-Api-SignHeaders": value})
        assert gateway(response) == GatewayCode.SIGN_HEADERS_INVALID

    def test_further_signed_headers_are_part_of_the_signature(self, till: Till, clock: Any) -> None:
        now = str(clock.now)
        string, *_ = signing.canonical_strings("POST", AUTHORISE_PATH, "", "7", now, {"X-Trace": "abc"})
        headers = {
            "X-Api-ClientID": "205022",
            "X-Api-Auth-Version": "2.0",
            "X-Api-TimeStamp": now,
            "X-Api-Nonce": "7",
            "X-Api-SignHeaders": "X-Api-Nonce,X-Api-TimeStamp,X-Trace",
            "X-Api-Signature": signing.sign(CLIENT_SECRET, string),
            "X-Trace": "abc",
        }
        assert till.send("POST", AUTHORISE_PATH, headers).errcode == 0
        changed = till.send("POST", AUTHORISE_PATH, headers | {"X-Trace": "abd"})
        assert gateway(changed) == GatewayCode.SIGNATURE_INVALID

    def test_a_repeated_nonce_is_no_fault(self, till: Till) -> None:
        assert [till.signed("POST", AUTHORISE_PATH).errcode for _ in range(3)] == [0, 0, 0]

    @pytest.mark.parametrize("method", ["get", "Get"])
    def test_the_method_may_be_in_lower_case(self, method: str, till: Till, token: str) -> None:
        params = {"store_id": "1333333333"}
        assert till.signed(method, WRITE_OFF_PATH, params, token=token).errcode == 0

    def test_an_escaped_path_is_the_same_path(self, till: Till, token: str, clock: Any) -> None:
        target, headers = signing.sign_request(
            "205022", CLIENT_SECRET, "GET", WRITE_OFF_PATH, {"store_id": "1"}, "1", str(clock.now)
        )
        escaped = target.replace("coupons_write", "coupons%5fwrite")
        assert till.send("GET", escaped, headers | {"app-token": token}).errcode == 0

    def test_router_address_and_content_type_are_not_demanded_but_taken(self, till: Till, token: str) -> None:
        beside = {"X-GW-Router-Addr": "https://tf.jdy.com", "Content-Type": "application/json; charset=utf-8"}
        params = {"store_id": "1333333333"}
        assert till.signed("GET", WRITE_OFF_PATH, params, token=token, change=beside).errcode == 0


class TestCaller:
    @pytest.mark.parametrize("client_id", ["205023", "x" * 3000, "' OR 1=1 --", "\xff"])
    def test_an_unknown_client_is_refused(self, client_id: str, till: Till) -> None:
        response = till.signed("POST", AUTHORISE_PATH, change={"X-Api-ClientID": client_id})
        assert gateway(response) == GatewayCode.CLIENT_ID_INVALID
        assert len(response.raw) < 1000

    def test_a_secret_of_somebody_else_does_not_sign(self, till: Till) -> None:
        response = till.signed("POST", AUTHORISE_PATH, secret="f2adcfef73369bfc4e1384677d38a0ff")
        assert gateway(response) == GatewayCode.SIGNATURE_INVALID

    def test_a_signature_for_another_query_or_method_does_not_fit(self, till: Till, token: str, clock: Any) -> None:
        _, headers = signing.sign_request(
            "205022", CLIENT_SECRET, "GET", WRITE_OFF_PATH, {"store_id": "1"}, "1", str(clock.now)
        )
        response = till.send("GET", f"{WRITE_OFF_PATH}?store_id=2", headers | {"app-token": token})
        assert gateway(response) == GatewayCode.SIGNATURE_INVALID

    def test_a_revoked_client_is_unknown(self, shelf: Shelf, till: Till, clock: Any) -> None:
        shelf.credential("kingdee", "31", Application(client_secret="s" * 32), revoked_at=clock.now)
        response = till.signed("POST", AUTHORISE_PATH, client_id="31", secret="s" * 32)
        assert gateway(response) == GatewayCode.CLIENT_ID_INVALID


class TestAppToken:
    def refused(self, response: Response) -> int:
        assert response.status == 401
        assert set(response.body) == {"description", "errcode"}
        return int(response.errcode)

    def ask(self, till: Till, token: str | None, **more: Any) -> Response:
        return till.signed("GET", WRITE_OFF_PATH, {"store_id": "1333333333"}, token=token, **more)

    @pytest.mark.parametrize("token", [None, "", "T", "a.b.c", "x" * 20_000, "\xff\xfe"])
    def test_none_or_a_malformed_one_is_not_valid(self, token: str | None, till: Till) -> None:
        assert self.refused(self.ask(till, token)) == TOKEN_NOT_VALID

    @pytest.mark.parametrize(("token", "told"), [(None, "empty"), ("", "empty"), ("T", "invalid")])
    def test_a_missing_one_is_told_apart_from_a_malformed_one(self, token: str | None, told: str, till: Till) -> None:
        assert self.ask(till, token).body["description"] == f"JWT token is {told}"

    def test_it_is_good_for_a_day(self, till: Till, token: str, clock: Any) -> None:
        clock.forward(86_399)
        assert self.ask(till, token).errcode == 0
        clock.forward(1)
        response = self.ask(till, token)
        assert self.refused(response) == TOKEN_EXPIRED
        assert response.body["description"] == "JWT token has expired"

    def test_one_signed_with_another_key_is_not_valid(self, till: Till, clock: Any) -> None:
        forged = tokens.mint(b"k" * 32, "1820256048657727000", "205022", 1, clock.now // 1000)
        assert self.refused(self.ask(till, forged)) == TOKEN_NOT_VALID

    def test_one_of_another_client_is_not_valid(self, shelf: Shelf, till: Till, token: str) -> None:
        shelf.application("31", "s" * 32)
        shelf.account_set("otherKey", client_id="31")  # of the same account id
        assert self.refused(self.ask(till, token, client_id="31", secret="s" * 32)) == TOKEN_NOT_VALID

    def test_one_of_a_revoked_account_set_is_not_valid(self, shelf: Shelf, till: Till, token: str, clock: Any) -> None:
        shelf.account_set(revoked_at=clock.now)
        assert self.refused(self.ask(till, token)) == TOKEN_NOT_VALID

    def test_one_of_an_account_set_that_was_in_use_is_not_valid_soon_after_it_was_revoked(
        self, shelf: Shelf, till: Till, token: str, clock: Any
    ) -> None:
        assert self.ask(till, token).errcode == 0
        shelf.account_set(revoked_at=clock.now)
        clock.forward(3.001)
        assert self.refused(self.ask(till, token)) == TOKEN_NOT_VALID

    def test_one_of_an_account_set_that_was_added_just_now_is_valid(
        self, shelf: Shelf, till: Till, token: str, clock: Any
    ) -> None:
        assert self.ask(till, token).errcode == 0  # so the others are remembered
        shelf.account_set("newKey", account_id="new")
        assert self.ask(till, till.token("newKey")).errcode == 0

    def test_one_of_an_account_set_that_never_was_is_not_valid(self, vault: Vault, till: Till, clock: Any) -> None:
        minted = tokens.mint(vault.derive("kingdee-token"), "404", "205022", 1, clock.now // 1000)
        assert self.refused(self.ask(till, minted)) == TOKEN_NOT_VALID

    def test_the_token_is_not_asked_for_on_the_way_to_it(self, till: Till) -> None:
        assert till.signed("POST", AUTHORISE_PATH, token="nonsense").errcode == 0


def test_a_merchant_sees_nothing_of_another_one(shelf: Shelf, till: Till) -> None:
    shelf.redeem(shelf.coupon(shelf.scheme("001"), "A1"))
    shelf.call(Put(merchant_id=2, record=Merchant(id=2, name="另一商户")))
    shelf.call(Put(merchant_id=2, record=Member(id=22, merchant_id=2, name="另一会员")))
    shelf.credential(APPLICATION_DOOR, "2", Application(client_secret="s" * 32), merchant_id=2)
    account = AccountSet(
        app_secret="a" * 40, client_id="2", outer_instance_id="2", account_id="2", account_name="二", uid=2
    )
    shelf.credential(ACCOUNT_DOOR, "key2", account, merchant_id=2)
    other: dict[str, Any] = {"client_id": "2", "secret": "s" * 32}
    token = till.token("key2", "a" * 40, **other)
    response = till.signed("GET", WRITE_OFF_PATH, {"store_id": "1333333333"}, token=token, **other)
    assert response.body["data"]["count"] == 0
    assert len(till.rows()) == 1
