"""What the log says of a database that is away: when it went and when it came back, and no line for each batch."""

from __future__ import annotations

import time
from errno import ENOSPC
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.desk import MERCHANT, issuing
from engine.process import Process
from hexiao.domain.errors import Unavailable
from hexiao.engine import batch
from hexiao.engine.commands import Answer, Issued, LookUp
from hexiao.engine.outage import Outage
from hexiao.logs import Log
from hexiao.storage.base import ConnectionLost, StorageDown


def test_an_outage_is_told_when_it_begins_and_when_it_ends(alone: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "RECONNECT_PAUSE_SECONDS", (0.0, 0.0))
    asked = issuing(alone.desk.scheme(), request_id="r1")
    outage, load = Outage("committer"), alone.storage.load

    def gone(names: Any) -> Any:
        raise ConnectionLost("gone")

    for _ in range(2):  # the next one is told like the first
        with capture_logs() as lines:
            monkeypatch.setattr(alone.storage, "load", gone)
            for _ in range(5):
                [result] = batch.commit(alone.storage, [asked], alone.clock, alone.mint, alone.chain, outage)
                assert isinstance(result, Unavailable)
            monkeypatch.setattr(alone.storage, "load", load)
            for _ in range(5):
                batch.commit(alone.storage, [asked], alone.clock, alone.mint, alone.chain, outage)
        assert [line["event"] for line in lines] == ["connection_lost", "storage_down", "storage_up"]
        assert {line["who"] for line in lines} == {"committer"}
        assert 0 <= lines[-1]["after_seconds"] < 60


@pytest.mark.parametrize("why", [BrokenPipeError(), OSError(ENOSPC, "disk full"), ValueError("closed file")], ids=repr)
def test_a_log_that_cannot_be_written_changes_no_answer_when_an_outage_ends(
    why: Exception, alone: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is carried out twice, and nobody who was served is told that he was not."""

    def unwritable(log: Log) -> Any:
        raise why

    asked = [issuing(alone.desk.scheme()) for _ in range(2)]
    outage, save = Outage("committer"), alone.storage.save
    monkeypatch.setattr(Log, "_logger", unwritable)
    monkeypatch.setattr(alone.storage, "save", lambda *changes: _down())
    for one in batch.commit(alone.storage, asked, alone.clock, alone.mint, alone.chain, outage):
        assert isinstance(one, Unavailable)
    monkeypatch.setattr(alone.storage, "save", save)
    answers = batch.commit(alone.storage, asked, alone.clock, alone.mint, alone.chain, outage)
    assert [type(one.outcome) for one in answers if isinstance(one, Answer)] == [Issued, Issued]
    assert [alone.storage.scheme_count(one.scheme_id).issued for one in asked] == [1, 1]


def _down() -> None:
    raise StorageDown("gone")


def test_a_line_that_broke_once_is_told_once_and_made_anew_at_once(
    alone: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, broken = alone.storage.load, [True]

    def once(names: Any) -> Any:
        if broken and broken.pop():
            raise ConnectionLost("gone")
        return load(names)

    asked = issuing(alone.desk.scheme(), request_id="r1")
    monkeypatch.setattr(alone.storage, "load", once)
    monkeypatch.setattr(batch, "RECONNECT_PAUSE_SECONDS", (60.0, 60.0))
    with capture_logs() as lines:
        alone.commit(asked)
    assert [line["event"] for line in lines] == ["connection_lost"]


def test_a_database_that_stays_away_is_asked_with_pauses_between(
    alone: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_at: list[float] = []
    scheme = alone.desk.scheme()

    def gone(names: Any) -> Any:
        asked_at.append(time.monotonic())
        raise ConnectionLost("gone")

    monkeypatch.setattr(alone.storage, "load", gone)
    alone.commit(issuing(scheme, request_id="r1"))
    assert len(asked_at) == batch.RECONNECTS_MAX
    pauses = [later - earlier for earlier, later in pairwise(asked_at)]
    assert all(pause >= batch.RECONNECT_PAUSE_SECONDS[0] for pause in pauses[1:])


def test_looks_tell_of_an_outage_once_too(alone: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(names: Any) -> Any:
        raise ConnectionLost("gone")

    monkeypatch.setattr(alone.storage, "load", gone)
    outage, asked = Outage("reader"), LookUp(merchant_id=MERCHANT, code="any")
    with capture_logs() as lines:
        for _ in range(3):
            batch.look(alone.storage, [asked], alone.clock, alone.mint, outage)
    assert [line["event"] for line in lines] == ["storage_down"]
