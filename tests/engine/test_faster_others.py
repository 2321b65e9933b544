"""Somebody was faster: the batch is decided again on what is there now, and not without end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.desk import a_bill, holding, issuing, redeeming
from engine.process import Process
from engine.saves import Saves, codes_of
from hexiao.domain.errors import Code
from hexiao.domain.scheme import Balance
from hexiao.engine import batch
from hexiao.engine.commands import Answer, Redeemed, Take
from hexiao.storage.base import ConnectionLost, GuardMissed

pytestmark = pytest.mark.usefixtures("no_pauses")


def test_when_somebody_was_faster_everything_is_decided_again_on_what_is_there_now(
    process: Callable[[], Process], clock: Any
) -> None:
    one, other = process(), process()
    saves = Saves(one)
    taken, free = one.desk.coupon(), one.desk.coupon()
    saves.count = 0

    def intrude(changes: Any) -> None:
        if saves.count == 1:
            other.desk.redeem(taken, a_bill("B9"))

    saves.before = intrude
    results = one.commit(redeeming(taken, a_bill("B1"), "r1"), redeeming(free, a_bill("B2"), "r2"))
    assert codes_of(results) == [Code.COUPON_USED_UP, None]
    assert saves.count == 2
    assert one.desk.broken(clock.now) == []


def test_time_is_asked_anew_for_every_attempt(process: Callable[[], Process], clock: Any) -> None:
    one, other = process(), process()
    saves = Saves(one)
    coupon = one.desk.coupon(Balance(5_000), hold_seconds=60)
    saves.count = 0

    def intrude(changes: Any) -> None:
        if saves.count == 1:
            other.desk.redeem(Take(coupon, 100))
            clock.forward(30)

    saves.before = intrude
    [held] = one.outcomes(holding(coupon))
    assert isinstance(held, Redeemed)
    assert held.redemptions[0].redemption.held_until_at == clock.now + 60_000


def test_when_somebody_is_always_faster_all_are_told_to_come_again_and_nothing_is_written(
    alone: Process, saves: Saves
) -> None:
    scheme = alone.desk.scheme()

    def never(changes: Any) -> None:
        raise GuardMissed("always")

    saves.count, saves.before = 0, never
    asked = [issuing(scheme, request_id="r1"), issuing(scheme, request_id="r2")]
    assert codes_of(alone.commit(*asked)) == [Code.BUSY, Code.BUSY]
    assert saves.count == batch.ATTEMPTS_TOGETHER_MAX + 2 * batch.ATTEMPTS_MAX  # together, then each alone
    saves.before = lambda changes: None
    results = alone.commit(*asked)
    assert [isinstance(one, Answer) and one.replayed for one in results] == [False, False]


def test_a_line_that_breaks_at_the_last_attempt_is_an_outage_like_any_other(alone: Process, saves: Saves) -> None:
    asked = issuing(alone.desk.scheme(), request_id="r1")
    saves.count = 0

    def miss_and_break(changes: Any) -> None:
        raise ConnectionLost("gone") if saves.count == batch.ATTEMPTS_MAX else GuardMissed("always")

    saves.before = miss_and_break
    assert codes_of(alone.commit(asked)) == [Code.STORAGE_UNAVAILABLE]


def test_a_batch_that_passes_no_guard_ends_soon(alone: Process, saves: Saves) -> None:
    scheme = alone.desk.scheme()

    def never(changes: Any) -> None:
        raise GuardMissed("always")

    saves.count, saves.before = 0, never
    assert codes_of(alone.commit(*[issuing(scheme)] * 256)) == [Code.BUSY] * 256
    assert saves.count < batch.MISSES_MAX + 2 * 256
