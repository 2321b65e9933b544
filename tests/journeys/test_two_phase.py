"""docs/understand/two-phase.md: every row of its tables is played on a real engine, and its rules are kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.coupon import Coupon
from hexiao.domain.errors import Code
from hexiao.domain.money import format_yuan
from hexiao.domain.party import Shop
from hexiao.domain.redemption import MOVES, REASONS, Move, Redemption, State
from hexiao.domain.scheme import Balance, Benefit, DaysFromReceipt, MoneyOff, Terms
from hexiao.engine.commands import (
    AnyCommand,
    Capture,
    CreateScheme,
    Failed,
    Found,
    Issue,
    Issued,
    LookUp,
    PauseScheme,
    Put,
    Redeem,
    Redeemed,
    Release,
    Reverse,
    Take,
    Void,
)
from hexiao.engine.committer import Engine
from journeys.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "understand" / "two-phase.md")
BENEFITS: dict[str, Benefit] = {"card": Balance(amount_fen=10_000), "voucher": MoneyOff(amount_fen=1_000)}
ROWS = [(kind, steps, expected) for kind in BENEFITS for steps, *expected in PAGE.table(kind)]
SCHEME_ID = 1
DAY_SECONDS = 86_400


class Story:
    """What becomes of one coupon: the words of a row, played in order."""

    def __init__(self, engine: Engine, clock: Any, kind: str) -> None:
        self._engine = engine
        self._clock = clock
        self._numbers = count()
        self.redemption: Redemption | None = None
        engine.call(Put(merchant_id=1, record=Shop(id=284, merchant_id=1, number="002", name="人民路店")))
        engine.call(
            CreateScheme(
                merchant_id=1, request_id=self.request_id(), id=SCHEME_ID, number=kind, name=kind,
                benefit=BENEFITS[kind], terms=Terms(validity=DaysFromReceipt(days=30)),
            )
        )  # fmt: skip
        issued = engine.call(
            Issue(merchant_id=1, request_id=self.request_id(), scheme_id=SCHEME_ID, quantity=1)
        ).outcome
        assert isinstance(issued, Issued)
        self.code = issued.coupons[0].code

    def play(self, steps: str) -> Story:
        """Such as "hold 30, wait 15 minutes"; amounts are yuan."""
        for step in steps.split(", "):
            if waited := re.fullmatch(r"wait (\d+) minutes", step):
                self._clock.forward(int(waited[1]) * 60)
            elif step != "untouched":
                word, _, amount = step.partition(" ")
                outcome = self.ask(word, int(amount) * 100 if amount else None)
                assert isinstance(outcome, Redeemed), (step, outcome)
                self.redemption = outcome.redemptions[0].redemption
        return self

    def ask(self, word: str, fen: int | None = None, price_fen: int = 20_000) -> object:
        return self._engine.call(self._command(word, fen, price_fen)).outcome

    def row(self) -> list[str]:
        """As the tables print it."""
        found = self._engine.call(LookUp(merchant_id=1, code=self.code)).outcome
        assert isinstance(found, Found)
        balances = [format_yuan(fen or 0) for fen in _balances(found.coupon.coupon)]
        face = found.coupon.coupon.face(self._clock.now).value
        if self.redemption is None:
            return ["", "", *balances, face, ""]
        redemption_id = self.redemption.id
        read = self._engine.read_now(lambda reader: reader.redemption(1, redemption_id))
        assert read is not None
        one, now = read.redemption, self._clock.now
        state = State.LAPSED if one.lapsed(now) else one.state
        off = one.live_fen if state in (State.HELD, State.CAPTURED) else 0
        allowed = ", ".join(move.value for move in one.allowed(now))
        return [state.name.lower(), format_yuan(off), *balances, face, allowed]

    def request_id(self) -> str:
        return f"story/{next(self._numbers)}"

    def _command(self, word: str, fen: int | None, price_fen: int) -> AnyCommand:
        request_id, redemption_id = self.request_id(), self.redemption.id if self.redemption else 0
        bill = Bill(number="B1", shop_id=284, lines=(BillLine(sku="RICE", quantity=1, unit_price_fen=price_fen),))
        takes = (Take(self.code, fen),)
        match word:
            case "hold":
                return Redeem(merchant_id=1, request_id=request_id, mode="hold", coupons=takes, bill=bill)
            case "redeem":
                return Redeem(merchant_id=1, request_id=request_id, mode="redeem", coupons=takes, bill=bill)
            case "capture":
                return Capture(merchant_id=1, request_id=request_id, redemption_id=redemption_id, amount_fen=fen)
            case "release":
                return Release(merchant_id=1, request_id=request_id, redemption_id=redemption_id)
            case "reverse":
                return Reverse(merchant_id=1, request_id=request_id, redemption_id=redemption_id, amount_fen=fen)
            case "void":
                return Void(merchant_id=1, request_id=request_id, code=self.code)
        raise AssertionError(word)


def _balances(coupon: Coupon) -> tuple[int, int, int | None]:
    return coupon.held_fen, coupon.captured_fen, coupon.left_fen


@pytest.fixture
def story(engine: Engine, clock: Any) -> Callable[[str], Story]:
    return lambda kind: Story(engine, clock, kind)


@pytest.mark.parametrize(("kind", "steps", "expected"), ROWS)
def test_each_outcome_leaves_the_balances_of_its_row(
    story: Callable[[str], Story], kind: str, steps: str, expected: list[str]
) -> None:
    assert story(kind).play(steps).row() == expected


def test_the_grid_of_moves_is_that_of_the_code() -> None:
    def cell(state: State, move: Move) -> str:
        after = MOVES.get((state, move))
        if after is None:
            return f"`{REASONS[state].value}`"
        return "reversed; in part: captured" if move is Move.REVERSE else after.name.lower()

    asked = (Move.CAPTURE, Move.RELEASE, Move.REVERSE)
    assert PAGE.table("state") == [[state.name.lower(), *(cell(state, move) for move in asked)] for state in State]


def test_the_same_bill_with_the_same_basket_gets_the_same_hold_and_deadline(story: Callable[[str], Story]) -> None:
    one = story("card").play("hold 30")
    first = one.redemption
    second = one.play("wait 5 minutes, hold 30").redemption
    assert first is not None and second is not None
    assert (second.id, second.held_until_at) == (first.id, first.held_until_at)


def test_the_same_bill_with_another_basket_gets_another_hold(story: Callable[[str], Story]) -> None:
    one = story("voucher").play("hold")
    first = one.redemption
    outcome = one.ask("hold", price_fen=500)
    assert isinstance(outcome, Redeemed) and first is not None
    assert (outcome.redemptions[0].redemption.id != first.id, outcome.redemptions[0].redemption.held_fen) == (True, 500)
    assert one.row()[0] == "released"


def test_a_hold_made_in_time_outlives_the_coupon_and_the_pause_of_its_scheme(
    story: Callable[[str], Story], engine: Engine, clock: Any
) -> None:
    one = story("voucher")
    clock.forward(29 * DAY_SECONDS + 12 * 3600 - 60)  # a minute before midnight of the last day
    one.play("hold")
    engine.call(PauseScheme(merchant_id=1, request_id=one.request_id(), scheme_id=SCHEME_ID, paused=True))
    assert one.play("wait 5 minutes, capture").row()[0] == "captured"


def test_a_held_coupon_cannot_be_voided_and_more_than_held_cannot_be_captured(story: Callable[[str], Story]) -> None:
    one = story("card").play("hold 30")
    refusals = [one.ask("void"), one.ask("capture", 3001)]
    assert [refusal.code for refusal in refusals if isinstance(refusal, Failed)] == [
        Code.COUPON_IN_USE,
        Code.CAPTURE_TOO_LARGE,
    ]
