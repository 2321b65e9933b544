"""SQLite and PostgreSQL answer the same commands with the same bytes, and end with the same rows.

HEXIAO_TWIN_EXAMPLES=500 makes a long run; SEED=… takes the same steps again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from engine.desk import (
    MEMBER,
    MERCHANT,
    OTHER_MEMBER,
    OTHER_MERCHANT,
    OTHER_SHOP,
    SHOP,
    a_bill,
    issuing,
    redeeming,
)
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.domain.party import Item
from hexiao.domain.scheme import MoneyOff, RateUses
from hexiao.engine.commands import Put, Reverse
from postgres_server import Databases
from simulation.beside import START, Beside, empty_database, seen
from simulation.machine import Machine
from simulation.oracle import Oracle
from simulation.strategies import GOODS
from storage.postgres.tables import KEYS, table_names, tables
from storage.postgres.twins import Twins, a_pair, assert_same_tables, twins_on

EXAMPLES = int(os.environ.get("HEXIAO_TWIN_EXAMPLES", "8"))
STEPS = 40
COMPARED_EVERY = 8
LATER_LANES = 1_000_000_000

Pair = tuple[Settings, Settings]


@pytest.fixture
def pair(tmp_path: Path, migrated: bytes, databases: Databases) -> Pair:
    return a_pair(tmp_path, migrated, databases.emptied())


@pytest.fixture
def twins(pair: Pair, clock: Any) -> Iterator[Twins]:
    with twins_on(pair, clock) as twins:
        yield twins


class BesideTwins(Beside):
    """The oracle beside both stores at once."""

    def __init__(self, folder: Path, pair: Pair, make: type[Twins] = Twins) -> None:
        self.folder, self.pair, self._make = folder, pair, make
        self.now = START
        self.engine: Any = make(pair, self.clock, seed=1)
        self.neighbour: Any = make(pair, self.clock, seed=2)
        self.engine.furnish()
        for sku, category in GOODS.items():
            item = Item(id=0, merchant_id=MERCHANT, sku=sku, name=sku, category=category)
            self.engine.call(Put(merchant_id=MERCHANT, record=item))
        self.oracle = Oracle({MERCHANT, OTHER_MERCHANT}, {SHOP, OTHER_SHOP}, {MEMBER, OTHER_MEMBER}, GOODS)
        self.asked = []
        self.numbers = self.compared = 0

    def compare(self) -> None:
        """Every answer is compared anyway, so the whole books are only now and then."""
        self.compared += 1
        if self.compared % COMPARED_EVERY == 0:
            super().compare()

    def restart(self) -> None:
        self.engine.close()
        self.engine = self._make(self.pair, self.clock, seed=self.number())

    def close(self) -> None:
        self.engine.close()
        self.neighbour.close()
        assert_same_tables(self.pair)
        shutil.rmtree(self.folder)


def machine_on(fresh: Callable[[], str]) -> type[Machine]:
    class TwinMachine(Machine):
        def __init__(self) -> None:
            RuleBasedStateMachine.__init__(self)
            folder = Path(tempfile.mkdtemp(prefix="hexiao-twins-"))
            self.both = BesideTwins(folder, a_pair(folder, empty_database(), fresh()))

    return TwinMachine


@pytest.mark.timeout(7_200)
def test_whatever_is_asked_both_stores_answer_alike(databases: Databases, seed: int) -> None:
    seen.clear()
    how = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[hypothesis.Phase.generate],
    )  # fmt: skip
    run_state_machine_as_test(hypothesis.seed(seed)(machine_on(databases.emptied)), settings=how)
    commands = {name.split()[0] for name in seen}
    refusals = {name.split()[1] for name in seen if " " in name}
    print(f"{sum(seen.values())} answers of {len(commands)} commands, {len(refusals)} reasons to refuse; SEED={seed}")
    assert sum(seen.values()) > 20 * EXAMPLES
    assert len(commands) >= 12
    assert len(refusals) >= 12


def test_every_table_is_compared(pair: Pair) -> None:
    assert [table_names(settings) for settings in pair] == [set(KEYS)] * 2


def test_facts_of_a_limit_are_plain_numbers(twins: Twins) -> None:
    stock = twins.desk.scheme(total=3)
    twins.desk.issue(stock, 2)
    assert twins.desk.refused(issuing(stock, 2)).facts == {"needed": 3, "actual": 1}
    budget = twins.desk.scheme(MoneyOff(1_000), budget_fen=1_500)
    first, second = twins.desk.issue(budget, 2)
    twins.desk.redeem(first.code)
    assert twins.desk.no(redeeming(second.code, a_bill("B2"))) is Code.BUDGET_EXHAUSTED
    assert twins.desk.read(lambda reader: reader.scheme_count(budget.id)).captured_fen == 1_000


def test_a_committer_that_lost_its_lane_goes_on_in_the_same_new_one(twins: Twins, pair: Pair) -> None:
    twins.desk.coupon()
    for _ in range(2):
        for process in twins._pair:
            process.chain.lose()
        twins.desk.coupon()
    started, *later = sorted({block["lane"] for block in tables(pair[1], ["block"])["block"]})
    assert (started, later) == (1, [LATER_LANES, LATER_LANES + 1])


def test_uses_of_one_moment_are_told_alike_whichever_row_was_written_last(twins: Twins) -> None:
    """PostgreSQL puts a changed row behind the others, and while a table is small reads it after them."""
    code = twins.desk.coupon(RateUses(5_000, 2))
    first = twins.desk.hold(code, a_bill("B1")).redemption.id
    second = twins.desk.redeem(code, a_bill("B2")).redemption.id
    twins.desk.capture(first)
    both = [Reverse(merchant_id=MERCHANT, redemption_id=one, amount_fen=1) for one in (first, second)]
    twins.commit(*both, redeeming(code, a_bill("B3")))
