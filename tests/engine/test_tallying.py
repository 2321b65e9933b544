"""The past is counted ahead by the sweeper's thread, in pieces, without anybody asking for it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from engine.desk import Desk, a_bill
from hexiao.config import Settings
from hexiao.engine import sweeper
from hexiao.engine.committer import Engine
from hexiao.storage import tallying
from hexiao.wiring import open_engine


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "STRETCH_ROWS", 1)
    monkeypatch.setattr(tallying, "STRETCHES_AT_ONCE", 2)
    monkeypatch.setattr(sweeper, "TALLY_PAUSE_SECONDS", 0.0)


@pytest.fixture
def past(desk: Desk, clock: Any) -> Iterator[None]:
    """Nine redemptions, two hours ago."""
    for _ in range(9):
        desk.redeem(desk.coupon())
        clock.forward(1)
    clock.forward(7200)
    yield


def tallied(settings: Settings) -> int:
    with closing(sqlite3.connect(settings.sqlite_path)) as db:
        return int(db.execute("SELECT coalesce(max(so_far), 0) FROM tally WHERE facet = 0").fetchone()[0])


def test_a_round_counts_the_whole_past(engine: Engine, settings: Settings, past: None) -> None:
    assert engine.sweeper.tally() is False
    assert tallied(settings) == 8


def test_a_round_that_takes_too_long_goes_on_later(engine: Engine, settings: Settings, past: None) -> None:
    assert engine.sweeper.tally(0) is True
    assert 0 < tallied(settings) < 8
    while engine.sweeper.tally(0):
        pass
    assert tallied(settings) == 8


def test_a_round_over_idle_shops_goes_on_later_too(engine: Engine, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "SHOPS_AT_ONCE", 2)  # of the three that there are
    assert engine.sweeper.tally(0) is True
    assert engine.sweeper.tally(0) is False


def test_more_redemptions_of_one_millisecond_than_are_counted_at_once_stop_nobody(
    engine: Engine, desk: Desk, settings: Settings, clock: Any
) -> None:
    """No stretch parts them, so the end of theirs must be looked for further on."""
    for coupon in desk.issue(desk.scheme(), 8):
        desk.redeem(coupon.code, a_bill(coupon.code))
    for _ in range(2):
        clock.forward(1)
        desk.redeem(desk.coupon())
    clock.forward(7200)
    assert engine.sweeper.tally() is False
    assert tallied(settings) == 9


def test_a_round_that_was_not_finished_goes_on_with_each_sweep_and_the_next_one_begins_after_ten_minutes(
    engine: Engine, desk: Desk, settings: Settings, clock: Any, past: None
) -> None:
    counts: list[int] = []
    while not counts or counts[-1] < 8:
        engine.sweeper.tidy_up(0)
        counts.append(tallied(settings))
        assert len(counts) < 20
    assert len(counts) > 1
    while engine.sweeper._tallying is not None:  # what is left of it has nothing to count
        engine.sweeper.tidy_up(0)
    clock.forward(sweeper.TALLY_EVERY_MS / 1000 - 1)
    desk.redeem(desk.coupon())
    assert rounds_begun(engine, 3) == 0
    clock.forward(1)
    assert rounds_begun(engine, 3) == 1


def rounds_begun(engine: Engine, sweeps: int) -> int:
    begun: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.sweeper, "tally", begun.append)
        for _ in range(sweeps):
            engine.sweeper.tidy_up(0)
    return len(begun)


def test_a_running_engine_counts_by_itself(engine: Engine, settings: Settings, past: None, clock: Any) -> None:
    with closing(open_engine(settings, clock=clock, sweep_seconds=0.02)):
        deadline = time.monotonic() + 10
        while tallied(settings) < 8 and time.monotonic() < deadline:
            threading.Event().wait(0.02)
    assert tallied(settings) == 8
