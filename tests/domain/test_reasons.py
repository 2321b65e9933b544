"""Reasons of malformed_request and bad_scheme: wholly in each language, and raised with their facts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hexiao
from domain.test_errors import holes
from hexiao.domain.errors import CLAUSES, Code, Fact, sentences
from hexiao.domain.reasons import REASONS, TYPES
from tongues import is_chinese, is_english

every_reason = pytest.mark.parametrize("reason", REASONS)


@every_reason
def test_a_reason_is_told_wholly_in_each_language(reason: str) -> None:
    zh, en = sentences(Code.MALFORMED_REQUEST, {"reason": reason, "place": "$.bill"})
    assert is_chinese(zh) and is_english(en)
    assert "`$.bill`" in zh and "`$.bill`" in en
    assert reason not in zh and reason not in en


@every_reason
def test_both_sentences_of_a_reason_have_the_same_holes(reason: str) -> None:
    zh, en = REASONS[reason]
    assert holes(zh) ^ holes(en) <= {"said"}  # what somebody else said stands in his language


def test_no_two_reasons_say_the_same() -> None:
    assert len({zh for zh, _ in REASONS.values()}) == len({en for _, en in REASONS.values()}) == len(REASONS)


def test_types_are_called_by_their_names_in_each_language() -> None:
    facts: dict[str, Fact] = {"reason": "wrong_type", "expected_type": ["int", "null"], "got_type": ["str"]}
    zh, en = sentences(Code.MALFORMED_REQUEST, facts)
    for name in ("int", "null", "str"):
        assert TYPES[name][0] in zh and TYPES[name][1] in en
    assert is_chinese(zh)


def raised() -> Iterator[tuple[str, str, set[str]]]:
    """(where, reason, facts) of every malformed request and bad scheme whose reason is written out at the call."""
    root = Path(hexiao.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            named = {keyword.arg or "": keyword.value for keyword in node.keywords}
            if getattr(node.func, "id", "") == "malformed":
                reason = node.args[0] if node.args else None
            elif node.args and ast.unparse(node.args[0]) in ("Code.MALFORMED_REQUEST", "Code.BAD_SCHEME"):
                reason = named.get("reason")
            elif getattr(node.func, "id", "") == "Rule":
                reason = node.args[1]
            else:
                continue
            if isinstance(reason, ast.Constant):
                yield f"{path.relative_to(root)}:{node.lineno}", str(reason.value), set(named)


def test_every_reason_that_is_raised_is_known_and_has_its_facts() -> None:
    calls = list(raised())
    assert calls
    assert [call for call in calls if call[1] not in REASONS] == []
    assert [call for call in calls if holes(REASONS[call[1]][1]) - call[2] - set(CLAUSES)] == []


@every_reason
def test_every_reason_is_given_somewhere(reason: str) -> None:
    files = (path for path in Path(hexiao.__file__).parent.rglob("*.py") if path.name != "reasons.py")
    assert any(re.search(rf'"{reason}"', path.read_text(encoding="utf-8")) for path in files)


def test_a_reason_that_nobody_knows_is_told_as_it_stands() -> None:
    zh, en = sentences(Code.MALFORMED_REQUEST, {"reason": "of an older server"})
    assert "of an older server" in zh and "of an older server" in en
