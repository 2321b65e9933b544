"""What is refused before a database is asked: with the same words on every engine, and at nobody else's expense."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.desk import MERCHANT, a_bill, redeeming, takes
from engine.process import Process
from hexiao.domain.errors import Code
from hexiao.domain.party import Member
from hexiao.engine.commands import Answer, Failed, Import, Imported, LookUp, Put, Redeem, RedeemEach, Void


def code_of(result: Any) -> Code | None:
    assert isinstance(result, Answer)
    return result.outcome.code if isinstance(result.outcome, Failed) else None


@pytest.mark.parametrize("odd", ["no\0body", "half \ud83e a character", "\0"])
@pytest.mark.parametrize(
    "asked",
    [
        lambda odd: redeeming(odd),
        lambda odd: redeeming(["any", odd]),
        lambda odd: redeeming("any", a_bill(odd)),
        lambda odd: redeeming("any", request_id=odd),
        lambda odd: Void(merchant_id=MERCHANT, code="any", reason=odd),
        lambda odd: Void(merchant_id=MERCHANT, code="any", actor=odd),
        lambda odd: Put(merchant_id=MERCHANT, record=Member(id=0, merchant_id=MERCHANT, name=odd)),
    ],
    ids=["code", "second code", "bill", "request_id", "reason", "actor", "record"],
)
def test_a_text_that_cannot_be_kept_is_refused_wherever_it_stands(asked: Any, odd: str, alone: Process) -> None:
    [result] = alone.commit(asked(odd))
    assert code_of(result) is Code.MALFORMED_REQUEST


def test_it_is_refused_in_a_look_too(alone: Process) -> None:
    [result] = alone.look(LookUp(merchant_id=MERCHANT, code="no\0body"))
    assert code_of(result) is Code.MALFORMED_REQUEST


def test_the_others_of_the_batch_are_answered_in_their_places(alone: Process) -> None:
    first, last = alone.desk.coupon(), alone.desk.coupon()
    asked = [redeeming("\0"), redeeming(first, a_bill("B1")), redeeming("\0"), redeeming(last, a_bill("B2"))]
    results = alone.commit(*asked)
    assert [code_of(one) for one in results] == [Code.MALFORMED_REQUEST, None, Code.MALFORMED_REQUEST, None]
    assert results[3].outcome.redemptions[0].code == last  # type: ignore[union-attr]


def test_a_text_that_only_looks_like_an_escaped_nul_is_a_text(alone: Process) -> None:
    [result] = alone.commit(redeeming(alone.desk.coupon(), a_bill("B\\u0000")))
    assert code_of(result) is None


@pytest.mark.parametrize("field", ["id", "record_id", "member_id"])
@pytest.mark.parametrize("wrong", [2**63, 0, -1])
def test_an_import_with_an_id_of_more_than_63_bits_is_refused(field: str, wrong: int, alone: Process) -> None:
    coupons = (Imported("OLD1"), replace(Imported("OLD2"), **{field: wrong}))
    [result] = alone.commit(Import(merchant_id=MERCHANT, scheme_id=alone.desk.scheme().id, coupons=coupons))
    assert code_of(result) is Code.MALFORMED_REQUEST


@pytest.mark.parametrize("change", [{"request_id": "another"}, {"merchant_id": MERCHANT + 1}])
def test_the_items_of_a_batch_are_asked_by_whoever_asks_the_whole(change: Any, alone: Process) -> None:
    code = alone.desk.coupon()
    item = Redeem(merchant_id=MERCHANT, request_id="r1", mode="redeem", coupons=takes(code), bill=a_bill())
    whole = RedeemEach(merchant_id=MERCHANT, request_id="r1", items=(item, replace(item, **change)))
    [result] = alone.commit(whole)
    assert code_of(result) is Code.MALFORMED_REQUEST
    assert alone.desk.balance(code)[1] == 0
