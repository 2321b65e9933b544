"""Remembered answers are kept for thirty days and then removed, a portion at a time, on both engines alike."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import NOON, Clock
from engine.desk import Desk, issuing, put_all
from hexiao.config import Settings
from hexiao.domain.scheme import Scheme
from hexiao.engine import sweeper
from hexiao.engine.commands import Issued
from hexiao.engine.committer import Engine
from hexiao.storage.snapshot import Names
from hexiao.wiring import open_engine, open_storage

DAY_SECONDS = 86_400


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: Any, settings: Settings, clock: Any) -> Iterator[Engine]:
    if request.param == "postgres":
        settings = Settings(database=request.getfixturevalue("server").emptied(), master_key=settings.master_key)
    engine = open_engine(settings, clock=clock)
    for put in put_all():
        engine.call(put)
    yield engine
    engine.close()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine.call, engine.read_now)


def ask(engine: Engine, scheme: Scheme, *request_ids: str) -> list[bool]:
    """Whether each was answered from memory."""
    answers = [engine.call(issuing(scheme, request_id=one)) for one in request_ids]
    assert all(isinstance(one.outcome, Issued) for one in answers)
    return [one.replayed for one in answers]


def test_an_answer_is_remembered_for_thirty_days_and_no_longer_than_needed(
    engine: Engine, desk: Desk, clock: Any
) -> None:
    scheme = desk.scheme()
    ask(engine, scheme, "old")
    clock.forward(1)
    ask(engine, scheme, "young")
    clock.forward(30 * DAY_SECONDS)
    assert engine.sweeper.forget() == 0
    assert ask(engine, scheme, "old", "young") == [True, True]
    clock.forward(3_600 - 0.5)
    assert engine.sweeper.forget() == 1
    assert ask(engine, scheme, "old", "young") == [False, True]
    broken = engine.read_now(lambda reader: list(reader.broken(clock.now)))
    assert broken == []


def test_they_go_in_bounded_portions_the_oldest_first(
    engine: Engine, desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "FORGET_MAX", 3)
    monkeypatch.setattr(sweeper, "PORTIONS_MAX", 2)
    scheme = desk.scheme()
    request_ids = [f"r{n}" for n in random.Random(1).sample(range(100), 10)]
    for one in request_ids:
        ask(engine, scheme, one)
        clock.forward(1)
    clock.forward(31 * DAY_SECONDS)
    assert engine.sweeper.forget() == 6
    assert ask(engine, scheme, *request_ids[6:]) == [True] * 4
    assert engine.sweeper.forget() == 4
    assert engine.sweeper.forget() == 0


def test_the_sweeper_removes_them_by_itself(settings: Settings, clock: Any) -> None:
    engine = open_engine(settings, clock=clock, sweep_seconds=0.01)
    try:
        for put in put_all():
            engine.call(put)
        scheme = Desk(engine.call, engine.read_now).scheme()
        ask(engine, scheme, "r1")
        clock.forward(31 * DAY_SECONDS)
        for _ in range(500):
            if not _known(engine, "r1"):
                break
            time.sleep(0.01)
        assert ask(engine, scheme, "r1") == [False]
    finally:
        engine.close()


def test_a_sweeper_whose_clock_jumped_forgets_nothing_for_a_day(settings: Settings, clock: Any) -> None:
    passed = Clock(NOON)
    engine = Engine(open_storage(settings), clock, random.Random(1).randrange, sweep_seconds=0, passed=passed)
    try:
        for put in put_all():
            engine.call(put)
        ask(engine, Desk(engine.call, engine.read_now).scheme(), "r1")
        clock.forward(31 * DAY_SECONDS)
        engine.sweeper.tidy_up(0)
        assert _known(engine, "r1")
        for one in (clock, passed):
            one.forward(DAY_SECONDS)
        engine.sweeper.tidy_up(0)
        assert not _known(engine, "r1")
    finally:
        engine.close()


def _known(engine: Engine, request_id: str) -> bool:
    return bool(engine.read_now(lambda reader: reader.load(Names(requests={request_id}))).requests)
