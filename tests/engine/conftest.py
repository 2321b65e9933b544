"""The desk of the engine's tests: an engine whose merchant has shops, a cashier and members."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.desk import Desk, put_all
from engine.process import Process, processes
from engine.saves import Saves
from hexiao.config import Settings
from hexiao.engine.committer import Engine


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """At the shared engine, whose invariants are checked when the test is over."""
    for put in put_all():
        engine.call(put)
    return Desk(engine.call, engine.read_now)


@pytest.fixture
def process(settings: Settings, clock: Any) -> Iterator[Callable[[], Process]]:
    """process() → one more process on the same file. Its invariants are not checked."""
    yield from processes(settings, clock)


@pytest.fixture
def alone(process: Callable[[], Process]) -> Process:
    """The only process: for what must be in one batch, and for tests that show a fault."""
    return process()


@pytest.fixture
def saves(alone: Process) -> Saves:
    return Saves(alone)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of batches that are tried again."""
    monkeypatch.setattr("hexiao.engine.batch.PAUSE_SECONDS_MAX", 0.0)
