"""What an engine tidies up by itself goes on after whatever went wrong, and is never why somebody gets no answer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.desk import MERCHANT, Desk, holding, put_all
from hexiao.config import Settings
from hexiao.domain.errors import Code, Unavailable
from hexiao.domain.redemption import State
from hexiao.engine import settling, sweeper
from hexiao.engine.commands import Failed, Redeemed
from hexiao.engine.committer import Engine
from hexiao.engine.sweeper import Sweeper
from hexiao.storage.base import GuardMissed, StorageDown, StorageError
from hexiao.storage.sqlite import SqliteStorage
from hexiao.wiring import open_engine

PATIENCE_SECONDS = 5
OUTAGES = [Unavailable(Code.STORAGE_UNAVAILABLE), StorageDown("no disk"), RuntimeError("nobody expected this")]


@pytest.fixture
def sweeping(settings: Settings, clock: Any) -> Iterator[Engine]:
    """An engine whose sweeper never rests."""
    engine = open_engine(settings, clock=clock, sweep_seconds=0.01)
    for command in put_all():
        engine.call(command)
    yield engine
    engine.close()


class Failing:
    """In place of a method: fails twice, then does what it should."""

    def __init__(self, honest: Callable[..., Any], failure: Exception) -> None:
        self.twice = threading.Event()
        self._honest, self._failure, self._left = honest, failure, 2

    def __call__(self, *arguments: Any) -> Any:
        if self._left:
            self._left -= 1
            raise self._failure
        self.twice.set()
        return self._honest(*arguments)


def state_of(engine: Engine, redemption_id: int) -> State:
    row = engine.read_now(lambda reader: reader.redemption(MERCHANT, redemption_id))
    assert row is not None
    return row.redemption.state


def until(reached: Callable[[], bool]) -> None:
    for _ in range(500):
        if reached():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to that")


def hold_some(desk: Desk, count: int) -> list[int]:
    """For a minute."""
    coupons = desk.issue(desk.scheme(hold_seconds=60), count)
    return [desk.must(holding(coupon.code, desk.new_bill())).redemptions[0].redemption.id for coupon in coupons]


# Holds.


def test_holds_lapse_by_themselves_where_a_sweeper_runs(sweeping: Engine, clock: Any) -> None:
    desk = Desk(sweeping.call, sweeping.read_now)
    held = desk.hold(desk.coupon(hold_seconds=60)).redemption.id
    clock.forward(60)
    until(lambda: state_of(sweeping, held) is State.LAPSED)
    assert desk.read(lambda reader: reader.due_holds(clock.now, 10)) == []


def test_more_holds_than_one_sweep_takes_are_all_swept(
    engine: Engine, desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_MAX", 3)
    hold_some(desk, 7)
    clock.forward(60)
    assert engine.sweeper.sweep() == 7


def test_holds_that_cannot_lapse_do_not_keep_the_sweeper_for_ever_and_are_asked_again_after_an_hour(
    engine: Engine, desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_MAX", 3)
    hold_some(desk, 4)
    clock.forward(60)
    asked: list[int] = []

    def refuse(snapshot: object, command: Any, now: int) -> Failed:
        asked.append(command.redemption_id)
        return Failed(code=Code.INTERNAL_ERROR, facts={})

    with monkeypatch.context() as patch:
        patch.setattr(settling, "lapse", refuse)
        assert engine.sweeper.sweep() == 0
        assert len(asked) == 3
        assert [engine.sweeper.sweep() for _ in range(3)] == [0, 0, 0]
        assert len(set(asked)) == len(asked) == 4
    clock.forward(sweeper.LEFT_ALONE_MS / 1000 - 1)
    assert engine.sweeper.sweep() == 0
    clock.forward(1)
    assert engine.sweeper.sweep() == 4


@contextmanager
def spoiled(settings: Settings, redemption_id: int) -> Iterator[None]:
    """A row that cannot be read, until the end of the block."""

    def put(lines: str) -> str:
        with closing(sqlite3.connect(settings.sqlite_path)) as db, db:
            [(found,)] = db.execute("SELECT lines FROM redemption WHERE id = ?", (redemption_id,)).fetchall()
            db.execute("UPDATE redemption SET lines = ? WHERE id = ?", (lines, redemption_id))
        return str(found)

    before = put("no list")
    yield
    put(before)


def test_a_hold_whose_row_went_bad_keeps_no_other_from_lapsing(
    engine: Engine, desk: Desk, clock: Any, settings: Settings
) -> None:
    bad, *others = hold_some(desk, 5)
    clock.forward(60)
    with spoiled(settings, bad), capture_logs() as lines:
        assert [engine.sweeper.sweep() for _ in range(3)] == [4, 0, 0]
    assert [line["event"] for line in lines] == ["command_failed"]
    assert {state_of(engine, one) for one in others} == {State.LAPSED}


def test_a_hold_whose_row_went_bad_is_no_error_for_who_asks_for_the_money_it_holds(
    engine: Engine, desk: Desk, clock: Any, settings: Settings
) -> None:
    scheme = desk.scheme(hold_seconds=60, budget_fen=2_000)
    first, second, third = (coupon.code for coupon in desk.issue(scheme, 3))
    for code in (first, second):
        desk.must(holding(code, desk.new_bill()))
    clock.forward(60)
    [bad, _] = desk.read(lambda reader: reader.due_holds(clock.now, 10))
    with spoiled(settings, bad.id):
        assert desk.refused(holding(third, desk.new_bill())).code is Code.BUDGET_EXHAUSTED
        assert engine.sweeper.sweep() == 1
        assert isinstance(desk.must(holding(third, desk.new_bill())), Redeemed)


# What goes wrong.


@pytest.mark.parametrize("failure", OUTAGES, ids=lambda failure: type(failure).__name__)
def test_the_sweeper_outlives_what_goes_wrong_and_lets_the_holds_lapse_afterwards(
    failure: Exception, sweeping: Engine, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(sweeping.call, sweeping.read_now)
    held = desk.hold(desk.coupon(hold_seconds=60)).redemption.id
    failing = Failing(sweeping.sweeper.sweep, failure)
    monkeypatch.setattr(sweeping.sweeper, "sweep", failing)
    clock.forward(60)
    assert failing.twice.wait(PATIENCE_SECONDS)
    until(lambda: state_of(sweeping, held) is State.LAPSED)


def test_a_fault_is_told_once_until_it_is_over_and_keeps_the_rest_from_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(Sweeper, "forget", lambda _: done.append("forget"))
    monkeypatch.setattr(Sweeper, "tally", lambda *_: done.append("tally"))
    faults = iter([ZeroDivisionError("one"), ZeroDivisionError("one"), None, ZeroDivisionError("one"), KeyError(2)])

    def sweep(_: Sweeper) -> int:
        if fault := next(faults):
            raise fault
        return 0

    monkeypatch.setattr(Sweeper, "sweep", sweep)
    with capture_logs() as lines:
        for _ in range(5):
            engine.sweeper.tidy_up(0)
    assert {(line["event"], line["log_level"], line["what"]) for line in lines} == {("sweep_failed", "error", "sweep")}
    assert [type(line["exc_info"]) for line in lines] == [ZeroDivisionError, ZeroDivisionError, KeyError]
    assert done == ["forget", "tally", "forget", "forget", "forget", "forget"]


def test_in_an_outage_the_rest_is_put_off_with_what_was_asked_first(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(Sweeper, "sweep", Failing(lambda: 0, Unavailable(Code.STORAGE_UNAVAILABLE)))
    monkeypatch.setattr(Sweeper, "tally", lambda *_: done.append("tally"))
    for expected in ([], [], ["tally"]):
        engine.sweeper.tidy_up(0)
        assert done == expected


# Counting ahead, forgetting.


def test_counting_ahead_that_fails_is_put_off_and_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(sweeper: Sweeper, seconds: float) -> bool:
        raise StorageDown("gone")

    monkeypatch.setattr(Sweeper, "tally", down)
    with capture_logs() as lines:
        engine.sweeper.tidy_up(0.01)
    assert [(line["event"], line["reason"]) for line in lines] == [("tally_put_off", "gone")]


@pytest.mark.parametrize("failure", [StorageDown("no disk"), StorageError("no such table")], ids=["down", "wrong"])
def test_a_past_that_cannot_be_counted_ahead_keeps_no_hold_from_lapsing_and_is_counted_later(
    failure: Exception, engine: Engine, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(engine.sweeper.tally, failure)
    monkeypatch.setattr(engine.sweeper, "tally", failing)
    for _ in range(2):
        engine.sweeper.tidy_up(1)
        clock.now += sweeper.TALLY_EVERY_MS
    assert not failing.twice.is_set()
    engine.sweeper.tidy_up(1)
    assert failing.twice.is_set()


def test_who_finds_the_old_answers_removed_by_another_process_leaves_the_rest_for_the_next_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def forget(storage: SqliteStorage, before: int, limit: int) -> int:
        asked.append(limit)
        if len(asked) == 2:
            raise GuardMissed("the very same rows")
        return limit

    monkeypatch.setattr(SqliteStorage, "forget", forget)
    assert engine.sweeper.forget() == sweeper.FORGET_MAX
    assert len(asked) == 2
