"""A pooler that lends a session for one transaction is refused: what a session keeps would be another client's.

Statements that are prepared have the same names in all sessions, so one caller's would run with another's values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from hexiao.config import Settings
from hexiao.storage import postgres
from hexiao.storage.postgres import migrate, open_storage
from hexiao.storage.postgres_connection import connect
from hexiao.storage.postgres_side import PostgresSide
from hexiao.storage.snapshot import Names
from storage.postgres.pooler import Pooler
from storage.postgres.refusals import refusal

Through = Callable[[bool], str]


@pytest.fixture
def through(on_postgres: Settings) -> Iterator[Through]:
    """through(by_transaction) → the URL of the database behind such a pooler."""
    poolers: list[Pooler] = []

    def start(by_transaction: bool) -> str:
        place = urlsplit(on_postgres.database)
        pooler = Pooler(place.port or 0, by_transaction=by_transaction)
        poolers.append(pooler)
        return f"postgresql://{place.username}@127.0.0.1:{pooler.port}{place.path}?sslmode=disable"

    yield start
    for pooler in poolers:
        pooler.close()


@pytest.mark.parametrize("use", [open_storage, migrate, PostgresSide], ids=lambda use: str(use.__name__))
def test_a_pooler_that_lends_a_session_for_one_transaction_is_refused(
    use: Callable[[str], Any], through: Through
) -> None:
    text, left_open = refusal(through(True), use)
    assert "pool_mode" in text and left_open == []


def test_one_that_lends_it_for_as_long_as_the_connection_lasts_is_not(through: Through) -> None:
    url = through(False)
    assert migrate(url) == []
    PostgresSide(url).close()
    storage = open_storage(url)
    assert storage.load(Names(merchants={1})).merchants == {}
    storage.close()


def test_without_the_refusal_one_callers_statement_answers_another(
    through: Through, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it would be opened, and this is what would come of it."""
    url = through(True)
    monkeypatch.setattr(postgres, "demand_own_session", lambda db, url: None)
    open_storage(url).close()
    with connect(url) as mine, connect(url) as another:
        with mine.transaction():  # keeps a session, so the other gets the second one
            assert value(mine, "SELECT 'mine'") == "mine"
            assert value(another, "SELECT 'another'") == "another"
        assert value(another, "SELECT 'another'") == "mine"


def value(db: psycopg.Connection[tuple[object, ...]], sql: str) -> object:
    [(found,)] = db.execute(sql.encode(), prepare=True).fetchall()
    return found
