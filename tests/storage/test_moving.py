"""Moving rows between SQLite and PostgreSQL: nothing is lost or changed, and nothing unfinished looks whole.

HEXIAO_MOVED_REDEMPTIONS=100000 makes the round trip a long one and prints how long each way took.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.desk import MEMBER, MERCHANT, Desk, a_bill, put_all, redeeming
from hexiao.config import Settings
from hexiao.domain.scheme import Balance, MoneyOff
from hexiao.engine.commands import RedeemEach
from hexiao.engine.mint import NODES
from hexiao.storage import moving
from hexiao.storage.base import StorageError
from hexiao.storage.distributing import PLACES
from hexiao.storage.moving import NODES_SKIPPED, Moved, SamePlace, move
from hexiao.storage.side import KINDS, REBUILT, SEEDED, Kind, NotEmpty, OtherCopy, Side, Table, Tell, table
from hexiao.wiring import migrate, open_engine, open_side, open_storage
from postgres_server import Databases
from thaw import thaw

REDEMPTIONS = int(os.environ.get("HEXIAO_MOVED_REDEMPTIONS", "3000"))
AT_ONCE = 1_000
SMALL_BATCH = 40
SAMPLES = {Kind.INTEGER: (1, 2), Kind.TEXT: ("a", "b"), Kind.BYTES: (b"a", b"b")}

Make = Callable[[], Settings]


def silent(what: str, done: int, total: int) -> None:
    """Nobody looks at the progress."""


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A SQLite database with REDEMPTIONS redemptions and every kind of journal entry. Not to be changed."""
    settings = Settings(database=f"sqlite:///{tmp_path_factory.mktemp('books') / 'books.db'}")
    fill(settings, REDEMPTIONS)
    return settings


def fill(settings: Settings, redemptions: int) -> None:
    migrate(settings)
    with closing(open_engine(settings)) as engine:
        desk = Desk(engine.call, engine.read_now)
        for command in put_all():
            desk.must(command)
        scheme = desk.scheme(MoneyOff(1_000))
        numbers = count(1)
        for start in range(0, redemptions, AT_ONCE):
            coupons = desk.issue(scheme, min(AT_ONCE, redemptions - start), member_id=MEMBER)
            request_id = f"test/{start}"
            items = tuple(redeeming(one.code, a_bill(f"单{next(numbers)}"), request_id) for one in coupons)
            desk.must(RedeemEach(merchant_id=MERCHANT, items=items, request_id=request_id))
        purse = desk.coupon(Balance(10_000))
        held = desk.hold(purse)
        desk.capture(held.redemption.id, 700)
        desk.reverse(held.redemption.id, 300)
        desk.release(desk.hold(purse).redemption.id)
        desk.refused(redeeming("00000000000000000000", a_bill("R1")))
        desk.void(desk.coupon())


def redeem_one_more(settings: Settings) -> None:
    with closing(open_engine(settings)) as engine:
        desk = Desk(engine.call, engine.read_now)
        desk.redeem(desk.coupon(number="one more"), a_bill("one more"))


@pytest.fixture
def some_books(tmp_path: Path) -> Settings:
    """A small database of the test's own."""
    settings = Settings(database=f"sqlite:///{tmp_path / 'some.db'}")
    fill(settings, 200)
    return settings


@pytest.fixture
def fresh(tmp_path: Path, server: Databases) -> Callable[[str], Settings]:
    """fresh("sqlite" | "postgres") → a database without any table."""
    numbers = count(1)

    def make(engine: str) -> Settings:
        if engine == "postgres":
            return Settings(database=server.empty())
        return Settings(database=f"sqlite:///{tmp_path / f'fresh{next(numbers)}.db'}")

    return make


@contextmanager
def sides(source: Settings, target: Settings) -> Iterator[tuple[Side, Side]]:
    with closing(open_side(source)) as one, closing(open_side(target, written=True)) as other:
        yield one, other


def moved(source: Settings, target: Settings, tell: Tell = silent, **how: Any) -> Moved:
    with sides(source, target) as (one, other):
        return move(one, other, tell, **how)


def hashes(outcome: Moved) -> dict[str, str]:
    return {one.table: one.target.sha256 for one in outcome.tables}


def write(settings: Settings, sql: str, *parameters: Any) -> None:
    with closing(sqlite3.connect(settings.sqlite_path)) as db, db:
        thaw(db)
        assert db.execute(sql, parameters).rowcount == 1


