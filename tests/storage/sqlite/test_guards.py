"""Two processes on one file decide on the same rows: the later one's save misses its guard, and writes nothing.

The races themselves are those of the PostgreSQL tests; here are those that only a file of our own can show as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from engine.desk import MEMBER, MERCHANT, Desk, a_bill, issuing, redeeming
from engine.process import Process
from hexiao.domain.party import Item
from hexiao.domain.scheme import MoneyOff
from hexiao.engine.commands import (
    Answer,
    AnyCommand,
    Failed,
    Import,
    Imported,
    PauseScheme,
    Put,
    ReviseScheme,
)
from hexiao.engine.decide import answer
from hexiao.engine.names import collect
from hexiao.storage import saving
from hexiao.storage.base import GuardMissed
from hexiao.storage.snapshot import Names
from storage.postgres.races import RACES, Race
from storage.sqlite.conftest import dump

Start = Callable[[], Process]


def the_first_of_a_stock(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    """Nobody has counted anything yet: there is no row to guard."""
    scheme = desk.scheme(total=3)
    return issuing(scheme, 2), issuing(scheme, 2)


def the_first_of_a_member(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme(per_member=1)
    return issuing(scheme, 1, MEMBER), issuing(scheme, 1, MEMBER)


def the_first_of_a_budget(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme(MoneyOff(1_000), budget_fen=1_500)
    first, second = desk.issue(scheme, 2)
    return redeeming(first.code, a_bill("B1")), redeeming(second.code, a_bill("B2"))


def an_imported_id(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme()
    bring = [
        Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=(Imported(code, id=77),)) for code in ("X1", "X2")
    ]
    return bring[0], bring[1]


def pause_and_revise(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme()
    return (
        PauseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, paused=True),
        ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, name="二版"),
    )


def a_lapse_and_another_bill(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    """Both find the same hold past its deadline."""
    code = desk.coupon(hold_seconds=1)
    desk.hold(code, a_bill("B0"))
    return redeeming(code, a_bill("B1")), redeeming(code, a_bill("B2"))


def a_number_of_goods(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    one, other = (
        Put(merchant_id=MERCHANT, record=Item(id=0, merchant_id=MERCHANT, sku="tea", name=name))
        for name in ("一", "二")
    )
    return one, other


MORE: list[Race] = [
    the_first_of_a_stock,
    the_first_of_a_member,
    the_first_of_a_budget,
    an_imported_id,
    pause_and_revise,
    a_lapse_and_another_bill,
    a_number_of_goods,
]
every_race = pytest.mark.parametrize("race", [*RACES.values(), *MORE], ids=lambda race: race.__name__)


@every_race
def test_whoever_decided_before_the_other_saved_misses_and_writes_nothing(
    race: Race, process: Start, bare: sqlite3.Connection, clock: Any
) -> None:
    mine, theirs = process(), process()
    their_command, my_command = race(mine.desk)
    clock.forward(2)
    my_changes = mine.decided(my_command)
    assert not my_changes.empty
    theirs.desk.must(their_command)
    before = dump(bare)
    with pytest.raises(GuardMissed):
        mine.save(my_changes)
    assert dump(bare) == before
    [result] = mine.commit(my_command)  # decided again, on what is there now
    assert isinstance(result, Answer)
    assert list(mine.storage.broken(clock.now)) == []


@every_race
def test_alone_the_same_changes_are_saved(race: Race, alone: Process, bare: sqlite3.Connection, clock: Any) -> None:
    """The control: it is the other's save that makes the guard miss."""
    _, my_command = race(alone.desk)
    clock.forward(2)
    before = dump(bare)
    alone.save(alone.decided(my_command))
    assert dump(bare) != before


def test_a_miss_undoes_everything_that_the_batch_had_written_before_it(
    process: Start, bare: sqlite3.Connection
) -> None:
    mine, theirs = process(), process()
    contested, free = mine.desk.coupon(), mine.desk.coupon()
    names, commands = Names(), [redeeming(free, a_bill("B1"), "r1"), redeeming(contested, a_bill("B2"), "r2")]
    for command in commands:
        collect(names, command)
    snapshot = mine.storage.load(names)
    for command in commands:
        answer(snapshot, command, mine.clock(), mine.mint)
    theirs.desk.redeem(contested)
    before = dump(bare)
    with pytest.raises(GuardMissed):
        mine.save(snapshot.changes)
    assert dump(bare) == before
    assert mine.desk.redeem(free).redemption.captured_fen == 1_000


# Controls: a test that cannot fail proves nothing.


def unguard(patch: pytest.MonkeyPatch, name: str, guard: str, instead: str) -> None:
    honest = getattr(saving, name)
    assert guard in honest, "the guard has another form now; take out that one"
    patch.setattr(saving, name, honest.replace(guard, instead))


def race_for_one_coupon(process: Start) -> Process:
    mine, theirs = process(), process()
    code = mine.desk.coupon()
    my_changes = mine.decided(redeeming(code, a_bill("B2")))
    theirs.desk.redeem(code, a_bill("B1"))
    mine.save(my_changes)
    return mine


def test_without_the_coupons_guard_the_journals_key_still_parts_them(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard(monkeypatch, "_COUPON_UPDATE", "AND seq = ?", "AND seq <> ? + 99")
    with pytest.raises(GuardMissed):
        race_for_one_coupon(process)


def test_without_both_the_coupon_would_be_used_twice_and_the_invariants_would_say_so(
    process: Start, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard(monkeypatch, "_COUPON_UPDATE", "AND seq = ?", "AND seq <> ? + 99")
    unguard(monkeypatch, "_JOURNAL", "INSERT INTO", "INSERT OR REPLACE INTO")
    unguard(monkeypatch, "_JOURNAL", " ON CONFLICT DO NOTHING", "")
    mine = race_for_one_coupon(process)
    assert {row.invariant.split()[0] for row in mine.storage.broken(clock.now)} >= {"I2", "I4"}


def test_without_the_bills_guard_two_that_must_not_be_combined_would_meet(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard(monkeypatch, "_BILL_UPDATE", "AND seq = ?", "AND seq <> ? + 99")
    mine, theirs = process(), process()
    bill = a_bill("B1")
    mine.desk.release(mine.desk.hold(mine.desk.coupon(), bill).redemption.id)
    mine_code, theirs_code = mine.desk.coupon(shareable=False), mine.desk.coupon(shareable=False)
    my_changes = mine.decided(redeeming(mine_code, bill))
    theirs.desk.redeem(theirs_code, bill)
    mine.save(my_changes)
    assert mine.desk.balance(mine_code)[1] == mine.desk.balance(theirs_code)[1] == 1_000


@pytest.mark.parametrize("limit", [{"total": 1}, {"per_member": 1}])
def test_without_the_limit_in_the_statement_more_would_be_issued_than_there_is(
    limit: dict[str, Any], process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard(monkeypatch, "_COUNT" if "total" in limit else "_RECEIPT", "? = 0", "? > -1")
    mine, theirs = process(), process()
    scheme = mine.desk.scheme(**limit)
    my_changes = mine.decided(issuing(scheme, 1, MEMBER))
    theirs.desk.issue(scheme, 1, MEMBER)
    mine.save(my_changes)
    assert mine.storage.scheme_count(scheme.id).issued == 2
    assert isinstance(mine.desk.do(issuing(scheme, 1, MEMBER)), Failed)
