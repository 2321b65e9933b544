"""No database promises the order of what it was not asked to order: with its rows turned round it answers the same.

Two SQLite files, of which one gives the rows of every load back to front. HEXIAO_TWIN_EXAMPLES=500 makes a long run;
SEED=… takes the same steps again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from hexiao.config import Settings
from hexiao.storage import loading, rows
from simulation.beside import MEMORY, empty_database
from simulation.machine import Machine
from storage.postgres.test_same_answers import BesideTwins
from storage.postgres.twins import Twins

EXAMPLES = int(os.environ.get("HEXIAO_TWIN_EXAMPLES", "15"))
STEPS = 40


class TurnedRound(Twins):
    def __init__(self, *how: Any, **more: Any) -> None:
        super().__init__(*how, **more)
        storage: Any = self._pair[1].storage
        honest = storage._ask

        def ask(asked: Sequence[loading.Asked]) -> list[Iterable[rows.Row]]:
            return [list(found)[::-1] for found in honest(asked)]

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
    how = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(hypothesis.seed(seed)(TurnedMachine), settings=how)
