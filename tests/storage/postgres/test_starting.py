"""Servers that hexiao refuses to work with: those that may lose what they acknowledged, or tell another time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from hexiao.config import Settings
from hexiao.storage import postgres_durability
from hexiao.storage.base import ConnectionLost, StorageDown, StorageError
from hexiao.storage.postgres import open_storage
from hexiao.storage.postgres_connection import connect, warnings_of
from postgres_server import Databases, PostgresServer
from storage.postgres.refusals import end_sessions, refusal, why_not


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_may_lose_what_it_acknowledged_is_refused(
    server: PostgresServer, on_postgres: Settings, setting: str
) -> None:
    with server.altered(**{setting: "off"}):
        assert f"{setting}=off" in why_not(on_postgres.database)
    open_storage(on_postgres.database).close()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_begins_to_lose_what_it_acknowledged_is_not_ready(
    server: PostgresServer, on_postgres: Settings, setting: str
) -> None:
    """A line in its file and a reload are enough, also for connections that are open."""
    storage = open_storage(on_postgres.database)
    try:
        with server.altered(**{setting: "off"}), pytest.raises(StorageError, match=f"{setting}=off"):
            storage.writable()
        assert storage.writable()
    finally:
        storage.close()


def test_a_commit_goes_on_waiting_for_the_disk_whatever_is_set_later(
    server: PostgresServer, on_postgres: Settings
) -> None:
    """The control is a connection that we did not make: it no longer waits."""
    storage: Any = open_storage(on_postgres.database)
    asked = "SHOW synchronous_commit"
    try:
        with connect(on_postgres.database) as other, server.altered(synchronous_commit="off"):
            assert storage._db.execute(asked).fetchone() == ("on",)
            assert storage.writable()
            assert other.execute(asked).fetchone() == ("off",)
    finally:
        storage.close()


@contextmanager
def set_to(databases: Databases, setting: str) -> Iterator[tuple[Any, psycopg.Connection[Any]]]:
    """On a database that is set so: our storage, and as the control a connection that we did not make."""
    url = databases.migrated()
    databases.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET {setting}")
    with closing(open_storage(url)) as storage, connect(url) as other:
        yield storage, other


def test_a_save_waits_for_a_row_that_another_changes_whatever_the_database_is_set_to(databases: Databases) -> None:
    """Isolated from the other it would fail instead, and be decided anew: on one scheme's count nearly always."""
    asked = "SHOW transaction_isolation"
    with set_to(databases, "default_transaction_isolation = 'serializable'") as (storage, other):
        assert other.execute(asked).fetchone() == ("serializable",)
        assert storage._db.execute(asked).fetchone() == ("read committed",)


def test_a_user_who_hears_no_warnings_hears_of_a_commit_that_did_not_wait(databases: Databases) -> None:
    """PostgreSQL says so by a warning alone, and only to those who want to hear warnings."""
    warn = "DO $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; END $$"
    with set_to(databases, "client_min_messages = error") as (storage, other):
        with warnings_of(other) as heard:
            other.execute(warn)
        assert heard == []
        with pytest.raises(ConnectionLost, match="perhaps not on the standby"), storage._committing():
            storage._db.execute(warn)


def test_a_refused_server_is_left_without_an_open_line(databases: Databases) -> None:
    url = databases.migrated()
    databases.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    assert refusal(url, open_storage)[1] == []


@pytest.mark.parametrize("of", ["DATABASE", "ROLE"])
def test_it_is_refused_too_when_only_our_database_or_user_is_set_so(databases: Databases, of: str) -> None:
    url = databases.migrated()
    name = url.rpartition("/")[2] if of == "DATABASE" else "CURRENT_USER"
    databases.execute(f"ALTER {of} {name} SET synchronous_commit = off")
    try:
        assert "synchronous_commit=off" in why_not(url)
    finally:
        databases.execute(f"ALTER {of} {name} RESET synchronous_commit")
    open_storage(url).close()


@pytest.mark.parametrize(
    ("apart_ms", "refused"), [(-60_000, True), (-2_600, True), (-500, False), (500, False), (2_600, True)]
)
def test_a_clock_more_than_two_seconds_away_is_refused(
    on_postgres: Settings, monkeypatch: pytest.MonkeyPatch, apart_ms: int, refused: bool
) -> None:
    ours = SimpleNamespace(time_ns=lambda: time.time_ns() + apart_ms * 1_000_000)
    monkeypatch.setattr(postgres_durability, "time", ours)
    if refused:
        assert "clock" in why_not(on_postgres.database)
    else:
        open_storage(on_postgres.database).close()


def test_clocks_that_part_while_it_runs_make_it_not_ready(
    on_postgres: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(on_postgres.database)
    try:
        late = SimpleNamespace(time_ns=lambda: time.time_ns() - 60_000_000_000)
        monkeypatch.setattr(postgres_durability, "time", late)
        with pytest.raises(StorageError, match="clock"):
            storage.writable()
    finally:
        storage.close()


def test_an_answer_that_takes_long_is_no_clock_that_goes_wrong(
    on_postgres: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server, or a database, that gets no processor for a while."""

    def slow(url: str) -> Any:
        db: Any = connect(url)
        execute = db.execute

        def execute_slowly(sql: Any, *parameters: Any) -> Any:
            done = execute(sql, *parameters)
            if "clock_timestamp" in sql:
                time.sleep(postgres_durability.CLOCKS_APART_MAX_MS / 1000 + 0.3)
            return done

        db.execute = execute_slowly
        return db

    monkeypatch.setattr(postgres_durability, "connect", slow)
    open_storage(on_postgres.database).close()


def test_a_new_connection_asks_again(databases: Databases) -> None:
    url = databases.migrated()
    storage = open_storage(url)
    storage.take_node()
    databases.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    end_sessions(databases, url)
    try:
        for _ in range(2):  # the first finds the line broken
            with pytest.raises((StorageError, ConnectionLost, StorageDown)):
                storage.take_node()
    finally:
        storage.close()
