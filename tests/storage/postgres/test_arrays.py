"""What is sent as arrays comes out of PostgreSQL as it was, whatever a text consists of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from hexiao.config import Settings
from hexiao.domain.redemption import Entry
from hexiao.storage.postgres_arrays import Columns, array, lists, numbers
from hexiao.storage.postgres_queries import numbered

TEXTS = {
    "plain": "till",
    "empty": "",
    "a quote": 'the "good" one',
    "a backslash": "C:\\till\\",
    "both": '\\"',
    "two backslashes": "\\\\",
    "a backslash before a letter": "\\n\\u0041",
    "a comma": "a,b",
    "braces": "{a}{}",
    "brackets": "],[",
    "what parts two lists": '"],["',
    "what parts two rows": "},{",
    "NULL": "NULL",
    "null": "null",
    "blanks around": "  x  ",
    "an apostrophe": "it's $1 %s %(now)s",
    "Chinese": "满100减20",
    "beyond the basic plane": "🧧",
    "a line break": "a\nb",
    "a tab": "a\tb",
    "every control character": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f\u2028",
    "a control character and a quote": '\x01"\\',
}


@pytest.fixture
def db(on_postgres: Settings) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(on_postgres.database, autocommit=True) as db:
        yield db


def read(db: psycopg.Connection[Any], kind: str, literal: str) -> list[Any]:
    [(found,)] = db.execute(f"SELECT %s::{kind}[]".encode(), (literal,)).fetchall()
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_comes_back_alone_and_among_others(text: str, db: psycopg.Connection[Any]) -> None:
    assert read(db, "text", array([text])) == [text]
    assert read(db, "text", array(["before", text, "", "after"])) == ["before", text, "", "after"]


def test_all_texts_come_back_together(db: psycopg.Connection[Any]) -> None:
    assert read(db, "text", array(list(TEXTS.values()))) == list(TEXTS.values())


def test_a_member_of_an_enum_is_its_value(db: psycopg.Connection[Any]) -> None:
    assert read(db, "text", array([Entry.ISSUE, "\\"])) == [Entry.ISSUE.value, "\\"]


def test_a_quote_less_than_there_should_be_does_not_hide_one_more(db: psycopg.Connection[Any]) -> None:
    """Plain texts are told from others by the number of quotes."""
    for some in (['"', ""], ["", '"'], ['","'], ['","', '","'], ['"', '"', ""]):
        assert read(db, "text", array(some)) == some


def test_nothing_is_an_empty_array(db: psycopg.Connection[Any]) -> None:
    assert read(db, "bigint", array([])) == []


def test_each_column_of_numbers_is_an_array(db: psycopg.Connection[Any]) -> None:
    columns: Sequence[Sequence[int | None]] = [(1, -2), (None, 0), (2**63 - 1, -(2**63)), (None, None)]
    assert [tuple(read(db, "bigint", one)) for one in numbers(columns)] == columns
    assert [read(db, "bigint", one) for one in numbers([(7,)])] == [[7]]


@pytest.mark.parametrize("values", [[[1, 2], [3]], [[], []], [[]], [[0]], [[1], [], [2, 3]]], ids=str)
def test_a_list_of_numbers_is_a_text(values: list[list[int]], db: psycopg.Connection[Any]) -> None:
    assert read(db, "text", lists(values)) == [str(one).replace(" ", "") for one in values]


def test_rows_of_all_kinds_come_back_as_they_were(db: psycopg.Connection[Any]) -> None:
    columns = Columns("some", ("id", "code", "answer", "lines", "member_id", "reason", "fingerprint"))
    rows = [
        (number, text, text.encode(), [number], None if number % 2 else number, text[::-1], b"\x00\xff\\"[: number % 4])
        for number, text in enumerate(TEXTS.values(), 1)
    ]
    for some in (rows, rows[:1], rows[1:2]):
        assert send(db, columns, some) == [(*row[:3], str(row[3]), *row[4:]) for row in some]


@pytest.mark.parametrize("answers", [[b""], [b"", b""], [b"", b"x", b"", b"yz", b""]], ids=str)
def test_bytes_come_back_however_short_they_are(answers: list[bytes], db: psycopg.Connection[Any]) -> None:
    rows = [(answer,) for answer in answers]
    assert send(db, Columns("some", ("answer",)), rows) == rows


def send(db: psycopg.Connection[Any], columns: Columns, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    sql, names = numbered(columns.sql())
    sent = columns.sent(rows)
    assert set(names) == sent.keys()
    return psycopg.RawCursor(db).execute(sql, [sent[name] for name in names]).fetchall()
