"""Whatever is changed in the journal or its blocks behind the program's back is found, and named; nothing else is."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.desk import CASHIER, Desk, a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.chain import Block, seal, unpacked
from hexiao.domain.scheme import Balance
from hexiao.domain.tampering import Problem, Sign
from hexiao.engine.commands import Take
from hexiao.storage import chain_side
from hexiao.storage.base import ConnectionLost, GuardMissed, StorageDown, StorageError
from hexiao.storage.side import Kind
from hexiao.storage.texts import COLUMNS
from hexiao.wiring import migrate, open_side, open_storage
from postgres_server import Databases
from storage.chains import audited, plant, problems
from storage.postgres.tables import rows

OTHER = {Kind.INTEGER: "coalesce({0}, 0) + 1000", Kind.TEXT: "{0} || 'x'"}
JOURNAL = f"SELECT {', '.join(COLUMNS['journal'])} FROM journal ORDER BY lane, height, coupon_id, seq"
BY_KEY = f"SELECT {', '.join(COLUMNS['journal'])} FROM journal ORDER BY coupon_id, seq"
BLOCKS = "SELECT lane, height FROM block ORDER BY lane, height"


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, server: Databases, tmp_path: Path, migrated: bytes) -> Settings:
    """A migrated database without rows."""
    if request.param == "postgres":
        return Settings(database=server.emptied(), master_key="11" * 32)
    path = tmp_path / "hexiao.db"
    path.write_bytes(migrated)
    return Settings(database=f"sqlite:///{path}", master_key="11" * 32)


@pytest.fixture
def books(empty: Settings, clock: Any) -> Settings:
    """A lane of blocks with one, two and three entries, with and without redemption, cashier and reason."""
    with closing(Process(empty, clock)) as process:
        process.furnish()
        trade(process.desk)
    return empty


def trade(desk: Desk) -> None:
    scheme = desk.scheme(Balance(5_000))
    first, second, third = (coupon.code for coupon in desk.issue(scheme, 3))
    desk.must(redeeming(first, a_bill("B1", cashier_id=CASHIER), "r1"))
    desk.reverse(desk.redeem(second, a_bill("B2")).redemption.id, 400)
    desk.release(desk.hold(third, a_bill("B3")).redemption.id)
    desk.must(redeeming(first, a_bill("B4"), "r4"))


def where(row: dict[str, Any]) -> tuple[str, tuple[int, int]]:
    return "coupon_id = ? AND seq = ?", (row["coupon_id"], row["seq"])


def named(found: list[Problem]) -> set[tuple[Any, Any]]:
    return {(one.coupon_id, one.seq) for one in found}


def told(found: list[Problem]) -> list[tuple[Sign, int, int]]:
    return [(one.sign, one.lane, one.height) for one in found]


def test_an_untouched_database_is_clean(books: Settings) -> None:
    audit, found = audited(books)
    assert found == []
    assert (audit.blocks, audit.entries) == (len(rows(books, BLOCKS)), len(rows(books, JOURNAL)))
    assert audit.blocks > 5
    assert len(audit.heads) == 1


def test_a_database_without_rows_is_clean(empty: Settings) -> None:
    assert problems(empty) == []


def test_a_change_of_any_column_of_any_row_is_found_and_the_row_is_named(books: Settings) -> None:
    with closing(open_side(books)) as side:
        [journal] = [one for one in side.tables() if one.name == "journal"]
    missed = []
    for row in rows(books, JOURNAL)[::4]:
        key, its_key = where(row)
        for column, kind in journal.columns:
            changed_key = tuple(row[name] + 1000 if name == column else row[name] for name in journal.key)
            place = "coupon_id = ? AND seq = ?"
            assert (
                plant(books, f"UPDATE journal SET {column} = {OTHER[kind].format(column)} WHERE {key}", *its_key) == 1
            )
            found = problems(books)
            if its_key not in named(found) or named(found) - {its_key, changed_key}:
                missed.append((column, its_key, found))
            plant(books, f"UPDATE journal SET {column} = ? WHERE {place}", row[column], *changed_key)
    assert missed == []
    assert problems(books) == []


@pytest.mark.parametrize("column", ["redemption_id", "cashier_id"])
def test_a_value_that_was_taken_away_is_found(column: str, books: Settings) -> None:
    row = next(row for row in rows(books, JOURNAL) if row[column] is not None)
    key, its_key = where(row)
    plant(books, f"UPDATE journal SET {column} = NULL WHERE {key}", *its_key)
    assert problems(books) == [Problem(Sign.ROW_CHANGED, row["lane"], row["height"], *its_key)]


def test_every_removed_row_is_named(books: Settings) -> None:
    for row in rows(books, JOURNAL)[:4]:
        key, its_key = where(row)
        plant(books, f"DELETE FROM journal WHERE {key}", *its_key)
        assert Problem(Sign.ROW_REMOVED, row["lane"], row["height"], *its_key) in problems(books)
    assert {one.sign for one in problems(books)} == {Sign.ROW_REMOVED}


def add(settings: Settings, **changed: Any) -> dict[str, Any]:
    """A copy of the first row with other values."""
    row = {**rows(settings, JOURNAL)[0], "redemption_id": None, **changed}
    plant(
        settings, f"INSERT INTO journal ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values()
    )  # fmt: skip
    return row


def test_an_added_row_is_named(books: Settings) -> None:
    row = add(books, coupon_id=99, seq=1)
    assert problems(books) == [Problem(Sign.ROW_ADDED, row["lane"], row["height"], 99, 1)]


@pytest.mark.parametrize("place", [{"height": 1_000}, {"lane": 99}, {"lane": 0}, {"height": -1}, {"lane": -1}])
def test_a_row_that_was_added_where_no_block_is_is_named(place: dict[str, int], books: Settings) -> None:
    row = add(books, coupon_id=99, seq=1, **place)
    assert problems(books) == [Problem(Sign.ROW_WITHOUT_BLOCK, row["lane"], row["height"], 99, 1)]


def test_two_rows_that_were_swapped_are_both_named(books: Settings) -> None:
    one, other = [row for row in rows(books, JOURNAL) if row["entry"] == "capture"][:2]
    assert one["request_id"] != other["request_id"]
    for row, become in ((one, other), (other, one)):
        key, its_key = where(row)
        plant(books, f"UPDATE journal SET request_id = ? WHERE {key}", become["request_id"], *its_key)
    found = problems(books)
    assert named(found) == {where(one)[1], where(other)[1]}
    assert {problem.sign for problem in found} == {Sign.ROW_CHANGED}


# Blocks.


def blocks(settings: Settings) -> list[dict[str, Any]]:
    return rows(settings, f"SELECT {', '.join(COLUMNS['block'])} FROM block ORDER BY lane, height")


@pytest.mark.parametrize("column", COLUMNS["block"])
def test_a_change_of_any_column_of_a_block_is_found(column: str, books: Settings) -> None:
    block = blocks(books)[2]
    value = block[column]
    other = (
        bytes(value)[:-1] + b"\x01"
        if isinstance(value, bytes)
        else value + 1000
        if isinstance(value, int)
        else "f" * 64
    )
    plant(books, f"UPDATE block SET {column} = ? WHERE height = 2", other)
    found = problems(books)
    assert found
    if column not in ("lane", "height"):  # the rows were not touched, and are not accused
        assert {one.sign for one in found} <= {Sign.BLOCK_CHANGED, Sign.BLOCK_NOT_LINKED}
        assert (Sign.BLOCK_CHANGED, block["lane"], 2) in told(found)
    else:
        assert Sign.BLOCK_REMOVED in {one.sign for one in found}
    if column != "lane":
        plant(books, f"UPDATE block SET {column} = ? WHERE {column} = ?", value, other)
        assert problems(books) == []


@pytest.mark.parametrize("leaves", [b"", b"\x00", b"\x00" * 44, b"\x00" * 43])
def test_a_list_of_leaves_that_is_none_is_found_and_no_row_is_accused(leaves: bytes, books: Settings) -> None:
    block = blocks(books)[2]
    plant(books, "UPDATE block SET leaves = ? WHERE height = 2", leaves)
    assert problems(books) == [Problem(Sign.BLOCK_CHANGED, block["lane"], 2)]


def test_leaves_that_were_given_to_other_rows_are_found_and_no_row_is_accused(books: Settings) -> None:
    """The root is made of the leaf hashes alone."""
    block = next(block for block in blocks(books) if block["entries"] > 1)
    leaves = list(unpacked(bytes(block["leaves"])))
    exchanged = [(*leaf[:2], other[2]) for leaf, other in zip(leaves, reversed(leaves), strict=True)]
    for made_up in ([(key, seq + 1_000, leaf) for key, seq, leaf in leaves], exchanged, leaves[::-1]):
        packed = b"".join(struct.pack(">qi32s", *leaf) for leaf in made_up)
        plant(books, "UPDATE block SET leaves = ? WHERE height = ?", packed, block["height"])
        assert problems(books) == [Problem(Sign.BLOCK_CHANGED, block["lane"], block["height"])]


def test_a_block_that_was_sealed_anew_in_another_order_is_found(books: Settings) -> None:
    block = next(block for block in blocks(books) if block["entries"] > 1)
    sealed = [tuple(row.values()) for row in rows(books, JOURNAL) if row["height"] == block["height"]]
    again = seal(block["lane"], block["height"], block["at"], block["previous"], reversed(sealed))
    plant(
        books, "UPDATE block SET root = ?, hash = ?, leaves = ? WHERE height = ?",
        again.root, again.hash, again.leaves, block["height"],
    )  # fmt: skip
    assert (Sign.BLOCK_CHANGED, block["lane"], block["height"]) in told(problems(books))


def test_a_removed_block_is_named_and_its_rows_are_not(books: Settings) -> None:
    block = blocks(books)[2]
    plant(books, "DELETE FROM block WHERE height = 2")
    assert problems(books) == [Problem(Sign.BLOCK_REMOVED, block["lane"], 2)]
    plant(books, "DELETE FROM block WHERE height = 3")
    assert problems(books) == [Problem(Sign.BLOCK_REMOVED, block["lane"], 2, blocks=2)]


def test_a_block_that_was_removed_with_its_rows_is_named(books: Settings) -> None:
    lane = blocks(books)[0]["lane"]
    for table in ("block", "journal"):
        plant(books, f"DELETE FROM {table} WHERE height = 0")
    assert problems(books) == [Problem(Sign.BLOCK_REMOVED, lane, 0)]


def test_a_newest_block_that_was_removed_leaves_its_rows_behind(books: Settings) -> None:
    last = blocks(books)[-1]
    plant(books, "DELETE FROM block WHERE height = ?", last["height"])
    found = problems(books)
    assert {one.sign for one in found} == {Sign.ROW_WITHOUT_BLOCK}
    assert len(found) == last["entries"]


def reseal(settings: Settings, height: int, previous: str | None = None) -> Block:
    """The block made anew from the rows as they are now."""
    [was] = [block for block in blocks(settings) if block["height"] == height]
    sealed = [tuple(row.values()) for row in rows(settings, JOURNAL) if row["height"] == height]
    block = seal(was["lane"], height, was["at"], previous or was["previous"], sealed)
    plant(
        settings, "UPDATE block SET entries = ?, root = ?, previous = ?, hash = ?, leaves = ? WHERE height = ?",
        block.entries, block.root, block.previous, block.hash, block.leaves, height,
    )  # fmt: skip
    return block


def test_a_block_that_was_sealed_anew_over_a_changed_row_does_not_fit_the_next(books: Settings) -> None:
    plant(books, "UPDATE journal SET reason = 'x' WHERE height = 2")
    block = reseal(books, 2)
    assert problems(books) == [Problem(Sign.BLOCK_NOT_LINKED, block.lane, 3)]
    reseal(books, 3, block.hash)
    assert told(problems(books)) == [(Sign.BLOCK_NOT_LINKED, block.lane, 4)]


class TestWithHeadsKnownFromBefore:
    def known(self, settings: Settings) -> list[tuple[int, int, str]]:
        with closing(open_side(settings)) as side:
            return [(head.lane, head.height, head.hash) for head in chain_side.heads(side)]

    def test_a_chain_that_went_on_is_clean(self, books: Settings, clock: Any) -> None:
        known = self.known(books)
        with closing(Process(books, clock, 2)) as process:
            process.desk.must(redeeming(process.desk.coupon(number="S2"), a_bill("B9")))
        assert problems(books, known) == []
        assert len(audited(books)[0].heads) == 2

    def test_an_end_that_was_cut_off_is_found(self, books: Settings) -> None:
        known = self.known(books)
        [(lane, height, _)] = known
        for table in ("block", "journal"):
            plant(books, f"DELETE FROM {table} WHERE height = ?", height)
        assert problems(books) == []  # so much for the chain alone
        assert problems(books, known) == [Problem(Sign.HEAD_GONE, lane, height)]

    def test_a_chain_that_was_made_anew_is_found(self, books: Settings) -> None:
        known = self.known(books)
        [(lane, last, _)] = known
        plant(books, "UPDATE journal SET reason = 'x' WHERE height = 2")
        previous = reseal(books, 2).hash
        for height in range(3, last + 1):
            previous = reseal(books, height, previous).hash
        assert problems(books) == []
        assert problems(books, known) == [Problem(Sign.HEAD_GONE, lane, last)]


# The database refuses.


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


# Lanes.


def test_two_processes_that_commit_at_once_have_a_lane_each(empty: Settings, clock: Any) -> None:
    with closing(Process(empty, clock)) as one, closing(Process(empty, clock, 2)) as other:
        one.furnish()
        codes = [coupon.code for coupon in one.desk.issue(one.desk.scheme(Balance(10**6)), 4)]

        def sell(process: Process, name: str) -> None:
            for number in range(20):  # of the same coupons, so that guards are missed as well
                process.commit(*(redeeming(Take(code, 1), a_bill(f"{name}{number}-{code}")) for code in codes))

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(sell, one, "A"), pool.submit(sell, other, "B")]:
                done.result()
        lanes = {one.chain.lane, other.chain.lane}
    audit, found = audited(empty)
    assert found == []
    assert set(audit.heads) == lanes
    assert all(height > 0 for height, _ in audit.heads.values())


@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_connection_begins_a_new_lane(
    committed: bool, books: Settings, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Process(books, clock, 2)) as process:
        code = process.desk.coupon(number="S2")
        honest = process.storage.save
        lost: list[bool] = []

        def save(*arguments: Any) -> None:
            if committed or lost:
                honest(*arguments)
            if not lost:
                lost.append(True)
                raise ConnectionLost("cut by the test")

        monkeypatch.setattr(process.storage, "save", save)
        first = process.chain.lane
        process.desk.must(redeeming(code, a_bill("B9"), "r9"))
        assert (process.chain.lane > first) == (not committed)  # what was committed is only replayed
        monkeypatch.undo()
        process.desk.must(redeeming(process.desk.coupon(number="S3"), a_bill("B10"), "r10"))
        assert process.chain.lane > first
    assert problems(books) == []


@pytest.mark.parametrize(
    ("fault", "goes_on"), [(StorageDown, True), (GuardMissed, True), (ConnectionLost, False), (RuntimeError, False)]
)
def test_a_lane_goes_on_only_when_the_database_said_that_nothing_was_committed(
    fault: type[Exception], goes_on: bool, books: Settings, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Process(books, clock, 2)) as process:
        first, second = (coupon.code for coupon in process.desk.issue(process.desk.scheme(number="S2"), 2))

        def fail(*_: Any) -> None:
            raise fault("made by the test")

        lane = process.chain.lane
        monkeypatch.setattr(process.storage, "save", fail)
        process.commit(redeeming(first, a_bill("B9"), "r9"))
        monkeypatch.undo()
        process.desk.must(redeeming(second, a_bill("B10"), "r10"))
        assert (process.chain.lane == lane) == goes_on
    assert problems(books) == []


def test_a_process_whose_place_is_taken_goes_on_in_a_new_lane(books: Settings, clock: Any) -> None:
    """As after a failover that lost the last starts: somebody else was given the same lane."""
    with closing(Process(books, clock, 2)) as process, closing(Process(books, clock, 3)) as other:
        first, second = (coupon.code for coupon in process.desk.issue(process.desk.scheme(number="S2"), 2))
        process.chain.begin(other.chain.lane)
        other.desk.must(redeeming(first, a_bill("B9"), "r9"))
        process.desk.must(redeeming(second, a_bill("B10"), "r10"))
        assert process.chain.lane > other.chain.lane
    assert problems(books) == []


def test_a_refusal_makes_no_block(books: Settings, clock: Any) -> None:
    with closing(Process(books, clock, 2)) as process:
        process.desk.no(redeeming("nobody's", a_bill("B9"), "r9"))
        assert process.chain.height == 0
    assert problems(books) == []


# Rows from before the chain.


@pytest.fixture
def old_books(books: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As the migration leaves them: all rows in lane 0, no block."""
    monkeypatch.setattr(chain_side, "OLD_ROWS_AT_ONCE", 4)
    plant(books, "DELETE FROM block")
    plant(
        books,
        "UPDATE journal SET lane = 0, height = (SELECT count(*) FROM journal j WHERE j.coupon_id < journal.coupon_id"
        " OR (j.coupon_id = journal.coupon_id AND j.seq < journal.seq)) / 3",
    )
    return books


