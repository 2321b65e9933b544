"""What a line to PostgreSQL is set to, and what is said, and never said, of one that does not come about."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from hexiao.cli.app import app
from hexiao.config import Settings
from hexiao.storage.postgres import migrate, open_storage
from hexiao.storage.postgres_connection import told
from postgres_server import Databases, PostgresServer
from storage.postgres.refusals import why_not

SECRET = "geheim-4711"


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


def test_a_percent_in_a_password_is_told_by_its_rule_and_not_by_what_stands_around_it() -> None:
    """libpq takes all after the slash for the name of the database, and quotes it."""
    text = why_not("postgresql://hexiao:a@b/d#e%f@127.0.0.1:5432/x", open_storage)
    assert "d#e" not in text
    assert "%25" in text


def test_the_command_line_tells_it_in_one_line_and_exits_with_4() -> None:
    url = f"postgresql://hexiao:{SECRET}@127.0.0.1:1/x"
    done = CliRunner().invoke(app, ["verify"], env={"HEXIAO_DATABASE": url})
    assert done.exit_code == 4
    assert SECRET not in done.output
    assert "Traceback" not in done.output
