"""A database is moved while servers write to it, and where the server ends long transactions."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from engine.desk import Desk, a_bill
from hexiao.config import Settings
from hexiao.domain.scheme import MoneyOff
from hexiao.storage.moving import move
from hexiao.storage.side import Tell
from hexiao.wiring import migrate, open_engine, open_side
from storage.moving.books import breaks, fill, moved


class TestALiveSource:
    """A backup is taken while servers write: what was acknowledged before it began is in it, and it is consistent."""

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_gives_the_state_of_one_moment(self, engine: str, fresh: Callable[[str], Settings], tmp_path: Path) -> None:
        source, target = fresh(engine), fresh("sqlite")
        fill(source, 100)
        acknowledged: list[int] = []
        stop = threading.Event()

        def sell() -> None:
            with closing(open_engine(source)) as engine:
                desk = Desk(engine.call, engine.read_now)
                scheme = desk.scheme(MoneyOff(500), number="live")
                while not stop.is_set():
                    for coupon in desk.issue(scheme, 5):
                        bill = a_bill(f"live {len(acknowledged)}")
                        acknowledged.append(desk.redeem(coupon.code, bill).redemption.id)

        seller = threading.Thread(target=sell)
        seller.start()
        try:
            wait_for(lambda: len(acknowledged) > 20)
            before = list(acknowledged)
            with closing(open_side(source)) as one:
                slow = slowly(lambda: len(acknowledged))
                if not one.duplicate(target.sqlite_path, slow):
                    with closing(open_side(target, written=True)) as other:
                        assert move(one, other, slow, live=True).whole
            sold_meanwhile = len(acknowledged) - len(before)
        finally:
            stop.set()
            seller.join()
        assert sold_meanwhile > 0
        assert breaks(target) == []
        with closing(sqlite3.connect(target.sqlite_path)) as db:
            kept = {id_ for (id_,) in db.execute("SELECT id FROM redemption")}
        assert set(before) <= kept


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def slowly(counted: Callable[[], int]) -> Tell:
    """A reader of progress who lets the first report wait until something was written meanwhile."""
    waited: list[int] = []

    def tell(what: str, done: int, total: int) -> None:
        if not waited:
            waited.append(counted())
            wait_for(lambda: counted() > waited[0] + 3)

    return tell


@pytest.mark.parametrize("timeout", ["transaction_timeout", "idle_session_timeout", "statement_timeout"])
def test_a_server_that_ends_long_transactions_lets_a_move_go_on(
    timeout: str, some_books: Settings, fresh: Callable[[str], Settings]
) -> None:
    target = fresh("postgres")
    migrate(target)
    with psycopg.connect(target.database) as server:
        if not server.execute("SELECT 1 FROM pg_settings WHERE name = %s", [timeout]).fetchall():
            pytest.skip("this PostgreSQL is too old for it")
        server.execute(f"ALTER DATABASE {server.info.dbname} SET {timeout} = '1s'".encode())
    waited = []

    def tell(what: str, done: int, total: int) -> None:
        if what not in waited and what in ("coupon", "= coupon"):
            waited.append(what)
            time.sleep(1.5)

    assert moved(some_books, target, tell).whole
    assert moved(target, fresh("sqlite"), tell).whole