def test_old_rows_are_sealed_by_migrate(old_books: Settings) -> None:
    assert {one.sign for one in problems(old_books)} == {Sign.ROW_WITHOUT_BLOCK}
    migrate(old_books)
    audit, found = audited(old_books)
    assert found == []
    assert list(audit.heads) == [0]
    before = blocks(old_books)
    migrate(old_books)
    assert blocks(old_books) == before


def test_a_sealing_that_was_interrupted_goes_on(old_books: Settings) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            raise Interrupted

    steps = 0
    while True:
        try:
            migrate(old_books, interrupt)
        except Interrupted:
            steps += 1
            assert len(blocks(old_books)) >= steps
        else:
            break
    assert steps > 1
    assert problems(old_books) == []


def test_the_migration_places_every_row_and_changes_nothing_else(books: Settings) -> None:
    before = [{**row, "lane": 0, "height": 0} for row in rows(books, BY_KEY)]
    take_the_chain_away(books)
    with pytest.raises(StorageError, match="older than this program"):
        open_storage(books)
    assert migrate(books) == ["0002.chain"]
    assert rows(books, BY_KEY) == before
    assert len(blocks(books)) == 1
    assert problems(books) == []
    with closing(open_storage(books)) as storage:
        assert list(storage.broken(0)) == []
    with pytest.raises(Exception, match="never"):
        rows(books, "DELETE FROM journal")


