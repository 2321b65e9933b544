"""The way of asking and saving that a Citus cluster gets, on a plain PostgreSQL: everything else must stay the same.

Takes the tests of the other modules, and runs them with storages that were told that their tables are spread. Each
wave of a load sees a state of its own, as it does there.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.desk import MERCHANT, a_bill, redeeming
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.engine.commands import Capture, Release
from hexiao.storage import postgres, saving
from hexiao.storage.base import GuardMissed
from hexiao.storage.postgres import SPREAD_QUERIES, open_storage
from storage.postgres import races
from storage.postgres.test_guards import (
    Meet,
    cut_in,
    decided,
    nothing_is_broken,
    one_after_the_other,
    reason,
    save,
    test_a_load_that_the_other_cuts_in_two_decides_nothing_wrong,
    test_alone_the_same_changes_are_saved,
    test_at_every_isolation_level_one_of_many_gets_the_coupon,
    test_two_batches_that_wait_for_each_other_in_a_circle_both_end,
    test_whoever_decided_before_the_other_saved_misses_and_writes_nothing,
    test_whoever_meets_an_open_transaction_waits_for_its_end,
)
from storage.postgres.test_lists import (
    scene,
    test_coupons_and_schemes_come_page_by_page,
    test_every_filter_of_the_redemptions_finds_the_same,
    test_master_data_comes_page_by_page,
    test_whatever_is_named_is_found_alike_or_not_at_all,
)
from storage.postgres.test_same_answers import (
    pair,
    test_facts_of_a_limit_are_plain_numbers,
    test_whatever_is_asked_both_stores_answer_alike,
    twins,
)

__all__ = [
    "one_after_the_other",
    "pair",
    "scene",
    "test_a_load_that_the_other_cuts_in_two_decides_nothing_wrong",
    "test_alone_the_same_changes_are_saved",
    "test_at_every_isolation_level_one_of_many_gets_the_coupon",
    "test_coupons_and_schemes_come_page_by_page",
    "test_every_filter_of_the_redemptions_finds_the_same",
    "test_facts_of_a_limit_are_plain_numbers",
    "test_master_data_comes_page_by_page",
    "test_two_batches_that_wait_for_each_other_in_a_circle_both_end",
    "test_whatever_is_asked_both_stores_answer_alike",
    "test_whatever_is_named_is_found_alike_or_not_at_all",
    "test_whoever_decided_before_the_other_saved_misses_and_writes_nothing",
    "test_whoever_meets_an_open_transaction_waits_for_its_end",
    "twins",
]


@pytest.fixture(autouse=True, scope="module")
def spread() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "is_spread", lambda db: True)
        patch.setattr(postgres, "ONE_STATE", "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
        yield


def test_the_other_way_is_really_taken(on_postgres: Settings) -> None:
    storage = open_storage(on_postgres.database)
    again = storage.open_again()
    try:
        assert storage._queries is again._queries is SPREAD_QUERIES
        assert again._row_by_row
    finally:
        storage.close()
        again.close()


def test_all_rows_of_a_save_are_counted_before_any_is_committed(on_postgres: Settings, meet: Meet) -> None:
    mine, theirs = meet(), meet()
    codes = [mine.desk.coupon() for _ in range(3)]
    changes = [decided(mine, redeeming(code, a_bill(code))) for code in codes]
    for one in changes[1:]:
        for name in ("coupons", "coupon_seqs", "new_redemptions", "bills"):
            getattr(changes[0], name).update(getattr(one, name))
        changes[0].journal += one.journal
    theirs.commit(redeeming(codes[1], a_bill("B9")))
    with pytest.raises(GuardMissed):
        save(mine, changes[0])
    assert [mine.desk.balance(code)[1] for code in codes] == [0, 1_000, 0]
    nothing_is_broken(on_postgres, mine)


def test_without_the_guard_of_its_state_a_redemption_that_was_read_too_early_is_changed_twice(
    on_postgres: Settings, meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is this guard that does what one state does on one machine."""
    mine, theirs = meet(), meet()
    hold = races.a_hold_of_several(mine.desk)
    cut_in(monkeypatch, mine, 1, lambda: theirs.commit(Release(merchant_id=MERCHANT, redemption_id=hold)))
    guard = " AND state = ? AND reversals = ?"
    assert saving._REDEMPTION_UPDATE.endswith(guard), "the guard has another form now; take out that one"
    unguarded = saving._REDEMPTION_UPDATE.removesuffix(guard) + " AND ?::integer + ?::integer >= 0"
    with monkeypatch.context() as patch:
        patch.setattr(saving, "_REDEMPTION_UPDATE", unguarded)
        [result] = mine.commit(Capture(merchant_id=MERCHANT, redemption_id=hold))
    assert reason(result) is not Code.ALREADY_RELEASED
    assert any(row.invariant.startswith("I5 ") for row in mine.storage.broken(mine.clock()))
