"""The way of asking and saving that a Citus cluster gets, on a plain PostgreSQL: everything else must stay the same.

Takes the tests of the other modules, and runs them with storages that were told that their tables are spread. Each
wave of a load sees a state of its own, as it does there.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest

from engine.desk import MERCHANT, a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.engine.commands import Capture, Release
from hexiao.storage import loading, postgres, saving
from hexiao.storage.base import ConnectionLost, GuardMissed, LaneTaken, RedemptionFilter
from hexiao.storage.postgres import open_storage
from hexiao.storage.postgres_queries import SPREAD_QUERIES
from hexiao.storage.postgres_storage import PostgresStorage
from hexiao.storage.snapshot import Names
from hexiao.storage.spread_storage import SpreadStorage
from storage.postgres import races
from storage.postgres.races import Race
from storage.postgres.test_exporting import (
    test_a_reader_that_stopped_half_way_can_be_asked_again,
    test_every_filter_narrows_it_as_it_does_the_list,
    test_it_comes_in_blocks,
)
from storage.postgres.test_guards import (
    Meet,
    cut_in,
    nothing_is_broken,
    one_after_the_other,
    reason,
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

QUERIES_OF_A_LOAD = 22
PLACES_OF_A_RACE = int(os.environ.get("HEXIAO_CUT_PLACES", "4"))

__all__ = [
    "one_after_the_other",
    "pair",
    "scene",
    "test_a_load_that_the_other_cuts_in_two_decides_nothing_wrong",
    "test_a_reader_that_stopped_half_way_can_be_asked_again",
    "test_alone_the_same_changes_are_saved",
    "test_at_every_isolation_level_one_of_many_gets_the_coupon",
    "test_coupons_and_schemes_come_page_by_page",
    "test_every_filter_narrows_it_as_it_does_the_list",
    "test_every_filter_of_the_redemptions_finds_the_same",
    "test_facts_of_a_limit_are_plain_numbers",
    "test_it_comes_in_blocks",
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
        yield


def test_the_other_way_is_really_taken(on_postgres: Settings) -> None:
    storage = open_storage(on_postgres.database)
    again = storage.open_again()
    try:
        assert storage._queries is again._queries is SPREAD_QUERIES
        assert type(storage) is type(again) is SpreadStorage
    finally:
        storage.close()
        again.close()


def settings_of(storage: Any) -> tuple[str, str]:
    storage._db.execute(storage._begin)
    try:
        plan, isolation = (
            storage._db.execute(f"SHOW {name}").fetchone()[0] for name in ("plan_cache_mode", "transaction_isolation")
        )
        return plan, isolation
    finally:
        storage._db.execute("COMMIT")


def test_a_plan_is_made_when_the_parameters_are_known_and_what_is_read_later_is_not_older(
    on_postgres: Settings,
) -> None:
    """Citus runs no generic plan over several shards, and hands the isolation level on to every connection it has."""
    spread: Any = open_storage(on_postgres.database)
    usual: Any = PostgresStorage(on_postgres.database)
    try:
        assert settings_of(spread) == ("auto", "read committed")
        assert settings_of(usual) == ("force_generic_plan", "repeatable read")
        spread._db.close()
        usual._db.close()
        assert (spread.writable(), usual.writable()) == (True, True)
        assert settings_of(spread) == ("auto", "read committed")
        assert settings_of(usual) == ("force_generic_plan", "repeatable read")
    finally:
        spread.close()
        usual.close()


def test_a_lane_that_is_taken_is_known_by_the_message_alone(on_postgres: Settings) -> None:
    """Citus passes on what its machine said, with the shard's name in it, but not the table that it said it of."""
    storage: Any = open_storage(on_postgres.database)
    said = """DO $$ BEGIN RAISE unique_violation USING
        MESSAGE = 'duplicate key value violates unique constraint "{}_pkey_102041"'; END $$"""
    try:
        with pytest.raises(LaneTaken), storage._translating():
            storage._db.execute(said.format("block"))
        with pytest.raises(GuardMissed) as missed, storage._translating():
            storage._db.execute(said.format("bill"))
        assert not isinstance(missed.value, LaneTaken)
    finally:
        storage.close()


def test_a_machine_that_hung_up_in_a_commit_perhaps_committed(on_postgres: Settings) -> None:
    """Citus gives it the code of an internal error; the usual way keeps that for what is broken."""
    spread: Any = open_storage(on_postgres.database)
    usual: Any = PostgresStorage(on_postgres.database)
    hung_up = """DO $$ BEGIN RAISE internal_error USING
        MESSAGE = 'could not commit transaction for shard 102041 on at least one active node'; END $$"""
    try:
        with pytest.raises(ConnectionLost, match="could not commit"), spread._committing():
            spread._db.execute(hung_up)
        with pytest.raises(psycopg.errors.InternalError_), usual._committing():
            usual._db.execute(hung_up)
    finally:
        spread.close()
        usual.close()


