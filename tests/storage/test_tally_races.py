"""Who adds to the past while it is being counted: at each step of the counting, and by many at once.

Each guard has its control: without it, the same race leaves a tally that is wrong, and the invariants say so.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from engine.desk import SHOP, a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.scheme import Balance
from hexiao.engine.commands import Take
from hexiao.storage import rows, saving, saving_at_once, tallying
from hexiao.storage.base import Storage
from hexiao.storage.snapshot import Changes
from postgres_server import Databases
from storage.postgres.tables import rows as read_rows

NOON = 1_763_784_000_000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
SECONDS = 2.0


@pytest.fixture
def on_postgres(server: Databases) -> Settings:
    return Settings(database=server.emptied(), master_key="11" * 32)


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "STRETCH_ROWS", 2)
    monkeypatch.setattr(tallying, "STRETCHES_AT_ONCE", 3)


class Till:
    """A process of its own, whose clock may be behind."""

    def __init__(self, settings: Settings, seed: int, code: str = "") -> None:
        self.now = NOON
        self.process = Process(settings, lambda: self.now, seed)
        self.code = code
        self.seed, self.bills = seed, 0

    def open_shop(self) -> Till:
        self.process.furnish()
        self.now = NOON - DAY_MS
        self.scheme = self.process.desk.scheme(Balance(10_000_000))
        self.codes = [coupon.code for coupon in self.process.desk.issue(self.scheme, 3)]
        self.code = self.codes[0]
        self.now = NOON
        return self

    def redeem(self, at: int) -> None:
        self.now = at
        self.bills += 1
        bill = a_bill(f"B{self.seed}-{self.bills}")
        self.process.desk.must(redeeming(Take(self.code, 5), bill))

    @property
    def storage(self) -> Storage:
        return self.process.storage

    def broken(self) -> set[str]:
        return {one.invariant.split()[0] for one in self.process.desk.broken(self.now)}


@pytest.fixture
def tills(books: Settings) -> Iterator[tuple[Till, Till]]:
    first = Till(books, 1).open_shop()
    second = Till(books, 2, first.codes[1])
    for number in range(12):
        first.redeem(NOON + number * 60_000)
    yield first, second
    for till in (first, second):
        till.storage.close()


def adding_after_the_count(till: Till, counted: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody adds to the past after it was counted and before that is written."""
    query: Callable[..., Iterable[rows.Row]] = counted.query  # type: ignore[attr-defined]

    def and_then(name: str, **parameters: Any) -> Iterable[rows.Row]:
        found = list(query(name, **parameters))
        if name == "untallied" and till.bills == 0:
            till.redeem(NOON + 90_000)
        return found

    monkeypatch.setattr(counted, "query", and_then)


