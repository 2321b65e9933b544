"""Every vector of the protocol, positive and negative, through the running server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateways.zvcms.callers import ACTION, DAYS, MERCHANT, SIGNED, VECTORS, Caller, outcome
from hexiao.domain.scheme import CodeFormat, DaysFromNextDay, MoneyOff, Terms
from hexiao.engine.commands import CreateScheme, Import, Imported, Issue

UNKNOWN_COUPON = (True, 100010)
WRONG_GRANT_CODE = (False, 110002)
WRONG_TOKEN = (False, 110004)


def _name(vector: dict[str, Any]) -> str:
    return str(vector.get("name") or vector.get("text") or vector.get("code"))


def by_name(vectors: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[vectors], ids=_name)


def body(vector: dict[str, Any], token: str) -> dict[str, Any]:
    return {
        "OpenId": vector["open_id"],
        "GrantCode": vector["grant_code"],
        "Token": token,
        "Timestamp": vector["timestamp"],
        "Nonce": vector["nonce"],
        "Action": ACTION,
        "Params": {"code": "1"},
    }


def at_its_time(caller: Caller, vector: dict[str, Any]) -> None:
    caller.clock.now = int(vector["timestamp"]) * 1000


def account_of(caller: Caller, vector: dict[str, Any], **settings: Any) -> None:
    caller.open_account(vector["open_id"], open_key=vector["open_key"], grant_code=vector["grant_code"], **settings)


@by_name("sign")
def test_a_recorded_token_opens_the_door(caller: Caller, vector: dict[str, Any]) -> None:
    at_its_time(caller, vector)
    account_of(caller, vector)
    assert outcome(caller.send(body(vector, vector["token"]))) == UNKNOWN_COUPON
    assert outcome(caller.send(body(vector, vector["token"]) | {"Nonce": "7"})) == WRONG_TOKEN


@by_name("sign")
def test_numbers_are_signed_as_they_are_printed(caller: Caller, vector: dict[str, Any]) -> None:
    at_its_time(caller, vector)
    account_of(caller, vector)
    numbers = {"Nonce": int(vector["nonce"]), "Timestamp": int(vector["timestamp"])}
    assert outcome(caller.send(body(vector, vector["token"]) | numbers)) == UNKNOWN_COUPON


@by_name("token_transport")
def test_a_token_is_form_decoded_once(caller: Caller, vector: dict[str, Any]) -> None:
    signed = SIGNED[vector["vector"]]
    at_its_time(caller, signed)
    account_of(caller, signed)
    expected = UNKNOWN_COUPON if vector["accept"] else WRONG_TOKEN
    assert outcome(caller.send(body(signed, vector["sent_token"]))) == expected


def test_a_bare_plus_reads_as_a_space(caller: Caller) -> None:
    signed = SIGNED["synthetic-plus-and-slash"]
    at_its_time(caller, signed)
    account_of(caller, signed)
    assert outcome(caller.send(body(signed, signed["base64"]))) == WRONG_TOKEN


@by_name("sign_negative")
def test_a_token_for_other_values_is_refused(caller: Caller, vector: dict[str, Any]) -> None:
    """The account is the one that the changed value would need, so that nothing but the token can refuse."""
    at_its_time(caller, vector)
    account_of(caller, vector)
    assert outcome(caller.send(body(vector, vector["token"]))) == WRONG_TOKEN


def test_another_grant_code_is_refused_before_the_token_is_looked_at(caller: Caller) -> None:
    vector = next(one for one in VECTORS["sign_negative"] if one["name"] == "grant-code-changed")
    at_its_time(caller, vector)
    account_of(caller, SIGNED[vector["from_vector"]])
    assert outcome(caller.send(body(vector, vector["token"]))) == WRONG_GRANT_CODE


def test_the_sample_whose_secret_nobody_knows_is_refused(caller: Caller) -> None:
    sample = VECTORS["unverifiable_sample"]
    at_its_time(caller, sample)
    assert outcome(caller.send(body(sample, sample["token"]))) == WRONG_TOKEN


def test_a_grant_code_that_clients_escape_in_two_ways_cannot_be_made(caller: Caller) -> None:
    with pytest.raises(ValueError, match="grant_code"):
        account_of(caller, VECTORS["sign_edge"][0])


@by_name("validity_windows")
def test_a_coupon_is_valid_in_its_window(caller: Caller, vector: dict[str, Any]) -> None:
    caller.clock.now = vector["created_at"] * 1000
    days = DAYS[vector["expire_type"]](vector["expire_days"])
    scheme = caller.do(
        CreateScheme(
            merchant_id=MERCHANT,
            number="W",
            name="窗口",
            terms=Terms(validity=days, code_format=CodeFormat.DATED),
            benefit=MoneyOff(100),
        )
    ).scheme
    code = caller.do(Issue(merchant_id=MERCHANT, scheme_id=scheme.id)).coupons[0].code
    data = caller.data(code)
    assert (data["created_at"], data["start_at"], data["end_at"]) == (
        vector["created_at"],
        vector["start_at"],
        vector["end_at"],
    )
    assert (data["coupon"]["expire_type"], data["coupon"]["expire_days"]) == (
        vector["expire_type"],
        vector["expire_days"],
    )
    assert code[:8] == vector["created_at_utc8"][:10].replace("-", "")


@by_name("texts")
def test_a_text_is_the_recorded_one(caller: Caller, vector: dict[str, Any]) -> None:
    days = DAYS[vector.get("expire_type", 1)](vector.get("expire_days", 1))
    terms = Terms(
        validity=days,
        minimum_spend_fen=vector.get("min_amount_use", 0) * 100,
        scene=("both", "online", "shop")[vector.get("use_scene", 0)],
    )
    scheme = caller.do(
        CreateScheme(merchant_id=MERCHANT, number="T", name="文字", terms=terms, benefit=MoneyOff(100))
    ).scheme
    code = caller.do(Issue(merchant_id=MERCHANT, scheme_id=scheme.id)).coupons[0].code
    assert caller.data(code)["coupon"][vector["field"]] == vector["text"]


@by_name("verify_codes")
@pytest.mark.parametrize("as_number", [False, True], ids=["as text", "as a number"])
def test_a_code_comes_back_with_every_digit(caller: Caller, vector: dict[str, Any], as_number: bool) -> None:
    code = vector["code"]
    assert (len(code), code[:8]) == (vector["digits"], vector["date_part"])
    terms = Terms(validity=DaysFromNextDay(20))
    scheme = caller.do(
        CreateScheme(merchant_id=MERCHANT, number="V", name="券码", terms=terms, benefit=MoneyOff(100))
    ).scheme
    caller.do(Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=(Imported(code=code),)))
    assert caller.data(int(code) if as_number else code)["verify_code"] == code


def groups() -> Iterator[str]:
    yield from (name for name, value in VECTORS.items() if isinstance(value, list))


def test_no_group_of_vectors_was_forgotten() -> None:
    assert set(groups()) == {
        "sign",
        "sign_edge",
        "token_transport",
        "sign_negative",
        "validity_windows",
        "texts",
        "verify_codes",
    }
