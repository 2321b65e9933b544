"""While it runs: a read-only database, lines that are cut, and texts that PostgreSQL could take for something else."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from msgspec.structs import replace

from engine.desk import MEMBER, MERCHANT, Desk, a_bill, issuing, put_all, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Code, Unavailable
from hexiao.engine import sweeper
from hexiao.engine.commands import Reverse
from hexiao.engine.committer import Engine
from hexiao.wiring import open_engine
from journeys.pages import ROOT, Page
from postgres_server import Databases
from storage.postgres.refusals import end_sessions


@pytest.fixture
def desk(on_postgres: Settings, clock: Any) -> Iterator[tuple[Engine, Desk]]:
    engine = open_engine(on_postgres, clock=clock)
    for put in put_all():
        engine.call(put)
    yield engine, Desk(engine.call, engine.read_now)
    engine.close()


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
    "setting", ["client_encoding = 'LATIN1'", "client_encoding = 'GBK'", "bytea_output = 'escape'", "array_nulls = off"]
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


@pytest.fixture
def as_till(databases: Databases, on_postgres: Settings) -> Iterator[Settings]:
    """The database for the user of the page on tamper evidence, under a name of our own: others may run this, too."""
    name = f"till_{os.getpid()}"
    [block] = Page(ROOT / "docs" / "operate" / "tamper-evidence.md").under("A server that may not")
    with psycopg.connect(on_postgres.database) as owner:
        owner.execute(re.sub(r"\btill\b", name, block.text).encode())
    place = urlsplit(on_postgres.database)
    yield replace(on_postgres, database=place._replace(netloc=f"{name}@{place.netloc.rpartition('@')[2]}").geturl())
    with psycopg.connect(on_postgres.database) as owner:
        owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def test_a_user_who_owns_nothing_does_all_the_work_and_cannot_undo_the_journal(as_till: Settings, clock: Any) -> None:
    with closing(open_engine(as_till, clock=clock)) as engine:
        desk = Desk(engine.call, engine.read_now)
        for put in put_all():
            desk.must(put)
        scheme = desk.scheme(total=10, per_member=5, budget_fen=90_000, hold_seconds=60)
        codes = [coupon.code for coupon in desk.issue(scheme, 3, MEMBER)]
        desk.capture(desk.hold(codes[0], a_bill("B1")).redemption.id)
        desk.hold(codes[1], a_bill("B2"))
        desk.must(Reverse(merchant_id=MERCHANT, redemption_id=desk.redeem(codes[2], a_bill("B3")).redemption.id))
        desk.no(redeeming(codes[0], a_bill("B4")))
        clock.forward(sweeper.REMEMBERED_MS / 1000 + 7_200)
        engine.sweeper.tidy_up(60)
        assert engine.read_now(lambda reader: list(reader.broken(clock()))) == []
    with psycopg.connect(as_till.database) as till:
        for change in (
            "UPDATE journal SET actor = 'nobody'", "DELETE FROM block", "TRUNCATE journal",
            "ALTER TABLE journal DISABLE TRIGGER ALL", "DROP TABLE journal",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege), till.transaction():
                till.execute(change.encode())
