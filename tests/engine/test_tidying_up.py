"""What an engine tidies up by itself goes on after whatever went wrong, and is never why somebody gets no answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.desk import MERCHANT, Desk, put_all
from hexiao.config import Settings
from hexiao.domain.errors import Code, Unavailable
from hexiao.domain.redemption import State
from hexiao.engine import committer
from hexiao.engine.committer import Engine
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


@pytest.mark.parametrize("failure", OUTAGES, ids=lambda failure: type(failure).__name__)
def test_the_sweeper_outlives_what_goes_wrong_and_lets_the_holds_lapse_afterwards(
    failure: Exception, sweeping: Engine, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(sweeping.call, sweeping.read_now)
    held = desk.hold(desk.coupon(hold_seconds=60)).redemption.id
    failing = Failing(sweeping.sweep, failure)
    monkeypatch.setattr(sweeping, "sweep", failing)
    clock.forward(60)
    assert failing.twice.wait(PATIENCE_SECONDS)
    for _ in range(500):
        if state_of(sweeping, held) is State.LAPSED:
            break
        threading.Event().wait(0.01)
    assert state_of(sweeping, held) is State.LAPSED


@pytest.mark.parametrize("failure", [StorageDown("no disk"), StorageError("no such table")], ids=["down", "wrong"])
def test_a_past_that_cannot_be_counted_ahead_keeps_no_hold_from_lapsing_and_is_counted_later(
    failure: Exception, engine: Engine, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(engine.tally, failure)
    monkeypatch.setattr(engine, "tally", failing)
    for _ in range(2):
        engine.tidy_up(1)
        clock.now += committer.TALLY_EVERY_MS
    assert not failing.twice.is_set()
    engine.tidy_up(1)
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
    assert engine.forget() == committer.FORGET_MAX
    assert len(asked) == 2