def take_the_chain_away(settings: Settings) -> None:
    """Back to the schema before."""
    for sql in ("DROP TABLE block", *(f"ALTER TABLE journal DROP COLUMN {name}" for name in ("lane", "height"))):
        plant(settings, sql, thawing=False)
    if settings.on_postgres:
        plant(settings, "DROP FUNCTION hexiao_never() CASCADE", thawing=False)
    plant(settings, "DELETE FROM _yoyo_migration WHERE migration_id = '0002.chain'", thawing=False)


# What only SQLite would keep.


def one_redemption(folder: Path, migrated: bytes, clock: Any) -> Settings:
    """Books on SQLite with a coupon that was issued and redeemed."""
    path = folder / "hexiao.db"
    path.write_bytes(migrated)
    settings = Settings(database=f"sqlite:///{path}")
    with closing(Process(settings, clock)) as process:
        process.furnish()
        process.desk.must(redeeming(process.desk.coupon(), a_bill("B1"), "r1"))
    return settings


@pytest.mark.parametrize("column", COLUMNS["journal"])
@pytest.mark.parametrize("value", ["text", b"bytes", 0.5])
def test_a_value_of_a_kind_that_is_never_written_is_found(
    column: str, value: Any, tmp_path: Path, migrated: bytes, clock: Any
) -> None:
    settings = one_redemption(tmp_path, migrated, clock)
    row = rows(settings, JOURNAL)[0]
    key, its_key = where(row)
    assert plant(settings, f"UPDATE journal SET {column} = ? WHERE {key}", value, *its_key) == 1
    assert its_key in named(problems(settings))


