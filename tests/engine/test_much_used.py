"""A coupon that was used a thousand times is looked up and used as fast as a new one: few of its uses are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.desk import MERCHANT, a_bill
from engine.process import Process
from hexiao.domain.scheme import Balance, Benefit, RateUses
from hexiao.engine.commands import Found, Reverse, Take, Void
from hexiao.storage.snapshot import Names, Snapshot

USES = 12


class Used:
    """A coupon that was captured on the bills B0 to B11, one after the other."""

    def __init__(self, process: Process, clock: Any, benefit: Benefit) -> None:
        self.process = process
        self.code = process.desk.coupon(benefit)
        self.ids = []
        for number in range(USES):
            clock.forward(1)
            self.ids.append(process.desk.redeem(Take(self.code), a_bill(f"B{number}")).redemption.id)

    def loaded(self, *to_be_undone: int) -> list[int]:
        """The uses that a batch reads which names the coupon, and these of its redemptions."""
        names = Names(codes={(MERCHANT, self.code)}, redemptions={*to_be_undone})
        snapshot: Snapshot = self.process.storage.load(names)
        return sorted(snapshot.redemptions)


@pytest.fixture(params=[Balance(100_000), RateUses(90, USES)], ids=["balance", "rate_uses"])
def used(request: Any, alone: Process, clock: Any) -> Iterator[Used]:
    yield Used(alone, clock, request.param)
    assert alone.desk.broken(clock()) == []


def test_of_all_its_captures_the_latest_is_read(used: Used) -> None:
    assert used.loaded() == used.ids[-1:]


def test_and_as_many_before_it_as_a_batch_may_undo(used: Used) -> None:
    assert used.loaded(*used.ids[-3:]) == used.ids[-4:]
    assert used.loaded(*used.ids[:2]) == sorted({*used.ids[:2], *used.ids[-3:]})


def test_so_what_is_the_latest_after_several_were_undone_is_known(used: Used) -> None:
    undone = [Reverse(merchant_id=MERCHANT, redemption_id=one) for one in reversed(used.ids[-3:])]
    *_, voided = used.process.outcomes(*undone, Void(merchant_id=MERCHANT, code=used.code))
    assert isinstance(voided, Found) and voided.coupon.last_use is not None
    assert voided.coupon.last_use.id == used.ids[-4]


def test_when_all_are_undone_there_is_no_latest(used: Used) -> None:
    undone = [Reverse(merchant_id=MERCHANT, redemption_id=one) for one in used.ids]
    *_, voided = used.process.outcomes(*undone, Void(merchant_id=MERCHANT, code=used.code))
    assert isinstance(voided, Found) and voided.coupon.last_use is None


def test_its_holds_are_all_read_whatever_was_captured(used: Used) -> None:
    used.process.desk.reverse(used.ids[-1])
    held = [used.process.desk.hold(Take(used.code), a_bill("H1")).redemption.id]
    assert used.loaded() == sorted([used.ids[-2], *held])
