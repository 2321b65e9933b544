"""The table of what this door says: total, without collisions, and the same as in the docs."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from gateways.zvcms.callers import DOCS
from hexiao.domain.errors import CLAUSES, Code, Family
from hexiao.domain.reasons import REASONS
from hexiao.gateways.zvcms.errors import TABLE, VENDOR_CODES, VENDOR_CODES_NOT_OURS, Fault, said


def test_the_table_is_total() -> None:
    assert set(TABLE) == set(Fault) | set(Code)


def test_every_fault_has_a_message_of_its_own() -> None:
    assert all(TABLE[fault].message for fault in Fault)


def test_no_two_of_our_codes_are_the_same() -> None:
    ours = [row.code for row in TABLE.values() if row.code not in VENDOR_CODES]
    assert len(ours) == len(set(ours))


def test_we_give_out_no_code_that_the_vendor_uses_otherwise() -> None:
    assert not {row.code for row in TABLE.values()} & VENDOR_CODES_NOT_OURS
    assert 0 not in {row.code for row in TABLE.values()}


def test_codes_stay_in_the_vendors_ranges() -> None:
    assert all(row.code // 100 in (1000, 1100) for row in TABLE.values())
    assert all(row.code // 100 == 1000 for row in TABLE.values() if row.status)


def test_the_vendors_codes_keep_their_meaning() -> None:
    users = {why for why, row in TABLE.items() if row.code in VENDOR_CODES}
    assert users == {Fault.PARAMETER_FORMAT, Fault.WRONG_TOKEN, Code.MALFORMED_REQUEST}


@pytest.mark.parametrize("code", Code)
def test_a_refusal_is_a_business_exception_and_a_failure_of_ours_a_system_error(code: Code) -> None:
    by_family = {Family.REFUSED: True, Family.UNAVAILABLE: False, Family.NOT_ALLOWED: False}
    assert TABLE[code].status is by_family.get(code.family, TABLE[code].status)


def test_what_is_malformed_is_told_in_the_language_of_this_door() -> None:
    assert REASONS["amount_not_positive"][0] in said(Code.MALFORMED_REQUEST, {"reason": "amount_not_positive"}).message


@pytest.mark.parametrize("why", [*Fault, *Code])
def test_a_message_is_whole_with_facts_and_without(why: Fault | Code) -> None:
    assert "{" not in said(why, {}).message
    names = [name for _, name, _, _ in Formatter().parse(TABLE[why].message) if name]
    holes = [CLAUSES[name][0] if name in CLAUSES else name for name in names]
    filled = said(why, dict.fromkeys(holes, "a {fact}")).message
    assert filled.count("a {fact}") == len(holes)


def test_the_docs_list_the_very_same_codes() -> None:
    listed = {
        (int(code), name) for code, name in re.findall(r"^\| (\d{6}) \| ([a-z_]+) \|", DOCS.read_text("utf-8"), re.M)
    }
    assert listed == {(row.code, why.value) for why, row in TABLE.items() if row.code not in VENDOR_CODES}
