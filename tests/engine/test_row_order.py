"""No database promises the order of rows that it was not asked to order: what is answered and written must not show it.

tests/simulation/test_any_order.py does the same with everything at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from engine.desk import SHOP, a_bill, a_line, entries, redeeming
from engine.process import Process
from hexiao.domain.errors import Code
from hexiao.domain.redemption import Entry
from hexiao.domain.scheme import Balance, RateUses
from hexiao.engine.commands import Failed, Take
from hexiao.storage import loading, rows


@pytest.fixture(params=["as they come", "turned round"])
def store(request: pytest.FixtureRequest, process: Callable[[], Process]) -> Process:
    one = process()
    if request.param == "turned round":
        storage: Any = one.storage
        honest = storage._ask

        def ask(asked: Sequence[loading.Asked]) -> list[Iterable[rows.Row]]:
            return [list(found)[::-1] for found in honest(asked)]

        storage._ask = ask
    return one


def last_use_told(outcome: Any) -> Any:
    assert isinstance(outcome, Failed)
    [told] = [one.facts for one in outcome.assessments[0].verdicts if one.code is Code.COUPON_USED_UP]
    return told["bill_number"]


@pytest.mark.parametrize("asked", [("B1",), ("B2",), ("B3",), ("B1", "B2"), ("B2", "B1", "B3")])
def test_of_two_uses_in_one_moment_the_later_one_is_the_last(store: Process, asked: tuple[str, ...]) -> None:
    code = store.desk.coupon(RateUses(2_000, 2))
    for bill in ("B1", "B2"):
        store.desk.redeem(code, a_bill(bill, a_line(1_000)))
    refused = store.outcomes(*(redeeming(code, a_bill(bill)) for bill in asked))
    assert [last_use_told(one) for one in refused] == ["B2"] * len(asked)
    last = store.desk.look_up(code).last_use
    assert last is not None and last.bill_number == "B2"


def test_of_two_holds_the_first_is_named_and_lapses_first(store: Process, clock: Any) -> None:
    code = store.desk.coupon(Balance(1_000), hold_seconds=60)
    held = [store.desk.hold(Take(code, 500), a_bill(bill)).redemption.id for bill in ("B1", "B2")]
    refused = store.desk.refused(redeeming(Take(code, 500), a_bill("B3")))
    assert (refused.code, refused.facts["bill_number"]) == (Code.HELD_ELSEWHERE, "B1")
    last = store.desk.look_up(code).last_use
    assert last is not None and last.bill_number == "B1"
    clock.forward(60)
    store.desk.redeem(code, a_bill("B3", shop_id=SHOP))
    assert [entry for entry, _, _ in entries(store.desk, code)] == [Entry.HOLD] * 2 + [Entry.LAPSE] * 2 + [
        Entry.CAPTURE
    ]
    written = store.storage.journal(store.desk.look_up(code).coupon.id)
    assert [row.redemption_id for row in written if row.entry is Entry.LAPSE] == held
