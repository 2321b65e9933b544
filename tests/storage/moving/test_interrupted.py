"""A copy that was interrupted goes on where it stopped, and nothing unfinished looks whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from hexiao.config import Settings
from hexiao.storage.base import StorageError
from hexiao.storage.moving import NODES_SKIPPED, Moved, WholeAlready
from hexiao.storage.postgres_side import PostgresSide
from hexiao.storage.side import OtherCopy
from hexiao.storage.tables import Row, Value
from hexiao.wiring import open_storage
from storage.migrations import MIGRATION_KILLED
from storage.moving.books import breaks, moved, redeem_one_more, write

SMALL_BATCH = 40

KILLED = """
import os, signal, sys
from hexiao.config import Settings
from hexiao.storage import tables
from hexiao.storage.moving import move
from hexiao.wiring import open_side

tables.BATCH_ROWS, left = int(sys.argv[3]), int(sys.argv[4])

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

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_that_was_killed_while_it_made_the_tables_is_run_again(
        self, engine: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh(engine)
        command = [sys.executable, "-c", MIGRATION_KILLED, target.database, "0003.tallies", "mark_one"]
        assert subprocess.run(command, check=False).returncode == -9
        assert eventually(lambda: moved(some_books, target)).whole
        assert breaks(target) == []

    def test_is_not_brought_up_when_it_holds_the_rows_of_somebody(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("sqlite")
        assert moved(some_books, target).whole
        write(target, "DELETE FROM _yoyo_migration WHERE migration_id = '0004.unique-ids'")
        with pytest.raises(StorageError, match="older than this program"):
            moved(some_books, target)

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

    def test_that_was_interrupted_in_its_last_step_can_be_run_again(
        self, some_books: Settings, fresh: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target, run = fresh("postgres"), PostgresSide.run

        def interrupted(side: PostgresSide, sql: str, *parameters: Value) -> list[Row]:
            if sql == "ANALYZE":  # takes its time on large books
                raise KeyboardInterrupt
            return run(side, sql, *parameters)

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(PostgresSide, "run", interrupted)
            moved(some_books, target)
        again = moved(some_books, target)
        assert (again.resumed, again.whole) == (True, True)

    def test_that_another_run_has_ended_meanwhile_is_not_called_unfinished(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target, ended = fresh("sqlite"), list[Moved]()

        def tell(what: str, done: int, total: int) -> None:
            if done == total and not ended:
                ended.append(moved(some_books, target, skip_nodes=NODES_SKIPPED))

        with pytest.raises(WholeAlready):
            moved(some_books, target, tell)
        assert [one.whole for one in ended] == [True]
        assert breaks(target) == []

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
