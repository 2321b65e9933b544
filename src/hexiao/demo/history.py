"""Plays the plan through the engine, at the times of the plan, and notes how it really ended.

A step that ends otherwise than planned is a mistake of the plan or of the engine, and stops the demo.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

from hexiao.demo import catalogue as the
from hexiao.demo.clock import HistoryClock
from hexiao.demo.planning import DAY_MS, DAYS, MINUTE_MS, Planner, Step, Visit
from hexiao.domain.errors import error
from hexiao.domain.redemption import Move, Redemption
from hexiao.engine.commands import (
    Answer,
    AnyCommand,
    Capture,
    Each,
    Failed,
    Lapse,
    Outcome,
    Redeem,
    RedeemEach,
    Redeemed,
    Release,
    Reverse,
)
from hexiao.engine.committer import Engine

TILL = "demo-till"


def first_midnight(now: int) -> int:
    """00:00 in Shanghai of the first of the 30 days that end yesterday."""
    today = datetime.fromtimestamp(now / 1000, the.ZONE).date()
    first = datetime.combine(today - timedelta(days=DAYS), time(0, 0), the.ZONE)
    return int(first.timestamp()) * 1000


class Unplanned(Exception):
    """The engine's answer is not the planned one."""


class History:
    """One pass over the plan. `tell` hears after each day how many are done."""

    def __init__(self, engine: Engine, clock: HistoryClock, tell: Callable[[int], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._tell = tell
        self._due: list[tuple[int, int, Redemption, Step]] = []
        self._order = 0

    def play(self, now: int) -> None:
        begin = first_midnight(now)
        self._end_at = begin + DAYS * DAY_MS
        planner = Planner(begin)
        for day, (at, commands) in enumerate(planner.mornings()):
            self._settle_until(at)
            self.say(at, *commands)
            for moment_at, visits in planner.moments(day):
                self._settle_until(moment_at)
                self._check_out(moment_at, visits)
            self._tell(day + 1)
        self._settle_until(self._end_at)

    def say(self, at: int, *commands: AnyCommand) -> list[Outcome]:
        """Commands of one moment, in order, in as few transactions as may be. Raises Unplanned when one is refused."""
        self._clock.go(at)
        answers = [self._engine.call(*commands)] if len(commands) == 1 else asyncio.run(self._ask_all(commands))
        outcomes = [answer.outcome for answer in answers]
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, Failed):
                raise Unplanned(f"{type(command).__name__} at {at}: {error(outcome.code, **outcome.facts)}")
        return outcomes

    async def _ask_all(self, commands: Sequence[AnyCommand]) -> list[Answer]:
        return await asyncio.gather(*(self._engine.ask(command) for command in commands))

    def _check_out(self, at: int, visits: list[Visit]) -> None:
        request_id = f"demo/till/{at}"
        items = tuple(
            Redeem(
                merchant_id=the.MERCHANT_ID, request_id=request_id, actor=TILL,
                mode="hold" if visit.hold else "redeem", coupons=visit.takes, bill=visit.bill,
            )
            for visit in visits
        )  # fmt: skip
        (each,) = self.say(at, RedeemEach(merchant_id=the.MERCHANT_ID, request_id=request_id, actor=TILL, items=items))
        assert isinstance(each, Each)
        for visit, outcome in zip(visits, each.outcomes, strict=True):
            refusal = outcome.code if isinstance(outcome, Failed) else None
            if refusal is not visit.refusal:
                raise Unplanned(f"bill {visit.bill.number}: {refusal}, not {visit.refusal}")
            if isinstance(outcome, Redeemed):
                for step in visit.steps:
                    for view in outcome.redemptions:
                        self._plan(at + step.after_ms, view.redemption, step)

    def _plan(self, at: int, redemption: Redemption, step: Step) -> None:
        # What would happen after the last day happens in its last minute.
        self._order += 1
        heapq.heappush(self._due, (min(at, self._end_at - MINUTE_MS), self._order, redemption, step))

    def _settle_until(self, at: int) -> None:
        while self._due and self._due[0][0] <= at:
            due_at, _, redemption, step = heapq.heappop(self._due)
            self.say(due_at, _command(redemption, step))


def _command(redemption: Redemption, step: Step) -> AnyCommand:
    part_fen = None if step.share == 100 else max(1, redemption.held_fen * step.share // 100)
    cashier_id = redemption.cashier_id
    request_id = f"demo/{redemption.id}/{step.move}"
    match step.move:
        case Move.CAPTURE:
            return Capture(
                merchant_id=the.MERCHANT_ID, request_id=request_id, actor=TILL,
                redemption_id=redemption.id, amount_fen=part_fen, cashier_id=cashier_id,
            )  # fmt: skip
        case Move.RELEASE:
            return Release(
                merchant_id=the.MERCHANT_ID, request_id=request_id, actor=TILL,
                redemption_id=redemption.id, cashier_id=cashier_id,
            )  # fmt: skip
        case Move.LAPSE:
            return Lapse(merchant_id=the.MERCHANT_ID, actor=the.ACTOR, redemption_id=redemption.id)
        case Move.REVERSE:
            return Reverse(
                merchant_id=the.MERCHANT_ID, request_id=request_id, actor=TILL,
                redemption_id=redemption.id, amount_fen=part_fen, cashier_id=cashier_id,
                reason="退货" if part_fen is None else "部分退货",
            )  # fmt: skip
