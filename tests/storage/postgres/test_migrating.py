"""Which schemas hexiao works with, and how they come about: once, whole, and under any spelling of the address."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest
from typer.testing import CliRunner

from hexiao.cli.app import app
from hexiao.storage import migrating
from hexiao.storage.base import StorageError
from hexiao.storage.postgres import migrate, open_storage
from hexiao.storage.postgres_migrating import MigratingBackend
from postgres_server import Databases, PostgresServer
from storage.postgres.refusals import why_not


def test_a_database_that_was_never_migrated_says_so(databases: Databases) -> None:
    assert "hexiao migrate" in why_not(databases.empty())


def test_an_older_schema_says_what_is_missing(databases: Databases) -> None:
    url = databases.migrated()
    with psycopg.connect(url) as db:
        db.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0001.initial'")
    text = why_not(url)
    assert "older" in text
    assert "hexiao migrate" in text
    assert "0001.initial" in text


def test_a_newer_schema_asks_for_a_newer_program(databases: Databases) -> None:
    url = databases.migrated()
    with psycopg.connect(url) as db:
        db.execute(
            "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)"
            " VALUES ('x', '9999.later', now())"
        )
    text = why_not(url)
    assert "newer" in text
    assert "9999.later" in text


def in_encoding(databases: Databases, encoding: str) -> str:
    """The URL of an empty database; `createdb` makes such ones where the machine's language was not set."""
    url = databases.empty()
    name = url.rpartition("/")[2]
    databases.execute(f"DROP DATABASE {name}")
    databases.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C'"
    )
    return url


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_CN"])
def test_a_database_that_cannot_hold_every_name_is_refused_before_a_table_is_made(
    databases: Databases, encoding: str
) -> None:
    url = in_encoding(databases, encoding)
    with pytest.raises(StorageError, match=encoding):
        migrate(url)
    with psycopg.connect(url) as db:
        assert db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


def test_one_that_is_in_use_all_the_same_can_be_upgraded(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    url = in_encoding(databases, "SQL_ASCII")
    with monkeypatch.context() as before:
        before.setattr(MigratingBackend, "demand_unicode", lambda _: None)
        assert migrate(url)
    assert migrate(url) == []


def test_migrating_twice_or_at_the_same_time_is_migrating_once(databases: Databases) -> None:
    url = databases.empty()
    command = [sys.executable, "-m", "hexiao", "migrate", "--json", "--database", url]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    applied = [json.loads(one.communicate(timeout=60)[0])["applied"] for one in several]
    assert [one.returncode for one in several] == [0, 0, 0]
    assert sorted(map(bool, applied)) == [False, False, True]
    assert migrate(url) == []
    open_storage(url).close()


LOCKED = "INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), %s)"


def lock_of(url: str, pid: int) -> None:
    """As a migration leaves it that was killed: the tool's tables, its lock, and nothing of ours."""
    backend = MigratingBackend(url)
    backend.init_database()
    backend.connection.close()
    with psycopg.connect(url) as db:
        db.execute(LOCKED, (pid,))


def test_an_index_over_many_rows_may_take_longer_than_our_users_statements(databases: Databases) -> None:
    """The control is a connection of the same user that does not migrate."""
    url = databases.empty()
    with psycopg.connect(url) as db:
        db.execute(f"ALTER DATABASE {db.info.dbname} SET statement_timeout = '50ms'".encode())
    slow = "SELECT 1 FROM pg_sleep(0.2)"
    backend = MigratingBackend(url)
    try:
        assert backend.execute(slow).fetchone() == (1,)
    finally:
        backend.connection.close()
    with psycopg.connect(url) as db, pytest.raises(psycopg.errors.QueryCanceled):
        db.execute(slow)


def test_a_migration_that_was_killed_locks_nobody_out(databases: Databases) -> None:
    url = databases.empty()
    lock_of(url, 999_999)
    assert migrate(url) != []
    open_storage(url).close()


def test_a_migration_that_still_runs_locks_out_all_others_and_they_are_told_what_to_do(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_SECONDS_MAX", 0.2)
    url = databases.empty()
    lock_of(url, 999_999)
    with psycopg.connect(url, application_name="hexiao migrate 999999"):
        assert "--break-lock" in why_not(url, migrate)
        done = CliRunner().invoke(app, ["migrate", "--database", url])
        assert done.exit_code == 4 and "--break-lock" in done.output
        assert CliRunner().invoke(app, ["migrate", "--break-lock", "--database", url]).exit_code == 0
    open_storage(url).close()


def test_a_migration_that_fails_is_undone_and_told_in_one_sentence(databases: Databases) -> None:
    url = databases.empty()
    with psycopg.connect(url) as db:
        db.execute("CREATE TABLE journal (mine integer)")
    text = why_not(url, migrate)
    assert "journal" in text and "\n" not in text
    with psycopg.connect(url) as db:
        assert db.execute("SELECT to_regclass('merchant'), to_regclass('coupon')").fetchall() == [(None, None)]
        db.execute("DROP TABLE journal")
    assert migrate(url) != []


@pytest.mark.parametrize(
    "spelling",
    [
        lambda url: url,
        lambda url: url.replace("postgresql://", "postgres://"),
        lambda url: url.replace("/hexiao_test", ",127.0.0.1:1/hexiao_test") + "?target_session_attrs=read-write",
        lambda url: url + "?connect_timeout=3&application_name=till",
    ],
    ids=["postgresql", "postgres", "several_hosts", "parameters"],
)
def test_every_spelling_of_the_url_that_opens_also_migrates(
    databases: Databases, spelling: Callable[[str], str]
) -> None:
    url = spelling(databases.empty())
    assert migrate(url) != []
    open_storage(url).close()


def test_odd_characters_in_the_password_open_and_migrate(server: PostgresServer, databases: Databases) -> None:
    server.add_user("odd", "p#s%w?r&d")
    url = databases.empty().replace("//hexiao@", "//odd:p#s%25w?r&d@")
    databases.execute(f"ALTER DATABASE {url.rpartition('/')[2]} OWNER TO odd")
    assert migrate(url) != []
    open_storage(url).close()
