"""Every process has a lane of its own, and goes on in a new one when it cannot know where the old one ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from engine.desk import a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.scheme import Balance
from hexiao.engine.commands import Take
from hexiao.storage.base import ConnectionLost, GuardMissed, StorageDown
from storage.chains import audited, problems


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


def test_a_connection_that_is_lost_while_nothing_was_sent_begins_a_new_lane_as_well(
    books: Settings, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Perhaps another server answers next, which never heard of the old lane."""
    with closing(Process(books, clock, 2)) as process:
        code = process.desk.coupon(number="S2")
        honest = process.storage.load
        lost: list[bool] = []

        def load(names: Any) -> Any:
            if not lost:
                lost.append(True)
                raise ConnectionLost("cut by the test")
            return honest(names)

        first = process.chain.lane
        monkeypatch.setattr(process.storage, "load", load)
        process.desk.must(redeeming(code, a_bill("B9"), "r9"))
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
