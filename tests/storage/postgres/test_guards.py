"""Two processes on one PostgreSQL database decide on the same rows: the later one's save misses, and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from engine.desk import a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.engine.commands import Answer, Failed
from hexiao.storage import loading, saving_at_once
from hexiao.storage.base import GuardMissed
from hexiao.storage.snapshot import Changes, Names
from storage.postgres.races import RACES, Race
from storage.postgres.tables import rows, tables

NOON = 1_763_784_000_000

Meet = Callable[[], Process]

every_race = pytest.mark.parametrize("race", RACES.values(), ids=RACES)


def reason(result: Any) -> Code | None:
    assert isinstance(result, Answer), result
    return result.outcome.code if isinstance(result.outcome, Failed) else None


def nothing_is_broken(settings: Settings, process: Process) -> None:
    assert list(process.storage.broken(process.clock())) == []
    assert rows(settings, "SELECT id FROM redemption WHERE state = 2 AND captured_fen = 0") == []


@every_race
def test_whoever_decided_before_the_other_saved_misses_and_writes_nothing(
    on_postgres: Settings, meet: Meet, race: Race
) -> None:
    mine, theirs = meet(), meet()
    their_command, my_command = race(mine.desk)
    my_changes = mine.decided(my_command)
    assert not my_changes.empty
    assert reason(theirs.commit(their_command)[0]) is None
    before = tables(on_postgres)
    with pytest.raises(GuardMissed):
        mine.save(my_changes)
    assert tables(on_postgres) == before
    nothing_is_broken(on_postgres, mine)


@every_race
def test_alone_the_same_changes_are_saved(on_postgres: Settings, meet: Meet, race: Race) -> None:
    """The control: it is the other's save that makes the guard miss."""
    mine = meet()
    _, my_command = race(mine.desk)
    before = tables(on_postgres)
    mine.save(mine.decided(my_command))
    assert tables(on_postgres) != before
    nothing_is_broken(on_postgres, mine)


@every_race
@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_whoever_meets_an_open_transaction_waits_for_its_end(
    on_postgres: Settings, meet: Meet, race: Race, end: str
) -> None:
    mine, theirs = meet(), meet()
    their_command, my_command = race(mine.desk)
    their_changes, my_changes = theirs.decided(their_command), mine.decided(my_command)
    connection: Any = theirs.storage._db  # type: ignore[attr-defined]
    connection.execute("BEGIN")
    theirs.save(their_changes)
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(mine.save, my_changes)
        wait_for_a_lock(on_postgres)
        assert not saving.done()
        connection.execute(end)
        if end == "COMMIT":
            with pytest.raises(GuardMissed):
                saving.result(10)
        else:
            saving.result(10)
    nothing_is_broken(on_postgres, mine)


def test_the_row_of_a_limited_scheme_is_taken_last(on_postgres: Settings, meet: Meet) -> None:
    """All that want it wait for who has it: so nothing else is left to be done by then but COMMIT."""
    mine, theirs = meet(), meet()
    scheme = mine.desk.scheme(total=100)
    my_command = redeeming(mine.desk.issue(scheme)[0].code, a_bill("B1"))
    my_changes = mine.decided(my_command)
    connection: Any = theirs.storage._db  # type: ignore[attr-defined]
    connection.execute("SET lock_timeout = '50ms'")
    connection.execute("BEGIN")
    connection.execute("UPDATE scheme_count SET issued = issued WHERE scheme_id = %s", (scheme.id,))
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(mine.save, my_changes)
        try:
            wait_for_a_lock(on_postgres)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                connection.execute("INSERT INTO bill SELECT merchant_id, id, 'B1', 1 FROM shop WHERE number = '001'")
        finally:
            connection.execute("ROLLBACK")
        saving.result(10)
    nothing_is_broken(on_postgres, mine)


