"""The error tables are total, and whatever goes wrong below the door leaves it as one of the documented codes."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from gateways.kingdee.world import WRITE_OFF_PATH, Shelf, Till
from hexiao.config import Settings
from hexiao.domain.errors import Code, Family
from hexiao.gateways.kingdee import errors
from hexiao.gateways.kingdee.account import Application
from hexiao.gateways.kingdee.errors import WIRE, BusinessCode, GatewayCode
from hexiao.vault import Vault

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "kingdee.md"


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


def test_the_document_lists_every_errcode_with_our_codes_behind_it() -> None:
    rows = [line.split("|") for line in DOCUMENT.read_text("utf-8").splitlines() if re.match(r"\| \d{3,10} \|", line)]
    listed = {int(cells[1]): set(re.findall(r"`(\w+)`", cells[-2])) for cells in rows}
    sent = {
        int(wire.errcode): {c.value for c, w in WIRE.items() if w.errcode == wire.errcode} for wire in WIRE.values()
    }
    beside = [*GatewayCode, *BusinessCode, errors.TOKEN_EXPIRED, errors.TOKEN_NOT_VALID]
    assert listed == {int(errcode): set() for errcode in beside} | sent


def sql(settings: Settings, text: str) -> None:
    """Behind the engine's back: what an operator or a fault may do to the file."""
    with closing(sqlite3.connect(settings.sqlite_path)) as connection, connection:
        connection.execute(text)


def test_what_nobody_foresaw_is_a_system_error_with_an_id_that_is_in_the_log(till: Till, settings: Settings) -> None:
    sql(settings, "UPDATE merchant SET time_zone = 'Nowhere/13222113311'")
    with structlog.testing.capture_logs() as logs:
        response = till.write_offs()
    assert (response.status, response.errcode) == (200, BusinessCode.SYSTEM_ERROR)
    assert set(response.body) == {"data", "description", "errcode"}
    (logged,) = [entry for entry in logs if entry["event"] == "unexpected"]
    assert logged["error_id"] in response.body["description"]
    assert "x-api-requestid" in response.headers
    assert b"Nowhere" not in response.raw
    assert b"Traceback" not in response.raw


def test_a_database_that_does_not_answer_is_a_service_error(till: Till, settings: Settings) -> None:
    sql(settings, "ALTER TABLE redemption RENAME TO gone")
    response = till.write_offs()
    sql(settings, "ALTER TABLE gone RENAME TO redemption")
    assert (response.status, response.errcode) == (200, BusinessCode.SERVICE_UNAVAILABLE)
    assert till.write_offs().errcode == 0


def test_a_credential_sealed_with_another_key_is_a_system_error_and_tells_nothing(shelf: Shelf, till: Till) -> None:
    other = Shelf(shelf.engine, Vault(b"2" * 32))
    other.credential("kingdee", "77", Application(client_secret="s" * 32))
    response = till.signed("GET", WRITE_OFF_PATH, client_id="77", secret="s" * 32)
    assert (response.status, response.errcode) == (200, BusinessCode.SYSTEM_ERROR)
