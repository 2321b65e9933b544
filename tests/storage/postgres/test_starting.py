"""Which PostgreSQL databases hexiao works with, which it refuses and in what words, and what a read-only one does."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from engine.desk import MEMBER, MERCHANT, Desk, a_bill, issuing, put_all, redeeming
from engine.process import Process
from hexiao.cli.app import app
from hexiao.config import Settings
from hexiao.domain.errors import Code, Unavailable
from hexiao.engine.committer import Engine
from hexiao.storage import migrating, postgres_durability
from hexiao.storage.base import ConnectionLost, StorageDown, StorageError
from hexiao.storage.postgres import migrate, open_storage
from hexiao.storage.postgres_connection import connect, told
from hexiao.storage.postgres_migrating import MigratingBackend
from hexiao.wiring import open_engine
from postgres_server import Databases, PostgresServer

SECRET = "geheim-4711"


@pytest.fixture
def server(databases: Databases) -> PostgresServer:
    """Ours, so its settings may be changed."""
    if databases.server is None:
        pytest.skip("changes settings of the whole server")
    return databases.server


@pytest.fixture
def desk(on_postgres: Settings, clock: Any) -> Iterator[tuple[Engine, Desk]]:
    engine = open_engine(on_postgres, clock=clock)
    for put in put_all():
        engine.call(put)
    yield engine, Desk(engine.call, engine.read_now)
    engine.close()


def why_not(url: str, use: Callable[[str], Any] = open_storage) -> str:
    """The text that refuses the database."""
    return refusal(url, use)[0]


def refusal(url: str, use: Callable[[str], Any]) -> tuple[str, list[str]]:
    """The text that refuses the database, and what was left open behind it."""
    text = ""
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        try:
            use(url)
        except StorageError as refused:
            text = str(refused)
        gc.collect()
    assert text, "nothing was refused"
    return text, [str(one.message) for one in left_open]


# Servers that may lose what they acknowledged, or tell another time.


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_may_lose_what_it_acknowledged_is_refused(
    server: PostgresServer, on_postgres: Settings, setting: str
) -> None:
    with server.altered(**{setting: "off"}):
        assert f"{setting}=off" in why_not(on_postgres.database)
    open_storage(on_postgres.database).close()


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


def end_sessions(databases: Databases, url: str) -> None:
    name = url.rpartition("/")[2]
    databases.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


# Schemas.


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


def test_a_line_to_a_server_that_is_gone_is_given_up_within_seconds(on_postgres: Settings) -> None:
    """What the kernel was told; that it works, a test of its own shows where lines can be cut."""
    storage = open_storage(on_postgres.database)
    patient = open_storage(on_postgres.database + "?tcp_user_timeout=60000&keepalives_idle=30")
    try:
        with socket.socket(fileno=os.dup(storage._db.fileno())) as line:
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 10
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        with socket.socket(fileno=os.dup(patient._db.fileno())) as line:
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
    finally:
        storage.close()
        patient.close()


def test_options_in_the_url_are_kept(databases: Databases) -> None:
    storage = open_storage(databases.migrated() + "?options=-c%20statement_timeout%3D4321")
    try:
        assert storage._db.execute("SHOW statement_timeout").fetchall() == [("4321ms",)]
    finally:
        storage.close()


# What is said, and what is not.


@pytest.mark.parametrize("use", [open_storage, migrate])
@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"postgresql://hexiao:{SECRET}@127.0.0.1:1/x", id="unreachable"),
        pytest.param(f"postgresql://hexiao:{SECRET}@no.such.host.invalid/x", id="unknown_host"),
        pytest.param(f"postgresql://hexiao:%{SECRET}@127.0.0.1:1/x", id="percent_in_password"),
        pytest.param(f"postgresql://hexiao:{SECRET}@[::1:1/x", id="half_a_bracket"),
        pytest.param(f"postgresql://hexiao:x@{SECRET}@127.0.0.1:1/x", id="at_in_password"),
        pytest.param(f"postgresql://hexiao:{SECRET}@127.0.0.1:1/x?nonsense", id="bad_parameter"),
    ],
)
def test_a_url_that_leads_nowhere_is_told_in_one_sentence_without_its_password(
    url: str, use: Callable[[str], Any]
) -> None:
    text = why_not(url, use)
    assert SECRET not in text
    assert "\n" not in text


@pytest.mark.parametrize("use", [open_storage, migrate])
def test_a_wrong_password_is_told_without_repeating_it(
    server: PostgresServer, on_postgres: Settings, use: Callable[[str], Any]
) -> None:
    user = f"locked_{use.__name__}"
    server.add_user(user, "the right one")
    url = on_postgres.database.replace("//hexiao@", f"//{user}:{SECRET}@")
    assert url != on_postgres.database
    text = why_not(url, use)
    assert "password" in text
    assert SECRET not in text
    assert "\n" not in text


def test_who_was_refused_is_told_by_name(server: PostgresServer, on_postgres: Settings) -> None:
    """Only the password is a secret."""
    server.add_user("locked_by_name", "the right one")
    text = why_not(on_postgres.database.replace("//hexiao@", f"//locked_by_name:{SECRET}@"))
    assert "locked_by_name" in text and SECRET not in text


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("postgresql://hexiao:geheim@127.0.0.1:5432/x", 'role "geheim" does not exist'),
        ("postgresql://hexiao:ge%23heim@127.0.0.1:5432/x", 'near "ge#heim"'),
        ("postgresql://127.0.0.1/x?user=hexiao&password=geheim", 'near "geheim"'),
        ("postgresql://hexiao:geheim/x", 'invalid port "geheim"'),
        ("postgresql://hexiao:a@geheim@127.0.0.1:5432/x", 'no host "geheim@127.0.0.1"'),
    ],
)
def test_no_part_of_a_password_is_ever_told(url: str, hidden: str) -> None:
    assert "heim" not in told(psycopg.Error(hidden), url)
    plain = 'connection to server at "127.0.0.1", port 5432 failed: FATAL:  no such user "hexiao"'
    assert told(psycopg.Error(plain), url) == plain


def test_the_command_line_tells_it_in_one_line_and_exits_with_4() -> None:
    url = f"postgresql://hexiao:{SECRET}@127.0.0.1:1/x"
    done = CliRunner().invoke(app, ["verify"], env={"HEXIAO_DATABASE": url})
    assert done.exit_code == 4
    assert SECRET not in done.output
    assert "Traceback" not in done.output


# While it runs.


def test_a_read_only_database_answers_look_ups_and_refuses_changes_for_now(
    databases: Databases, on_postgres: Settings, desk: tuple[Engine, Desk]
) -> None:
    engine, at = desk
    scheme = at.scheme()
    code = at.issue(scheme)[0].code
    name = on_postgres.database.rpartition("/")[2]
    databases.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        end_sessions(databases, on_postgres.database)
        changes = (redeeming(code, request_id="r1"), issuing(scheme, request_id="r2"), put_all()[0])
        for command in changes:
            with pytest.raises(Unavailable) as refused:
                engine.call(command)
            assert refused.value.code is Code.STORAGE_UNAVAILABLE
        answered(lambda: at.look_up(code))
        assert answered(lambda: at.assess(code)).assessments[0].ok
        assert answered(lambda: at.stored(code)).captured_uses == 0
    finally:
        databases.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        end_sessions(databases, on_postgres.database)
    assert engine.call(changes[0]).outcome.redemptions[0].code == code  # type: ignore[union-attr]
    assert answered(lambda: at.stored(code)).captured_uses == 1


def answered(ask: Callable[[], Any]) -> Any:
    """The first one may find that the line was cut since; then the same again."""
    try:
        return ask()
    except Unavailable:
        return ask()


def test_a_look_up_survives_a_line_that_was_cut_since(
    databases: Databases, on_postgres: Settings, desk: tuple[Engine, Desk]
) -> None:
    _, at = desk
    code = at.coupon()
    at.look_up(code)
    end_sessions(databases, on_postgres.database)
    at.look_up(code)


def test_a_change_survives_a_line_that_was_cut_since(
    databases: Databases, on_postgres: Settings, desk: tuple[Engine, Desk]
) -> None:
    _, at = desk
    code = at.coupon()
    end_sessions(databases, on_postgres.database)
    at.must(redeeming(code, request_id="r1"))
    end_sessions(databases, on_postgres.database)
    assert at.read(lambda reader: reader.scheme_by_number(MERCHANT, "nobody's")) is None
    end_sessions(databases, on_postgres.database)
    at.must(put_all()[0])  # row by row, in a transaction of its own


def test_a_read_thread_that_starts_while_the_database_is_gone_says_unavailable(
    databases: Databases, clock: Any
) -> None:
    url = databases.migrated()
    engine = open_engine(Settings(database=url), clock=clock)
    name = url.rpartition("/")[2]
    databases.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        end_sessions(databases, url)
        with pytest.raises(Unavailable):
            engine.read_now(lambda reader: reader.merchant(MERCHANT))
    finally:
        engine.close()


def test_odd_texts_are_kept_as_they_are(desk: tuple[Engine, Desk]) -> None:
    _, at = desk
    number = "50%（满减）%s :now {list} \\' \" 🧧\u2028"
    code = at.coupon()
    assert at.redeem(code, a_bill(number)).redemption.bill_number == number
    assert at.no(redeeming(code, a_bill(number))) is Code.ALREADY_ON_BILL


@pytest.mark.parametrize(
    "setting", ["client_encoding = 'LATIN1'", "client_encoding = 'GBK'", "bytea_output = 'escape'"]
)
def test_what_a_database_is_set_to_say_changes_neither_a_text_nor_a_remembered_answer(
    setting: str, databases: Databases, clock: Any
) -> None:
    url = databases.migrated()
    name = url.rpartition("/")[2]
    databases.execute(f"ALTER DATABASE {name} SET {setting}")
    settings = Settings(database=url)
    with closing(Process(settings, clock)) as first:
        first.furnish()
        asked = redeeming(first.desk.coupon(), a_bill("一🧧"), "r1")
        answer = first.call(asked)
    with closing(Process(settings, clock)) as later:  # whose first load is a single statement
        assert later.call(asked) == replace(answer, replayed=True)


def test_a_text_that_postgresql_cannot_keep_is_refused_as_on_the_other_engine(desk: tuple[Engine, Desk]) -> None:
    engine, at = desk
    assert at.no(redeeming("no\0body")) is Code.MALFORMED_REQUEST
    assert at.no(redeeming("half \ud83e a character", request_id="r1")) is Code.MALFORMED_REQUEST
    assert asyncio.run(engine.credential("zvcms", "no\0body")) is None


def test_the_largest_limit_for_a_member_is_a_limit_like_any_other(desk: tuple[Engine, Desk]) -> None:
    _, at = desk
    scheme = at.scheme(per_member=2**31 - 1)
    at.issue(scheme, 1, MEMBER)
    at.issue(scheme, 1, MEMBER)
