"""No database promises the order of what it was not asked to order: with its rows turned round it answers the same.

Two SQLite files, of which one gives the rows of every load back to front. HEXIAO_TWIN_EXAMPLES=500 makes a long run;
SEED=… takes the same steps again.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from engine.desk import a_bill, holding, redeeming
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.domain.scheme import Balance
from hexiao.engine import views
from hexiao.engine.commands import Take
from hexiao.storage import loading, rows
from simulation.beside import MEMORY, empty_database
from simulation.machine import Machine
from storage.postgres.test_same_answers import BesideTwins
from storage.postgres.twins import Twins

EXAMPLES = int(os.environ.get("HEXIAO_TWIN_EXAMPLES", "15"))
STEPS = 40

turned = Counter[str]()
"""How often a query gave several rows, which were turned round: a run that turns nothing proves nothing."""


class TurnedRound(Twins):
    def __init__(self, *how: Any, **more: Any) -> None:
        super().__init__(*how, **more)
        storage: Any = self._pair[1].storage
        honest = storage._ask

        def ask(asked: Sequence[loading.Asked]) -> list[Iterable[rows.Row]]:
            found = [list(rows_of_one) for rows_of_one in honest(asked)]
            turned.update(name for (name, _), rows_of_one in zip(asked, found, strict=True) if len(rows_of_one) > 1)
            return [rows_of_one[::-1] for rows_of_one in found]

        storage._ask = ask


class TurnedMachine(Machine):
    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        folder = Path(tempfile.mkdtemp(prefix="hexiao-order-", dir=MEMORY if MEMORY.is_dir() else None))
        pair = Settings(database=f"sqlite:///{folder / 'a.db'}"), Settings(database=f"sqlite:///{folder / 'b.db'}")
        for one in pair:
            one.sqlite_path.write_bytes(empty_database())
        self.both = BesideTwins(folder, pair, TurnedRound)


@pytest.mark.timeout(7_200)
def test_in_whatever_order_the_rows_come_the_answers_are_the_same(seed: int) -> None:
    turned.clear()
    how = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(hypothesis.seed(seed)(TurnedMachine), settings=how)
    print(f"turned round: {dict(turned)}; SEED={seed}")
    assert turned.total() > 2 * EXAMPLES


def test_an_engine_that_takes_holds_as_they_come_is_found_out(
    tmp_path: Path, migrated: bytes, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a test that cannot fail proves nothing. Who is refused is told of one of the two holds."""
    pair = Settings(database=f"sqlite:///{tmp_path / 'a.db'}"), Settings(database=f"sqlite:///{tmp_path / 'b.db'}")
    for one in pair:
        one.sqlite_path.write_bytes(migrated)
    with closing(TurnedRound(pair, clock)) as twins:
        twins.furnish()
        code = twins.desk.coupon(Balance(2_000))
        for bill in ("B1", "B2"):
            twins.desk.must(holding(Take(code, 1_000), a_bill(bill)))
        assert twins.desk.no(redeeming(code, a_bill("B3"))) is Code.HELD_ELSEWHERE
        assert "BY_ID" in vars(views), "holds are put in order otherwise now; leave that out"
        monkeypatch.setattr(views, "BY_END", lambda hold: 0)
        with pytest.raises(AssertionError, match="bill_number"):
            twins.desk.no(redeeming(code, a_bill("B4")))
