"""The same machine over HTTP: a real server on loopback answers as the engine does when it is asked directly.

HEXIAO_HTTP_EXAMPLES=500 makes a long run; SEED=… takes the same steps again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from hexiao.engine.commands import RedemptionView, Take
from hexiao.web.api import redemptions
from hexiao.web.operation import Call
from hexiao.web.render import show_redemption
from hexiao.web.views import RedemptionOut
from simulation.beside import seen
from simulation.beside_http import BesideHttp, Served
from simulation.machine import Machine

EXAMPLES = int(os.environ.get("HEXIAO_HTTP_EXAMPLES", "10"))
STEPS = 40
TEETH_SEED = 3
"""Fixed: whether a broken door is found must not depend on luck."""
EXAMPLES_OF_CONTROLS = 3
HOW = settings(
    stateful_step_count=STEPS, deadline=None, database=None,
    suppress_health_check=list(HealthCheck), phases=[Phase.generate], report_multiple_bugs=False,
)  # fmt: skip

Serve = Callable[[Any], str]


def machine_on(base_url: str, served: Served) -> type[Machine]:
    class HttpMachine(Machine):
        def __init__(self) -> None:
            RuleBasedStateMachine.__init__(self)
            self.both = BesideHttp(base_url, served)

    return HttpMachine


def run(serve: Serve, seed: int, examples: int) -> None:
    served = Served()
    machine = hypothesis.seed(seed)(machine_on(serve(served.app), served))
    run_state_machine_as_test(machine, settings=settings(HOW, max_examples=examples))


@pytest.mark.timeout(7_200)
def test_whatever_is_asked_over_http_is_answered_as_the_engine_answers(serve: Serve, seed: int) -> None:
    seen.clear()
    run(serve, seed, EXAMPLES)
    commands = {name.split()[0] for name in seen}
    refusals = {name.split()[1] for name in seen if " " in name}
    print(f"{sum(seen.values())} answers of {len(commands)} commands, {len(refusals)} reasons to refuse; SEED={seed}")
    assert sum(seen.values()) > 20 * EXAMPLES
    assert len(commands) >= 12
    assert len(refusals) >= 12


Break = Callable[[pytest.MonkeyPatch], None]


def the_door_drops_the_amount(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redemptions, "to_takes", lambda coupons: tuple(Take(coupon.code) for coupon in coupons))


def the_door_keeps_no_request_id(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Call, "envelope", property(lambda call: {**honest_envelope(call), "request_id": ""}))


def honest_envelope(call: Any) -> dict[str, Any]:
    return {"merchant_id": call.merchant_id, "actor": call.caller.name}


def the_door_shows_what_was_held_as_captured(patch: pytest.MonkeyPatch) -> None:
    def show(view: RedemptionView) -> RedemptionOut:
        shown = show_redemption(view)
        shown.captured_fen = shown.held_fen
        return shown

    patch.setattr(redemptions, "show_redemption", show)


@pytest.mark.parametrize(
    "sabotage",
    [the_door_drops_the_amount, the_door_keeps_no_request_id, the_door_shows_what_was_held_as_captured],
    ids=lambda sabotage: sabotage.__name__,
)
def test_a_broken_door_is_found_out(sabotage: Break, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an answer or, at the latest, by the tables."""
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        run(serve, TEETH_SEED, EXAMPLES_OF_CONTROLS)
