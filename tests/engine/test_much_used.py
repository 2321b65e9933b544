"""A coupon that was used or is held a thousand times is used as fast as a new one: few of its uses are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.desk import MERCHANT, SHOP, a_bill, a_line
from engine.process import Process
from hexiao.domain.scheme import Balance, Benefit, RateUses
from hexiao.engine.commands import Found, LookUp, Redeem, Release, Reverse, Take, Void
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

    def held(self, clock: Any) -> list[int]:
        """All its captures given back, and holds in their place, the later ones over a second later."""
        for one in self.ids:
            self.process.desk.reverse(one)
        ids = []
        for number in range(USES):
            clock.forward(1)
            ids.append(self.process.desk.hold(Take(self.code), a_bill(f"H{number}")).redemption.id)
        return ids

    def loaded(self, *to_be_undone: int, at: int = 0) -> list[int]:
        """The uses that a batch reads at a moment which names the coupon, and these of its redemptions."""
        names = Names(at=at, codes={(MERCHANT, self.code)}, redemptions={*to_be_undone})
        snapshot: Snapshot = self.process.storage.load(names)
        return sorted(snapshot.redemptions)

    def deadline(self, redemption_id: int) -> int:
        names = Names(redemptions={redemption_id})
        return self.process.storage.load(names).redemptions[redemption_id].held_until_at or 0


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


def test_of_all_its_holds_those_are_read_that_are_over_and_the_next(used: Used, clock: Any) -> None:
    held = used.held(clock)
    first_is_over = used.deadline(held[0])
    assert used.loaded() == held[:1]
    assert used.loaded(at=first_is_over) == held[:2]
    assert used.loaded(at=used.deadline(held[-1])) == held


def test_and_as_many_after_it_as_a_batch_may_settle(used: Used, clock: Any) -> None:
    held = used.held(clock)
    assert used.loaded(*held[:2]) == held[:3]
    names = Names(codes={(MERCHANT, used.code)}, bills={(MERCHANT, SHOP, "H0"), (MERCHANT, SHOP, "H1")})
    assert sorted(used.process.storage.load(names).redemptions) == held[:3]


def test_so_who_holds_it_after_several_were_released_is_known(used: Used, clock: Any) -> None:
    held = used.held(clock)
    released = [Release(merchant_id=MERCHANT, redemption_id=one) for one in held[:3]]
    bill = a_bill("X", a_line(200_000))
    taken = Redeem(merchant_id=MERCHANT, bill=bill, coupons=(Take(used.code),), mode="hold", request_id="x")
    *_, found = used.process.outcomes(*released, taken, LookUp(merchant_id=MERCHANT, code=used.code))
    assert isinstance(found, Found) and found.coupon.last_use is not None
    assert found.coupon.last_use.id == held[3]


def test_when_all_are_over_each_gives_back_what_it_held(used: Used, clock: Any) -> None:
    held = used.held(clock)
    clock.forward(used.deadline(held[-1]))
    coupon = used.process.desk.look_up(used.code).coupon
    assert (coupon.held_uses, coupon.held_fen) == (0, 0)