def administer(settings: Settings, *statements: str) -> None:
    with psycopg.connect(settings.database, autocommit=True) as server:
        for sql in statements:
            server.execute(sql.encode())


def in_schema(settings: Settings, schema: str) -> Settings:
    return Settings(database=f"{settings.database}?options=-csearch_path%3D{schema}")


def breaks(settings: Settings) -> list[str]:
    with closing(open_storage(settings)) as storage:
        return [one.invariant for one in storage.broken(time.time_ns() // 1_000_000)]


class TestTheTables:
    def test_are_the_same_on_both_engines(self, fresh: Callable[[str], Settings]) -> None:
        with sides_of(fresh("sqlite"), fresh("postgres")) as (ours, theirs):
            assert ours.tables() == theirs.tables()
            assert {"coupon", "redemption", "journal", "request", "node"} <= {one.name for one in ours.tables()}

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_hold_nothing_after_the_migrations_but_the_seeds(
        self, engine: str, fresh: Callable[[str], Settings]
    ) -> None:
        with closing(open_side(fresh(engine), written=True)) as side:
            assert tuple(one.name for one in side.tables() if side.count(one)) == SEEDED

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_are_all_there_are_but_for_what_is_made_anew(self, engine: str, fresh: Callable[[str], Settings]) -> None:
        with closing(open_side(fresh(engine), written=True)) as side:
            moved = {one.name for one in side.tables()}
        assert moved == PLACES.keys() - set(REBUILT)

    def test_of_unknown_types_or_without_a_key_are_refused(self) -> None:
        for columns, key in ([("id", "bigint"), ("x", "real")], ["id"]), ([("id", "bigint")], []):
            with pytest.raises(StorageError):
                table("odd", columns, key)

    def test_know_what_each_kind_is_called_on_both(self) -> None:
        assert set(KINDS.values()) == set(Kind)


@contextmanager
def sides_of(*settings: Settings) -> Iterator[list[Side]]:
    opened = [open_side(one, written=True) for one in settings]
    try:
        yield opened
    finally:
        for one in opened:
            one.close()


class TestThereAndBack:
    def test_every_hash_comes_back_the_same(self, books: Settings, fresh: Callable[[str], Settings]) -> None:
        there, back = fresh("postgres"), fresh("sqlite")
        started = time.monotonic()
        first = moved(books, there)
        between = time.monotonic()
        second = moved(there, back)
        rows = sum(one.source.rows for one in first.tables)
        print(f"{REDEMPTIONS} redemptions, {rows} rows: there in {between - started:.1f} s,", end=" ")
        print(f"back in {time.monotonic() - between:.1f} s")
        assert first.whole and second.whole
        assert hashes(first) == hashes(second)
        assert {one.table: one.source for one in first.tables} == {one.table: one.target for one in second.tables}
        assert breaks(there) == breaks(back) == []

    def test_the_money_is_counted_as_the_database_counts_it(
        self, books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        outcome = moved(books, fresh("sqlite"))
        with closing(sqlite3.connect(books.sqlite_path)) as db:
            for one in outcome.tables:
                for name, fen in one.source.sums.items():
                    assert db.execute(f"SELECT coalesce(sum({name}), 0) FROM {one.table}").fetchone() == (fen,)
        [redemption] = [one for one in outcome.tables if one.table == "redemption"]
        assert redemption.source.sums.keys() == {"held_fen", "captured_fen", "reversed_fen"}

    def test_no_value_changes_on_the_way(self, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        awkward = "a\tb\nc\\N\\.\r'\"%s ? :x 核销🧧 \ufeff"
        greatest, every_byte = 2**63 - 1, bytes(range(256))
        write(some_books, "INSERT INTO item VALUES (?, ?, ?, '', ?)", greatest, MERCHANT, awkward, awkward)
        write(
            some_books,
            "INSERT INTO credential VALUES (1, 1, 'api', ?, '', 'till', ?, NULL)", awkward, every_byte,
        )  # fmt: skip
        write(some_books, "INSERT INTO credential VALUES (2, 1, 'api', '', '', '', ?, ?)", b"", greatest)
        write(some_books, "INSERT INTO bill VALUES (?, ?, ?, 0)", -greatest - 1, 0, '{"a": "\\u0000", "b": 1.0}')
        there, back = fresh("postgres"), fresh("sqlite")
        assert moved(some_books, there).whole
        assert moved(there, back).whole
        with closing(sqlite3.connect(back.sqlite_path)) as db:
            assert db.execute("SELECT id, sku FROM item WHERE sku = ?", (awkward,)).fetchone() == (greatest, awkward)
            assert db.execute("SELECT sealed, revoked_at FROM credential WHERE id = 1").fetchone() == (every_byte, None)
            assert db.execute("SELECT sealed, revoked_at FROM credential WHERE id = 2").fetchone() == (b"", greatest)

    def test_text_keys_are_in_the_same_order_on_both(
        self, some_books: Settings, fresh: Callable[[str], Settings], rng: random.Random
    ) -> None:
        for number in {"".join(rng.choices("aAbB-_ 1券é￿😀", k=3)) for _ in range(300)}:
            write(some_books, "INSERT INTO bill VALUES (1, 1, ?, 0)", number)
        assert moved(some_books, fresh("postgres")).whole

    def test_a_value_that_postgresql_cannot_hold_is_told_in_a_sentence(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        write(some_books, "INSERT INTO bill VALUES (1, 1, ?, 0)", "a\0b")
        target = fresh("postgres")
        with pytest.raises(StorageError, match=r"cannot hold the row of bill with .*number="):
            moved(some_books, target)
        with pytest.raises(StorageError, match="unfinished copy"):
            open_storage(target)


KILLED = """
import os, signal, sys
from hexiao.config import Settings
from hexiao.storage import side
from hexiao.storage.moving import move
from hexiao.wiring import open_side

side.BATCH_ROWS, left = int(sys.argv[3]), int(sys.argv[4])

def tell(what, done, total):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

source = open_side(Settings(database=sys.argv[1]))
move(source, open_side(Settings(database=sys.argv[2]), written=True), tell)
"""


class TestAnInterruptedCopy:
    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_that_was_killed_twice_ends_equal_when_run_again(
        self, engine: str, some_books: Settings, fresh: Callable[[str], Settings], rng: random.Random
    ) -> None:
        target = fresh(engine)
        for batches in (rng.randint(1, 20), rng.randint(1, 30)):
            command = [sys.executable, "-c", KILLED, some_books.database, target.database, SMALL_BATCH, batches]
            killed = subprocess.run([str(word) for word in command], check=False)
            assert killed.returncode == -9
            with pytest.raises(StorageError, match="unfinished copy"):
                open_storage(target)
        again = eventually(lambda: moved(some_books, target))
        assert (again.resumed, again.whole) == (True, True)
        assert breaks(target) == []

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM _yoyo_migration WHERE migration_id = '0004.unique-ids'",
            "INSERT INTO _yoyo_migration VALUES ('x', '9999.later', '2030-01-01')",
        ],
        ids=["older", "newer"],
    )
    def test_of_another_version_of_the_program_is_given_up(
        self, sql: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("sqlite")
        interrupt(some_books, target)
        write(target, sql)
        with pytest.raises(StorageError, match="give an empty target"):
            moved(some_books, target)

    def test_cannot_be_a_source(self, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        target = fresh("sqlite")
        interrupt(some_books, target)
        with pytest.raises(StorageError, match="itself an unfinished copy"):
            moved(target, fresh("sqlite"))

    def test_does_not_go_on_when_the_source_has_changed(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("sqlite")
        interrupt(some_books, target)
        redeem_one_more(some_books)
        with pytest.raises(OtherCopy):
            moved(some_books, target)

    def test_does_not_go_on_from_another_source(
        self, some_books: Settings, books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("sqlite")
        interrupt(some_books, target)
        with pytest.raises(OtherCopy):
            moved(books, target)


def interrupt(source: Settings, target: Settings) -> None:
    def tell(what: str, done: int, total: int) -> None:
        if done > total // 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        moved(source, target, tell)


def eventually(attempt: Callable[[], Moved]) -> Moved:
    """The server may need a moment to see that the killed process is gone."""
    for _ in range(20):
        try:
            return attempt()
        except StorageError:
            time.sleep(0.1)
    return attempt()


class TestWhatIsRefused:
    def test_a_target_with_rows(self, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        target = fresh("sqlite")
        fill(target, 1)
        before = target.sqlite_path.read_bytes()
        with pytest.raises(NotEmpty):
            moved(some_books, target)
        assert target.sqlite_path.read_bytes() == before

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_a_database_with_the_tables_of_another_program(
        self, engine: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh(engine)
        somebody_elses = "CREATE TABLE wages (id bigint PRIMARY KEY)"
        if engine == "sqlite":
            with closing(sqlite3.connect(target.sqlite_path)) as db:
                db.execute(somebody_elses)
        else:
            administer(target, somebody_elses)
        with pytest.raises(StorageError, match="another program"):
            moved(some_books, target)

    def test_a_schema_that_hides_the_tables_in_another(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("postgres")
        assert moved(some_books, target).whole
        administer(target, "CREATE SCHEMA hexiao")  # named as the user, so it comes before public
        for refused in (migrate, open_side):
            with pytest.raises(StorageError, match="are in the schema public, but new ones would go into hexiao"):
                refused(target)
        assert breaks(in_schema(target, "public")) == []
        assert migrate(in_schema(target, "public")) == []

    def test_a_search_path_that_leads_nowhere(self, fresh: Callable[[str], Settings]) -> None:
        with pytest.raises(StorageError, match="no schema of the search_path is there"):
            migrate(in_schema(fresh("postgres"), "nowhere"))

    def test_a_user_who_may_not_make_tables(self, server: Databases, fresh: Callable[[str], Settings]) -> None:
        target = fresh("postgres")
        administer(target, "CREATE ROLE visitor LOGIN", "REVOKE CREATE ON SCHEMA public FROM public")
        with pytest.raises(StorageError, match='GRANT CREATE ON SCHEMA "public" TO "visitor"'):
            migrate(Settings(database=target.database.replace("hexiao@", "visitor@")))

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_one_database_as_both(
        self, engine: str, some_books: Settings, fresh: Callable[[str], Settings], tmp_path: Path
    ) -> None:
        if engine == "sqlite":
            (tmp_path / "alias.db").symlink_to(some_books.sqlite_path)
            with pytest.raises(SamePlace):
                moved(some_books, Settings(database=f"sqlite:///{tmp_path / 'alias.db'}"))
            return
        target = fresh(engine)
        assert moved(some_books, target).whole
        alias = target.database.replace("127.0.0.1", "localhost") + "?application_name=alias"
        with pytest.raises(SamePlace):
            moved(target, Settings(database=alias))

    @pytest.mark.parametrize("sql", ["DROP TABLE bill", "ALTER TABLE bill ADD COLUMN x text"])
    def test_tables_that_another_hand_changed(
        self, sql: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        with closing(sqlite3.connect(some_books.sqlite_path)) as db:
            db.execute(sql)
        with pytest.raises(StorageError, match=r"same tables \(bill\): another hand changed"):
            moved(some_books, fresh("sqlite"))

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_a_source_without_tables(self, engine: str, fresh: Callable[[str], Settings]) -> None:
        source = fresh(engine)
        if engine == "sqlite":
            source.sqlite_path.touch()
        with pytest.raises(StorageError, match="no database of hexiao"):
            moved(source, fresh("sqlite"))

    @pytest.mark.parametrize(("sql", "said"), [("DELETE", "older"), ("INSERT", "newer")])
    def test_another_schema(self, sql: str, said: str, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        statements = {
            "DELETE": "DELETE FROM _yoyo_migration WHERE migration_id = '0001.initial'",
            "INSERT": "INSERT INTO _yoyo_migration VALUES ('x', '9999.later', '2030-01-01')",
        }
        write(some_books, statements[sql])
        with pytest.raises(StorageError, match=said):
            moved(some_books, fresh("sqlite"))


class TestTheComparison:
    @pytest.mark.parametrize(
        ("sql", "table"),
        [
            ("UPDATE redemption SET captured_fen = 1 WHERE id = (SELECT min(id) FROM redemption)", "redemption"),
            ("UPDATE journal SET reason = 'x' WHERE entry = 'void'", "journal"),
            ("DELETE FROM coupon_code WHERE code = (SELECT min(code) FROM coupon_code)", "coupon_code"),
            ("UPDATE item SET name = 'other' WHERE id = 5", "item"),
        ],
    )
    def test_names_the_table_and_the_first_row_that_differs(
        self, sql: str, table: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        write(some_books, "INSERT INTO item VALUES (5, 1, 'tea', 'tea', '')")
        target = fresh("sqlite")
        done: list[str] = []

        def tamper(what: str, *_: int) -> None:
            if what.startswith("=") and not done:  # the first table is compared, the others are not yet
                done.append(what)
                write(target, sql)

        with sides(some_books, target) as (one, other):
            # A change from outside is not seen within one state, so this target has none.
            other.one_state = nothing_held  # type: ignore[method-assign]
            outcome = move(one, other, tamper)
        assert not outcome.whole
        [named] = [one for one in outcome.tables if not one.equal]
        assert named.table == table
        assert named.first_difference
        with pytest.raises(StorageError, match="unfinished copy"):
            open_storage(target)

    def test_counts_every_column_of_every_table(self, fresh: Callable[[str], Settings]) -> None:
        with closing(open_side(fresh("sqlite"), written=True)) as side:
            columns = [(one, name) for one in side.tables() for name in one.names]
        ours: Any = OneRow()
        unseen = []
        for one, name in columns:
            theirs: Any = OneRow(name)
            [compared] = moving._compare(ours, theirs, [one], silent)
            if compared.equal:
                unseen.append(f"{one.name}.{name}")
        assert unseen == []
        assert len(columns) > 100

    def test_sees_that_the_source_changed_meanwhile(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("sqlite")
        sold: list[str] = []

        def redeem_meanwhile(what: str, done: int, total: int) -> None:
            if what == "redemption" and not sold:
                sold.append(what)
                redeem_one_more(some_books)

        outcome = moved(some_books, target, redeem_meanwhile)
        assert (outcome.source_changed, outcome.whole) == (True, False)
        assert all(one.equal for one in outcome.tables)
        with pytest.raises(StorageError, match="unfinished copy"):
            open_storage(target)

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE member SET name = 'other' WHERE id = (SELECT min(id) FROM member)",
            "UPDATE item SET name = 'cup' WHERE id = 5",
            "UPDATE credential SET sealed = x'02' WHERE id = 5",
        ],
    )
    def test_sees_a_change_that_moves_no_number(
        self, sql: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        """A member's name was put anew: nothing else of it tells that."""
        write(some_books, "INSERT INTO item VALUES (5, 1, 'tea', 'tea', '')")
        write(some_books, "INSERT INTO credential VALUES (5, 1, 'api', 'app', 'app', 'till', x'01', NULL)")
        target = fresh("sqlite")
        done: list[str] = []

        def put_meanwhile(what: str, *_: int) -> None:
            if what == "redemption" and not done:
                done.append(what)
                write(some_books, sql)

        outcome = moved(some_books, target, put_meanwhile)
        assert (outcome.source_changed, outcome.whole) == (True, False)


class OneRow:
    """As much of a side as is compared: one row in each table, with another value in the column of this name."""

    def __init__(self, changed: str = "") -> None:
        self._changed = changed

    def count(self, one: Table) -> int:
        return 1

    def rows(self, one: Table) -> Iterator[list[tuple[Any, ...]]]:
        yield [tuple(SAMPLES[kind][name == self._changed] for name, kind in one.columns)]


@contextmanager
def nothing_held() -> Iterator[None]:
    yield


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


class TestARestoredDatabase:
    def test_never_gives_out_the_numbers_of_processes_again(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("sqlite")
        assert moved(some_books, target, skip_nodes=NODES_SKIPPED).whole
        with closing(open_storage(some_books)) as old, closing(open_storage(target)) as new:
            apart = (new.take_node() - old.take_node()) % NODES
        assert min(apart, NODES - apart) == NODES_SKIPPED

    def test_skips_numbers_of_processes_once_when_it_is_restored_twice_at_once(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("postgres")  # SQLite lets nobody write while the other one compares
        others: list[Moved] = []

        def tell(what: str, done: int, total: int) -> None:
            if what.startswith("=") and not others:
                others.append(moved(some_books, target, skip_nodes=NODES_SKIPPED))

        assert moved(some_books, target, tell, skip_nodes=NODES_SKIPPED).whole
        assert others[0].whole
        with closing(open_storage(some_books)) as old, closing(open_storage(target)) as new:
            assert (new.take_node() - old.take_node()) % NODES == NODES_SKIPPED

    def test_works_on(self, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        target = fresh("postgres")
        assert moved(some_books, target, skip_nodes=NODES_SKIPPED).whole
        redeem_one_more(target)
        assert breaks(target) == []