def wait_for_a_lock(settings: Settings, seconds: float = 10.0) -> None:
    waiting = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + seconds
    while rows(settings, waiting) == [{"n": 0}]:
        assert time.monotonic() < deadline, "nobody waits for anybody"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def one_after_the_other(migrated: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[Race, Code | None]:
    """How the later one of each race is answered on SQLite, when the other has long been done."""
    answers = {}
    for name, race in RACES.items():
        file = tmp_path_factory.mktemp(name) / "hexiao.db"
        file.write_bytes(migrated)
        process = Process(Settings(database=f"sqlite:///{file}"), lambda: NOON, seed=0)
        process.furnish()
        first, second = race(process.desk)
        process.commit(first)
        answers[race] = reason(process.commit(second)[0])
        process.storage.close()
    return answers


@pytest.mark.parametrize(
    ("race", "wave"),
    [pytest.param(race, wave, id=f"{name}-{wave}") for name, race in RACES.items() for wave in (1, 2, 3, 4, 5)],
)
def test_a_load_that_the_other_cuts_in_two_decides_nothing_wrong(
    on_postgres: Settings, meet: Meet, monkeypatch: pytest.MonkeyPatch,
    one_after_the_other: dict[Race, Code | None], race: Race, wave: int,
) -> None:  # fmt: skip
    """A load is several reads. They commit between any two of mine; I answer as if after."""
    mine, theirs = meet(), meet()
    their_command, my_command = race(mine.desk)
    cut_in(monkeypatch, mine, wave, lambda: theirs.commit(their_command))
    [result] = mine.commit(my_command)
    nothing_is_broken(on_postgres, mine)

    assert reason(result) is one_after_the_other[race]


def cut_in(monkeypatch: pytest.MonkeyPatch, process: Process, wave: int, do: Callable[[], Any]) -> None:
    """After the given wave of reads of the next load, once, or after the last one when there are fewer."""
    storage: Any = process.storage
    honest_ask, honest_load = storage._ask, storage.load
    asked = [0]

    def ask(wanted: Sequence[loading.Asked]) -> Any:
        found = honest_ask(wanted)
        asked[0] += 1
        if asked[0] == wave:
            do()
        return found

    def load(names: Names) -> Any:
        snapshot = honest_load(names)
        if asked[0] < wave:
            asked[0] = wave
            do()
        return snapshot

    monkeypatch.setattr(storage, "_ask", ask)
    monkeypatch.setattr(storage, "load", load)


def test_two_batches_that_wait_for_each_other_in_a_circle_both_end(on_postgres: Settings, meet: Meet) -> None:
    """PostgreSQL ends one of them; to the engine that is a missed guard like any other."""
    mine, theirs = meet(), meet()
    first, second = mine.desk.coupon(), mine.desk.coupon()
    connection: Any = mine.storage._db  # type: ignore[attr-defined]
    for process in (mine, theirs):
        process.storage._db.execute("SET deadlock_timeout = '50ms'")  # type: ignore[attr-defined]
    sooner, later = mine.decided(redeeming(second, a_bill("B1"))), mine.decided(redeeming(first, a_bill("B3")))
    connection.execute("BEGIN")
    mine.save(sooner)
    both = Changes()
    for code, bill in ((first, "B4"), (second, "B5")):
        one = theirs.decided(redeeming(code, a_bill(bill)))
        for name in ("coupons", "coupon_seqs", "new_redemptions", "bills", "counts"):
            getattr(both, name).update(getattr(one, name))
        both.journal += one.journal
    ends = []
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(theirs.save, both)
        wait_for_a_lock(on_postgres)
        both_ends: list[Callable[[], None]] = [lambda: mine.save(later), lambda: saving.result(10)]
        for end in both_ends:
            try:
                end()
                ends.append("saved")
            except GuardMissed:
                ends.append("missed")
                connection.execute("ROLLBACK")
    if connection.info.transaction_status:
        connection.execute("COMMIT")
    assert "missed" in ends
    nothing_is_broken(on_postgres, mine)


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_at_every_isolation_level_one_of_many_gets_the_coupon(on_postgres: Settings, meet: Meet, level: str) -> None:
    crew = [meet() for _ in range(3)]
    for process in crew:
        process.storage._db.execute(f"SET default_transaction_isolation = '{level}'")  # type: ignore[attr-defined]
    codes = [crew[0].desk.coupon() for _ in range(15)]

    def work(index: int) -> list[Any]:
        return [crew[index].commit(redeeming(code, a_bill(f"B{code}-{index}")))[0] for code in codes]

    with ThreadPoolExecutor(len(crew)) as pool:
        answers = list(pool.map(work, range(len(crew))))
    for of_one in zip(*answers, strict=True):
        assert sorted(map(reason, of_one), key=str) == sorted([None, Code.COUPON_USED_UP, Code.COUPON_USED_UP], key=str)
    nothing_is_broken(on_postgres, crew[0])


def test_without_the_guard_both_would_get_the_coupon(
    on_postgres: Settings, meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a test that cannot fail proves nothing."""
    guard = " AND c.seq = v.read_seq"
    honest = saving_at_once._PARTS["coupon"]
    assert honest.endswith(guard), "the guard has another form now; take out that one"
    monkeypatch.setitem(saving_at_once._PARTS, "coupon", honest.removesuffix(guard))
    mine, theirs = meet(), meet()
    code = mine.desk.coupon()
    my_changes = mine.decided(redeeming(code, a_bill("B2")))
    theirs.commit(redeeming(code, a_bill("B1")))
    my_changes.journal.clear()
    mine.save(my_changes)
    assert {row.invariant.split()[0] for row in mine.storage.broken(mine.clock())} >= {"I2", "I4"}
