"""The error tables are total, and whatever goes wrong below the door leaves it as one of the documented codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog

from hexiao.domain.errors import Code, Family
from hexiao.engine.committer import Engine
from hexiao.gateways.kingdee import errors, server
from hexiao.gateways.kingdee.account import Application
from hexiao.gateways.kingdee.errors import WIRE, BusinessCode, GatewayCode
from hexiao.storage.base import StorageDown
from hexiao.vault import Vault

WRITE_OFF_PATH = "/jdy/v2/ls/coupons_write_off"


def test_every_code_of_ours_has_a_wire_code() -> None:
    assert set(WIRE) == set(Code)


def test_every_gateway_code_has_both_texts() -> None:
    assert set(errors.GATEWAY_TEXTS) == set(GatewayCode)
    for code in GatewayCode:
        refusal = errors.gateway_refusal(code, "{x}%s")
        assert refusal.description.endswith("[GW]")
        assert refusal.description_cn is not None
        assert refusal.description_cn.endswith("[网关]")


@pytest.mark.parametrize("code", Code, ids=lambda code: code.value)
def test_a_code_travels_with_the_status_of_its_kind(code: Code) -> None:
    refusal = errors.rejected(code, {})
    assert refusal.errcode != 0
    if refusal.status == 519:
        assert refusal.errcode in list(GatewayCode)
        assert refusal.description_cn
    else:
        assert refusal.status == 200
        assert refusal.errcode in list(BusinessCode)


def test_only_the_system_and_nothing_else_is_told_to_be_retried() -> None:
    system = {BusinessCode.SYSTEM_ERROR, BusinessCode.SERVICE_UNAVAILABLE}
    assert {code for code, wire in WIRE.items() if wire.errcode in system} == {
        code for code in Code if code.family is Family.UNAVAILABLE
    }


class Broken:
    """An engine whose reads fail as they are told; everything else is the real one."""

    def __init__(self, engine: Engine, failure: Exception) -> None:
        self._engine = engine
        self._failure = failure
        self.broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def read(self, query: Any) -> Any:
        def failing(reader: Any) -> Any:
            if self.broken:
                raise self._failure
            return query(reader)

        return await self._engine.read(failing)


@pytest.fixture
def breakable(shelf: Any, vault: Vault, serve: Callable[[Any], str]) -> Callable[[Exception], Any]:
    def build(failure: Exception) -> Any:
        engine: Any = Broken(shelf.engine, failure)
        from_here = type(shelf).__module__
        till = __import__("sys").modules[from_here].Till(serve(server.build(engine, vault)), engine)
        return till

    return build


def test_what_nobody_foresaw_is_a_system_error_with_an_id_that_is_in_the_log(
    breakable: Callable[[Exception], Any],
) -> None:
    till = breakable(RuntimeError("secret detail of 13222113311"))
    token = till.token()
    till.engine.broken = True
    with structlog.testing.capture_logs() as logs:
        response = till.signed("GET", WRITE_OFF_PATH, {"store_id": "1"}, token=token)
    assert (response.status, response.errcode) == (200, BusinessCode.SYSTEM_ERROR)
    assert set(response.body) == {"data", "description", "errcode"}
    (logged,) = [entry for entry in logs if entry["event"] == "unexpected"]
    assert logged["error_id"] in response.body["description"]
    assert "x-api-requestid" in response.headers
    assert b"secret" not in response.raw
    assert b"Traceback" not in response.raw


def test_a_database_that_does_not_answer_is_a_service_error(breakable: Callable[[Exception], Any]) -> None:
    till = breakable(StorageDown("disk is full"))
    token = till.token()
    till.engine.broken = True
    response = till.signed("GET", WRITE_OFF_PATH, {"store_id": "1"}, token=token)
    assert (response.status, response.errcode) == (200, BusinessCode.SERVICE_UNAVAILABLE)


def test_a_credential_sealed_with_another_key_is_a_system_error_and_tells_nothing(shelf: Any, till: Any) -> None:
    other = type(shelf)(shelf.engine, Vault(b"2" * 32))
    other.credential("kingdee", "77", Application(client_secret="s" * 32))
    response = till.signed("GET", WRITE_OFF_PATH, client_id="77", secret="s" * 32)
    assert (response.status, response.errcode) == (200, BusinessCode.SYSTEM_ERROR)
