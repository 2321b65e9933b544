"""Codes: stable values, two sentences each, holes that the code base fills, and one order of precedence."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hexiao
from domain.conftest import BERLIN, SHANGHAI, a_case, utc
from hexiao.domain.assessment import assess
from hexiao.domain.checks import CHECKS, TITLES
from hexiao.domain.errors import (
    CLAUSES,
    BadRequest,
    Code,
    Family,
    HexiaoError,
    NotAllowed,
    Refused,
    Unavailable,
    error,
    local_time,
    sentences,
)

CLASS_OF = {
    Family.NOT_ALLOWED: NotAllowed,
    Family.BAD_REQUEST: BadRequest,
    Family.REFUSED: Refused,
    Family.UNAVAILABLE: Unavailable,
}
every_code = pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)


def holes(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def fact_of(hole: str) -> str:
    return CLAUSES[hole][0] if hole in CLAUSES else hole


# The list.


def test_no_two_codes_share_a_value() -> None:
    assert len({code.value for code in Code}) == len(Code.__members__)


def test_no_two_codes_say_the_same() -> None:
    assert len({code.zh for code in Code}) == len({code.en for code in Code}) == len(Code)


@every_code
def test_a_code_is_its_name_in_small_letters(code: Code) -> None:
    assert code.value == code.name.lower()
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.value)
    assert msgspec.convert(code.value, Code) is code


@every_code
def test_a_code_has_a_chinese_and_an_english_sentence(code: Code) -> None:
    assert re.search(r"[\u4e00-\u9fff]", code.zh)
    assert re.search(r"[A-Za-z]{2}", code.en)
    assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", code.en)


@every_code
def test_both_sentences_have_the_same_holes_and_each_is_a_plain_name(code: Code) -> None:
    assert {name.removesuffix("_zh") for name in holes(code.zh)} == {
        name.removesuffix("_en") for name in holes(code.en)
    }
    assert all(name.isidentifier() for name in holes(code.en) | holes(code.zh))


def test_codes_stand_family_by_family() -> None:
    families = [code.family for code in Code]
    changes = [family for before, family in zip([None, *families], families, strict=False) if family is not before]
    assert changes == list(Family)


def test_checks_run_in_the_order_of_precedence_of_their_codes() -> None:
    checked = [verdict.code for verdict in assess(a_case()).verdicts]
    assert len(checked) == len(CHECKS) == len(set(checked))
    assert checked == [code for code in Code if code in set(checked)]


def test_exactly_the_codes_of_checks_have_a_title_in_both_languages() -> None:
    assert list(TITLES) == [verdict.code for verdict in assess(a_case()).verdicts]
    assert all(zh and en for zh, en in TITLES.values())
    assert len({en for _, en in TITLES.values()}) == len(TITLES)


def test_every_check_is_a_refusal() -> None:
    assert {code.family for code in TITLES} == {Family.REFUSED}


# The exceptions.


@every_code
def test_the_class_of_an_error_follows_from_its_code(code: Code) -> None:
    assert type(error(code)) is CLASS_OF[code.family]
    assert error(code).code is code


@every_code
def test_every_hole_can_be_filled_when_the_error_is_raised(code: Code) -> None:
    facts = {fact: f"<{fact}>" for fact in map(fact_of, (*holes(code.zh), *holes(code.en)))}
    for raised in (error(code, **facts), CLASS_OF[code.family](code, **facts)):
        assert raised.facts == facts
        for template, sentence in zip((code.zh, code.en), sentences(code, raised.facts), strict=True):
            assert all(facts[fact_of(name)] in sentence for name in holes(template))


def test_an_error_prints_its_stable_code_first() -> None:
    assert str(error(Code.BUSY)).startswith("busy: ")


# The sentences.


def test_fen_print_as_yuan_and_instants_as_local_time() -> None:
    zh, en = sentences(Code.CAPTURE_TOO_LARGE, {"actual_fen": 1_205, "needed_fen": 5})
    assert "12.05" in zh and "12.05" in en and "0.05" in zh and "0.05" in en
    facts = {"valid_from_at": utc("2026-11-22 01:30")}
    assert "2026-11-22 09:30:00" in sentences(Code.NOT_YET_VALID, facts)[0]
    assert "2026-11-22 09:30:00" in sentences(Code.NOT_YET_VALID, facts, SHANGHAI)[1]
    assert "2026-11-22 02:30:00" in sentences(Code.NOT_YET_VALID, facts, BERLIN)[0]


def test_an_instant_is_printed_on_the_clock_of_its_zone_in_summer_and_winter() -> None:
    assert local_time(utc("2026-07-01 12:00"), BERLIN) == "2026-07-01 14:00:00"
    assert local_time(utc("2026-12-31 23:00"), BERLIN) == "2027-01-01 00:00:00"
    assert local_time(utc("2026-12-31 16:00") - 1, None) == "2026-12-31 23:59:59"
    assert local_time(0, None) == "1970-01-01 08:00:00"


@every_code
def test_a_sentence_with_no_facts_still_prints(code: Code) -> None:
    for sentence in sentences(code, {}):
        assert "{" not in sentence and "}" not in sentence


@given(st.text())
def test_a_fact_is_never_read_as_a_template(text: str) -> None:
    zh, en = sentences(Code.MALFORMED_REQUEST, {"reason": text + "{path}{0.__class__}"})
    assert text + "{path}{0.__class__}" in zh and text + "{path}{0.__class__}" in en


def test_a_fact_that_is_not_known_prints_like_one_that_is_missing() -> None:
    for code in Code:
        assert sentences(code, dict.fromkeys(holes(code.en))) == sentences(code, {})


# Who raises what: read from the source.


@cache
def raising_calls() -> list[tuple[str, str, Code, set[str | None]]]:
    return list(read_raising_calls())


def read_raising_calls() -> Iterator[tuple[str, str, Code, set[str | None]]]:
    """(where, class or function, code, names of facts) for every error whose code is written out at the call."""
    root = Path(hexiao.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            where = f"{path.relative_to(root)}:{node.lineno}"
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            if name in ("error", *(family.__name__ for family in CLASS_OF.values())) and node.args:
                code, facts = node.args[0], set(keywords)
            elif name == "Failed" and "code" in keywords and isinstance(shown := keywords.get("facts"), ast.Dict):
                code, facts = keywords["code"], {getattr(key, "value", None) for key in shown.keys}
            else:
                continue
            if isinstance(code, ast.Attribute) and getattr(code.value, "id", "") == "Code" and None not in facts:
                yield where, name, Code[code.attr], facts


def test_every_error_is_raised_with_the_facts_that_its_sentences_show() -> None:
    assert raising_calls()
    missing = [(where, code.value, holes(code.en) - facts - set(CLAUSES)) for where, _, code, facts in raising_calls()]
    assert [call for call in missing if call[2]] == []


def test_every_error_is_raised_as_the_class_of_its_family() -> None:
    wrong = [
        (where, name, code.value)
        for where, name, code, _ in raising_calls()
        if name not in ("error", "Failed", CLASS_OF[code.family].__name__)
    ]
    assert wrong == []


def test_the_base_of_all_our_errors_is_one_class() -> None:
    assert all(issubclass(cls, HexiaoError) for cls in CLASS_OF.values())
    assert set(CLASS_OF) == set(Family)