def test_a_cursor_has_its_parameters_in_its_text(on_postgres: Settings, meet: Meet) -> None:
    mine = meet()
    storage: Any = mine.storage
    mine.commit(redeeming(mine.desk.coupon(), a_bill("it's 5% :x ?")))
    blocks = storage.exported(RedemptionFilter(merchant_id=MERCHANT, bill_number="it's 5% :x ?"))
    [row] = next(blocks)
    [(declared,)] = storage._db.execute("SELECT statement FROM pg_cursors").fetchall()
    blocks.close()
    assert row[7] == "it's 5% :x ?"
    assert "'it''s 5% :x ?'" in declared and "$1" not in declared


def test_nothing_is_tallied_and_a_tally_from_before_is_named(on_postgres: Settings, meet: Meet, clock: Any) -> None:
    mine = meet()
    storage: Any = mine.storage
    for _ in range(3):
        mine.commit(redeeming(mine.desk.coupon(), a_bill()))
    clock.forward(86_400)
    assert list(storage.tally(mine.clock())) == []
    assert storage._db.execute("SELECT (SELECT count(*) FROM tally), (SELECT count(*) FROM past)").fetchone() == (0, 0)
    nothing_is_broken(on_postgres, mine)
    storage._db.execute("INSERT INTO tally VALUES (1, 0, 0, 2, 1, 1, 1)")
    assert {one.invariant.split()[0] for one in storage.broken(mine.clock())} == {"I27"}
    storage._db.execute("DELETE FROM tally")


@pytest.mark.parametrize("draw", range(PLACES_OF_A_RACE))
@pytest.mark.parametrize("race", races.RACES.values(), ids=races.RACES)
def test_a_load_that_the_other_cuts_between_any_two_queries_decides_nothing_wrong(
    on_postgres: Settings, meet: Meet, monkeypatch: pytest.MonkeyPatch,
    one_after_the_other: dict[Race, Code | None], race: Race, draw: int, seed: int,
) -> None:  # fmt: skip
    """There each query is a state of its own, also of those that are sent together."""
    print(f"SEED={seed}")
    place = random.Random(f"{seed} {race.__name__} {draw}").randrange(1, QUERIES_OF_A_LOAD)
    mine, theirs = meet(), meet()
    their_command, my_command = race(mine.desk)
    cut_in_between(monkeypatch, mine, place, lambda: theirs.commit(their_command))
    [result] = mine.commit(my_command)
    nothing_is_broken(on_postgres, mine)
    assert reason(result) is one_after_the_other[race], f"cut after query {place}"


def cut_in_between(patch: pytest.MonkeyPatch, process: Process, place: int, do: Callable[[], Any]) -> None:
    """After the given query of the next load, once, or after the last one when there are fewer."""
    storage: Any = process.storage
    honest_ask, honest_load = storage._ask, storage.load
    asked = [0]

    def ask(wanted: Sequence[loading.Asked]) -> Any:
        found = []
        for one in wanted:
            found += honest_ask([one])
            asked[0] += 1
            if asked[0] == place:
                do()
        return found

    def ask_alone(wanted: Sequence[loading.Asked]) -> Any:
        try:
            return ask(wanted)
        finally:
            storage._db.execute("COMMIT")

    def load(names: Names) -> Any:
        snapshot = honest_load(names)
        if asked[0] < place:
            asked[0] = place
            do()
        return snapshot

    patch.setattr(storage, "_ask", ask)
    patch.setattr(storage, "_ask_alone", ask_alone, raising=False)
    patch.setattr(storage, "load", load)


def test_all_rows_of_a_save_are_counted_before_any_is_committed(on_postgres: Settings, meet: Meet) -> None:
    mine, theirs = meet(), meet()
    codes = [mine.desk.coupon() for _ in range(3)]
    changes = [mine.decided(redeeming(code, a_bill(code))) for code in codes]
    for one in changes[1:]:
        for name in ("coupons", "coupon_seqs", "new_redemptions", "bills"):
            getattr(changes[0], name).update(getattr(one, name))
        changes[0].journal += one.journal
    theirs.commit(redeeming(codes[1], a_bill("B9")))
    with pytest.raises(GuardMissed):
        mine.save(changes[0])
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
