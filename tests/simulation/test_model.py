"""The engine against the oracle, step by step; and the proof that this test has teeth.

HEXIAO_MODEL_EXAMPLES=5000 makes a long run; SEED=… takes the same steps again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from hexiao.domain.coupon import Coupon
from hexiao.domain.errors import Unavailable
from hexiao.engine import decide, issuing, redeeming
from hexiao.engine.ledger import Ledger
from hexiao.storage.snapshot import Snapshot
from simulation.beside import seen
from simulation.machine import Machine

EXAMPLES = int(os.environ.get("HEXIAO_MODEL_EXAMPLES", "200"))
STEPS = 40
TEETH_SEED = 3
"""Fixed: whether a broken engine is found must not depend on luck."""
PLAIN = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def run(seed: int, how: settings) -> None:
    run_state_machine_as_test(hypothesis.seed(seed)(Machine), settings=how)


@pytest.mark.timeout(7_200)
def test_the_engine_answers_as_the_oracle_foretells(seed: int) -> None:
    seen.clear()
    run(seed, PLAIN)
    commands = {name.split()[0] for name in seen}
    refusals = {name.split()[1] for name in seen if " " in name}
    print(f"{sum(seen.values())} answers of {len(commands)} commands, {len(refusals)} reasons to refuse; SEED={seed}")
    # A run that meets nothing proves nothing.
    assert len(commands) == 14 or EXAMPLES < 200
    assert len(refusals) >= 25 or EXAMPLES < 200


def test_the_machine_has_many_rules() -> None:
    assert len(Machine.setup_state().rules) >= 18


Break = Callable[[pytest.MonkeyPatch], None]


def holds_never_lapse(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redeeming, "lapse_due", lambda ledger, coupon: None)


def what_was_held_stays_away(patch: pytest.MonkeyPatch) -> None:
    honest = Ledger._write

    def write(self: Ledger, *args: Any, **changes: Any) -> None:
        honest(self, *args, **(changes | {"d_held_fen": max(0, changes.get("d_held_fen", 0))}))

    patch.setattr(Ledger, "_write", write)


def a_step_leaves_no_journal_row(patch: pytest.MonkeyPatch) -> None:
    honest = Ledger.reverse

    def reverse(self: Ledger, *args: Any) -> None:
        honest(self, *args)
        self.snapshot.changes.journal.pop()

    patch.setattr(Ledger, "reverse", reverse)


def a_partly_used_coupon_can_be_used_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Coupon, "used_up", property(lambda self: self.face_fen == self.captured_fen))


def a_bill_forgets_what_is_off_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redeeming, "_left_to_pay", lambda bill, others: [line.amount_fen for line in bill.lines])


def a_hold_belongs_to_no_bill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redeeming, "_take", take_anew(redeeming._take))


def take_anew(honest: Any) -> Any:
    return lambda ledger, command, bill, judged, mint: honest(
        ledger, command, bill, judged._replace(own_hold=None), mint
    )


def the_budget_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redeeming, "_budget_left", lambda *args: None)


def members_receive_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(issuing, "_may_receive", lambda *args: None)


def answers_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Snapshot, "remember", lambda self, request_id, remembered: None)


def other_content_is_taken_for_a_retry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "_fingerprint", lambda command: b"\0" * 32)


@pytest.mark.parametrize(
    "sabotage",
    [
        holds_never_lapse,
        what_was_held_stays_away,
        a_step_leaves_no_journal_row,
        a_partly_used_coupon_can_be_used_again,
        a_bill_forgets_what_is_off_it,
        a_hold_belongs_to_no_bill,
        the_budget_is_not_looked_at,
        members_receive_without_end,
        answers_are_forgotten,
        other_content_is_taken_for_a_retry,
    ],
    ids=lambda sabotage: sabotage.__name__,
)
def test_a_broken_engine_is_found_out(sabotage: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an answer, a balance or an invariant that is not as foretold, or because the database itself refuses it."""
    sabotage(monkeypatch)
    how = settings(PLAIN, max_examples=500, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False)
    with pytest.raises((AssertionError, Unavailable)):
        run(TEETH_SEED, how)