def test_what_is_added_after_the_count_is_counted_anew(
    tills: tuple[Till, Till], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, late = tills
    adding_after_the_count(late, first.storage, monkeypatch)
    assert list(first.storage.tally(NOON + 5 * HOUR_MS)) == []  # the guard missed
    assert late.bills == 1
    assert any(first.storage.tally(NOON + 5 * HOUR_MS))
    assert first.broken() == set()


def test_without_the_guard_of_who_is_late_the_tally_is_wrong(
    tills: tuple[Till, Till], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    say_nothing(monkeypatch)
    first, late = tills
    adding_after_the_count(late, first.storage, monkeypatch)
    assert any(first.storage.tally(NOON + 5 * HOUR_MS))
    assert first.broken() == {"I27"}


def say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    never = " WHERE ? < (SELECT until_at FROM past WHERE name = 'redemption')"
    assert never in saving._LATE
    monkeypatch.setattr(saving, "_LATE", saving._LATE.replace(never, " WHERE ? IS NULL"))
    part, never = saving_at_once._PARTS["late"], ":earliest <"
    assert never in part
    monkeypatch.setitem(saving_at_once._PARTS, "late", part.replace(never, ":earliest IS NULL AND 0 <"))


def begin_to_save_late(settings: Settings, url: str) -> psycopg.Connection[Any]:
    """A save that began before the announcement, so that it says nothing, and has not ended: a till that froze."""
    frozen = psycopg.connect(url)
    [(coupon_id,)] = frozen.execute("SELECT coupon_id FROM redemption LIMIT 1")
    columns = [row["column_name"] for row in read_rows(settings, COLUMNS)]
    values = ", ".join({"id": "1", "created_at": str(NOON + 90_000)}.get(name, name) for name in columns)
    frozen.execute(f"INSERT INTO redemption ({', '.join(columns)}) SELECT {values} FROM redemption LIMIT 1".encode())
    assert coupon_id
    return frozen


COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'redemption'"


def test_who_began_before_the_announcement_is_waited_for(on_postgres: Settings) -> None:
    till = Till(on_postgres, 1).open_shop()
    for number in range(12):
        till.redeem(NOON + number * 60_000)
    with begin_to_save_late(on_postgres, on_postgres.database) as frozen:
        working = till.storage.tally(NOON + 5 * HOUR_MS)
        assert [next(working) for _ in range(3)] == [False] * 3
        frozen.commit()
    deadline = time.monotonic() + 10
    while next(working, True) is False:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert list(working) is not None
    assert "I27" not in till.broken()
    till.storage.close()


def test_without_waiting_the_tally_is_wrong(on_postgres: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    till = Till(on_postgres, 1).open_shop()
    for number in range(12):
        till.redeem(NOON + number * 60_000)
    monkeypatch.setattr(till.storage, "at_work", set)
    with begin_to_save_late(on_postgres, on_postgres.database) as frozen:
        assert any(till.storage.tally(NOON + 5 * HOUR_MS))
        frozen.commit()
    assert "I27" in till.broken()
    till.storage.close()


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
def test_many_add_to_the_past_while_two_count_it(
    books: Settings, guarded: bool, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        say_nothing(monkeypatch)
    first = Till(books, 1).open_shop()
    tills = [first, *(Till(books, seed + 1, code) for seed, code in enumerate(first.codes[1:], 1))]
    counting = [Till(books, seed) for seed in (4, 5)]
    seeds = [rng.random() for _ in tills]
    stop = threading.Event()
    faults: list[BaseException] = []

    def work(what: Callable[[], None]) -> None:
        try:
            while not stop.is_set():
                what()
        except BaseException as fault:
            faults.append(fault)
            stop.set()

    def sell(till: Till, own: random.Random) -> Callable[[], None]:
        return lambda: till.redeem(NOON + int(own.random() * 4 * HOUR_MS))

    def count(till: Till) -> Callable[[], None]:
        def round() -> None:
            for _ in till.storage.tally(NOON + 5 * HOUR_MS):
                pass

        return round

    threads = [
        threading.Thread(target=work, args=(sell(till, random.Random(s)),))
        for till, s in zip(tills, seeds, strict=True)
    ]
    threads += [threading.Thread(target=work, args=(count(till),)) for till in counting]
    for thread in threads:
        thread.start()
    stop.wait(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
    first.now = NOON + 5 * HOUR_MS
    made = read_rows(books, "SELECT count(*) AS n FROM redemption")[0]["n"]
    for _ in first.storage.tally(first.now):
        pass
    assert made > 20
    assert ("I27" in first.broken()) is not guarded
    if guarded:
        [most] = [row["n"] for row in read_rows(books, f"SELECT max(so_far) AS n FROM tally WHERE shop_id = {SHOP}")]
        assert made - 10 < most <= made
    for till in (*tills, *counting):
        till.storage.close()


def test_the_earliest_of_each_shop_in_a_batch_is_what_the_past_is_told_of() -> None:
    """A clock that was set back in the middle of a batch: they are not in order."""
    changes = Changes()
    made: list[Any] = [SimpleNamespace(shop_id=shop, created_at=at) for shop, at in ((2, 7), (1, 5), (1, 4), (1, 6))]
    changes.new_redemptions = dict(enumerate(made))
    assert saving.earliest(changes) == [(1, 4), (2, 7)]
