"""The database itself refuses to change or remove what is chained."""

from __future__ import annotations

import psycopg
import pytest

from hexiao.config import Settings
from storage.chains import JOURNAL, blocks
from storage.postgres.tables import rows


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal SET reason = 'x'",
        "DELETE FROM journal",
        "UPDATE block SET entries = 0",
        "DELETE FROM block",
        "TRUNCATE journal",
        "TRUNCATE block",
    ],
)
def test_the_database_refuses_to_change_or_remove(sql: str, books: Settings) -> None:
    before = rows(books, JOURNAL), blocks(books)
    with pytest.raises(Exception, match=r"never|syntax") as refused:
        rows(books, sql)
    if books.on_postgres:
        assert isinstance(refused.value, psycopg.errors.RaiseException)
    assert (rows(books, JOURNAL), blocks(books)) == before