@pytest.mark.parametrize("text", ["x'ff'", "x'6100ff'", "x'eda080'"])
def test_a_text_that_is_none_is_found_and_hides_nothing(text: str, tmp_path: Path, migrated: bytes, clock: Any) -> None:
    """SQLite keeps any bytes as a text."""
    settings = one_redemption(tmp_path, migrated, clock)
    first, second = rows(settings, JOURNAL)[:2]
    for row, planted in ((first, f"CAST({text} AS TEXT)"), (second, "'x'")):
        key, its_key = where(row)
        assert plant(settings, f"UPDATE journal SET reason = {planted} WHERE {key}", *its_key) == 1
    assert named(problems(settings)) == {where(row)[1] for row in (first, second)}
    assert plant(settings, f"UPDATE block SET root = CAST({text} AS TEXT) WHERE height = 0") == 1
    assert Sign.BLOCK_CHANGED in {one.sign for one in problems(settings)}


@pytest.mark.parametrize("column", COLUMNS["block"])
@pytest.mark.parametrize("value", ["text", b"bytes", 0.5])
def test_a_value_of_a_kind_that_no_block_has_is_found(
    column: str, value: Any, tmp_path: Path, migrated: bytes, clock: Any
) -> None:
    settings = one_redemption(tmp_path, migrated, clock)
    assert plant(settings, f"UPDATE block SET {column} = ? WHERE height = 0", value) == 1
    assert problems(settings)
