"""The engine against the oracle, step by step; and the proof that this test can fail.

HEXIAO_MODEL_EXAMPLES=2000 for a long run, SEED=… to run the same steps again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from hexiao.engine import redeeming
from simulation.machine import Model, rules

EXAMPLES = int(os.environ.get("HEXIAO_MODEL_EXAMPLES", "60"))
STEPS = 40


def run(seed: int, examples: int, **changes: Any) -> None:
    how = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **changes,
    )
    hypothesis.seed(seed)(Model)
    run_state_machine_as_test(Model, settings=how)


@pytest.mark.timeout(3_600)
def test_the_engine_answers_as_the_oracle_foretells(seed: int) -> None:
    run(seed, EXAMPLES)
