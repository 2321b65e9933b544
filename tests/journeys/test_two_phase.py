"""docs/understand/two-phase.md: every row of its tables is played on a real engine, and gives these numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.money import format_yuan
from hexiao.domain.party import Shop
from hexiao.domain.redemption import MOVES, REASONS, Move, Redemption, State
from hexiao.domain.scheme import Balance, Benefit, DaysFromReceipt, MoneyOff, Terms
from hexiao.engine.commands import (
    AnyCommand,
    Capture,
    CreateScheme,
    Found,
    Issue,
    LookUp,
    Put,
    Redeem,
    Redeemed,
    Release,
    Reverse,
    Take,
)
from hexiao.engine.committer import Engine
from journeys.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "understand" / "two-phase.md")
BENEFITS: dict[str, Benefit] = {"card": Balance(amount_fen=10_000), "voucher": MoneyOff(amount_fen=1_000)}
ROWS = [(kind, *row) for kind in BENEFITS for row in PAGE.table(kind)]

Play = Callable[[str, str], list[str]]


class Story:
    """What became of one coupon: the words of a row, played in order."""

    def __init__(self, engine: Engine, clock: Any, code: str) -> None:
        self._engine = engine
        self._clock = clock
        self._code = code
        self._requests = count()
        self._redemption: Redemption | None = None

    def play(self, steps: str) -> None:
        for step in steps.split(", "):
            word, _, amount = step.partition(" ")
            fen = int(amount) * 100 if amount.isdigit() else None
            if word in ("hold", "redeem"):
                self._open(word, fen)
            elif waited := re.fullmatch(r"wait (\d+) minutes", step):
                self._clock.forward(int(waited[1]) * 60)
            else:
                assert step == "untouched" or word in ("capture", "release", "reverse"), step
                self._settle(word, fen)

    def row(self) -> list[str]:
        now = self._clock.now
        found = self._engine.call(LookUp(merchant_id=1, code=self._code)).outcome
        assert isinstance(found, Found)
        coupon = found.coupon.coupon
        shown = ["", "", ""]
        if self._redemption is not None:
            read = self._engine.read_now(lambda reader: reader.redemption(1, self._redemption.id))
            assert read is not None
            one = read.redemption
            state = State.LAPSED if one.lapsed(now) else one.state
            off = one.live_fen if state in (State.HELD, State.CAPTURED) else 0
            shown = [state.name.lower(), format_yuan(off), ", ".join(move.value for move in one.allowed(now))]
        assert coupon.left_fen is not None
        balances = [format_yuan(fen) for fen in (coupon.held_fen, coupon.captured_fen, coupon.left_fen)]
        return [*shown[:2], *balances, coupon.face(now).value, shown[2]]

    def _open(self, mode: str, fen: int | None) -> None:
        bill = Bill(number="B1", shop_id=284, lines=(BillLine(sku="RICE", quantity=1, unit_price_fen=20_000),))
        self._redemption = self._ask(
            Redeem(
                merchant_id=1, request_id=self._request_id(), mode="hold" if mode == "hold" else "redeem",
                coupons=(Take(self._code, fen),), bill=bill,
            )
        )  # fmt: skip

    def _settle(self, word: str, fen: int | None) -> None:
        if word == "untouched":
            return
        assert self._redemption is not None
        about = {"merchant_id": 1, "request_id": self._request_id(), "redemption_id": self._redemption.id}
        command: AnyCommand
        if word == "release":
            command = Release(**about)
        else:
            command = Capture(**about, amount_fen=fen) if word == "capture" else Reverse(**about, amount_fen=fen)
        self._redemption = self._ask(command)

    def _ask(self, command: AnyCommand) -> Redemption:
        outcome = self._engine.call(command).outcome
        assert isinstance(outcome, Redeemed), outcome
        return outcome.redemptions[0].redemption

    def _request_id(self) -> str:
        return f"{self._code}/{next(self._requests)}"


@pytest.fixture
def story(engine: Engine, clock: Any) -> Iterator[Callable[[str], Story]]:
    engine.call(Put(merchant_id=1, record=Shop(id=284, merchant_id=1, number="002", name="人民路店")))

    def about(kind: str) -> Story:
        terms = Terms(validity=DaysFromReceipt(days=30))
        scheme = CreateScheme(
            merchant_id=1,
            request_id=f"scheme/{kind}",
            id=1,
            number=kind,
            name=kind,
            benefit=BENEFITS[kind],
            terms=terms,
        )
        engine.call(scheme)
        issued = engine.call(Issue(merchant_id=1, request_id=f"issue/{kind}", scheme_id=1, quantity=1)).outcome
        return Story(engine, clock, issued.coupons[0].code)

    yield about


@pytest.mark.parametrize(("kind", "steps", "expected"), [(kind, steps, rest) for kind, steps, *rest in ROWS])
def test_each_outcome_leaves_the_balances_of_its_row(
    story: Callable[[str], Story], kind: str, steps: str, expected: list[str]
) -> None:
    one = story(kind)
    one.play(steps)
    assert one.row() == expected


def test_the_grid_of_moves_is_that_of_the_code() -> None:
    def cell(state: State, move: Move) -> str:
        after = MOVES.get((state, move))
        if after is None:
            return f"`{REASONS[state].value}`"
        return "reversed; in part: captured" if move is Move.REVERSE else after.name.lower()

    asked = (Move.CAPTURE, Move.RELEASE, Move.REVERSE)
    assert PAGE.table("state") == [[state.name.lower(), *(cell(state, move) for move in asked)] for state in State]
