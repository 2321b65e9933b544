"""How a client gets in: the list of account sets that authorised it, and the app-token of one of them."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from gateways.kingdee.world import AUTHORISE_PATH, TOKEN_PATH, Shelf, Till
from hexiao.gateways.kingdee import signing
from hexiao.gateways.kingdee.account import Application
from hexiao.gateways.kingdee.errors import BusinessCode

APP_KEY = "demoKey1"
GOOD = {
    "app_key": APP_KEY,
    "app_signature": signing.app_signature(APP_KEY, "0123456789abcdef0123456789abcdef01234567"),
}


class TestToken:
    def test_the_answer_has_the_documented_shape(self, till: Till, clock: Any) -> None:
        response = till.signed("GET", TOKEN_PATH, GOOD)
        assert response.status == 200
        data = response.body["data"]
        assert response.body == {"errcode": 0, "description": "成功", "data": data}
        assert set(data) == {"uid", "app-token", "access_token", "expires"}
        assert data["uid"] == 173053163
        assert len(data["access_token"]) == 32 and int(data["access_token"], 16)
        assert data["expires"] == clock.now + 86_400_000

    def test_the_token_is_a_jwt_for_the_account_set(self, till: Till, clock: Any) -> None:
        claims = jwt.decode(till.token(), options={"verify_signature": False})
        assert claims["aid"] == "1820256048657727000"
        assert claims["exp"] - claims["iat"] == 86_400

    def test_a_user_may_be_named(self, till: Till) -> None:
        assert till.signed("GET", TOKEN_PATH, GOOD | {"uid": "42"}).body["data"]["uid"] == 42

    @pytest.mark.parametrize("uid", ["me", "-1", "12345678901", "１"])
    def test_a_user_that_is_no_number_of_ten_digits_is_refused(self, uid: str, till: Till) -> None:
        assert till.signed("GET", TOKEN_PATH, GOOD | {"uid": uid}).errcode == BusinessCode.FIELD_TYPE

    @pytest.mark.parametrize("missing", ["app_key", "app_signature"])
    @pytest.mark.parametrize("value", [None, ""])
    def test_a_missing_parameter_is_named(self, missing: str, value: str | None, till: Till) -> None:
        response = till.signed("GET", TOKEN_PATH, GOOD | {missing: value})
        assert (response.status, response.errcode) == (200, BusinessCode.FIELD_EMPTY)
        assert missing in response.body["description"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"app_signature": "x"},
            {"app_signature": "优"},
            {"app_signature": signing.app_signature(APP_KEY, "another secret")},
            {"app_key": "nobodys"},
            {"app_key": "k" * 200},
        ],
        ids=str,
    )
    def test_a_bad_key_is_the_recorded_answer(self, wrong: dict[str, str], till: Till) -> None:
        response = till.signed("GET", TOKEN_PATH, GOOD | wrong)
        assert response.status == 200
        assert response.body == {
            "errcode": 1030002006,
            "description": "授权密钥校验失败，请获取最新密钥加密",
            "data": None,
        }

    def test_the_key_of_another_application_or_a_revoked_one_is_a_bad_key(
        self, shelf: Shelf, till: Till, clock: Any
    ) -> None:
        shelf.account_set("theirs", client_id="31")
        shelf.account_set("revoked", revoked_at=clock.now)
        for app_key in ("theirs", "revoked"):
            signature = signing.app_signature(app_key, "0123456789abcdef0123456789abcdef01234567")
            response = till.signed("GET", TOKEN_PATH, {"app_key": app_key, "app_signature": signature})
            assert response.errcode == BusinessCode.FIELD_FORMAT

    def test_parameters_may_come_in_a_json_body(self, till: Till) -> None:
        body = f'{{"app_key":"{APP_KEY}","app_signature":"{GOOD["app_signature"]}","uid":7}}'.encode()
        assert till.signed("GET", TOKEN_PATH, body=body).body["data"]["uid"] == 7


class TestAuthorise:
    def test_both_envelopes_and_every_documented_field_are_there(self, till: Till) -> None:
        response = till.signed("POST", AUTHORISE_PATH, {"outerInstanceId": "173053163000000001"}, body=b"{}")
        assert response.status == 200
        assert response.body == {
            "errcode": 0,
            "description": "成功",
            "code": 200,
            "msg": "成功",
            "data": [
                {
                    "accountId": "1820256048657727000",
                    "accountName": "测试账套",
                    "agreementCompanyName": "测试账套",
                    "appKey": "demoKey1",
                    "appSecret": "0123456789abcdef0123456789abcdef01234567",
                    "clientId": "205022",
                    "domain": "https://tf.jdy.com",
                    "groupName": None,
                    "outerInstanceId": "173053163000000001",
                    "serviceId": None,
                    "status": 1,
                }
            ],
        }

    def test_what_it_hands_out_gets_a_token(self, till: Till) -> None:
        account = till.signed("POST", AUTHORISE_PATH).body["data"][0]
        assert till.token(account["appKey"], account["appSecret"])

    def test_without_an_instance_it_lists_every_account_set_of_the_caller(
        self, shelf: Shelf, till: Till, clock: Any
    ) -> None:
        shelf.account_set("second", outer_instance_id="2")
        shelf.account_set("gone", revoked_at=clock.now)
        shelf.account_set("theirs", client_id="31")
        listed = till.signed("POST", AUTHORISE_PATH).body["data"]
        assert {account["appKey"] for account in listed} == {"demoKey1", "second"}
        one = till.signed("POST", AUTHORISE_PATH, {"outerInstanceId": "2"}).body["data"]
        assert [account["appKey"] for account in one] == ["second"]

    @pytest.mark.parametrize("instance", ["404", "x", "1" * 19])
    def test_an_unknown_instance_is_an_empty_list(self, instance: str, till: Till) -> None:
        response = till.signed("POST", AUTHORISE_PATH, {"outerInstanceId": instance})
        assert (response.errcode, response.body["code"], response.body["data"]) == (0, 200, [])

    def test_an_error_speaks_both_envelopes_too(self, till: Till) -> None:
        body = till.signed_raw("POST", AUTHORISE_PATH, "outerInstanceId=%FF").body
        assert body["errcode"] == body["code"] == BusinessCode.FIELD_FORMAT
        assert body["description"] == body["msg"]
        assert body["data"] is None

    @pytest.mark.parametrize("body", [None, b"", b"{}", b"outerInstanceId=404", b"\xff"])
    def test_its_body_does_not_matter(self, body: bytes | None, till: Till) -> None:
        assert len(till.signed("POST", AUTHORISE_PATH, body=body).body["data"]) == 1


class TestSettings:
    def test_a_secret_that_cannot_encipher_is_refused_when_it_should(self) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            Application(client_secret="short")
        assert Application(client_secret="short", encrypt_mobile=False).client_secret == "short"

    def test_an_empty_secret_is_never_taken(self) -> None:
        with pytest.raises(ValueError, match="empty"):
            Application(client_secret="", encrypt_mobile=False)
