"""The real engine on a real file and the oracle beside it: asked the same, compared after every step."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from engine.desk import MEMBER, MERCHANT, OTHER_MEMBER, OTHER_MERCHANT, OTHER_SHOP, SHOP, put_all
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.domain.party import Item
from hexiao.domain.redemption import State
from hexiao.engine.commands import Answer, AnyCommand, Failed, Outcome, Put
from hexiao.storage.base import CouponFilter, Reader, RedemptionFilter
from hexiao.wiring import migrate, open_engine
from simulation.oracle import Oracle
from simulation.strategies import GOODS
from simulation.telling import balance, made_up, same, told
from storage.chains import problems

START = 1_763_784_000_000  # Saturday 2025-11-22 12:00:00 in Shanghai
MEMORY = Path("/dev/shm")  # noqa: S108 - a disk would only make it slow; durability has tests of its own
ALL = 1_000

seen: Counter[str] = Counter()
"""How often each outcome was met, over all runs: a model test that meets nothing proves nothing."""


@cache
def empty_database() -> bytes:
    with tempfile.TemporaryDirectory(prefix="hexiao-schema-") as folder:
        path = Path(folder) / "empty.db"
        migrate(Settings(database=f"sqlite:///{path}"))
        return path.read_bytes()


class Beside:
    """`ask` puts a command to both. `neighbour` is a second process on the same file."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hexiao-model-", dir=MEMORY if MEMORY.is_dir() else None))
        (self.folder / "hexiao.db").write_bytes(empty_database())
        self.settings = Settings(database=f"sqlite:///{self.folder / 'hexiao.db'}")
        self.now = START
        self.engine = open_engine(self.settings, clock=self.clock)
        self.neighbour = Process(self.settings, self.clock)
        for put in put_all():
            self.engine.call(put)
        for sku, category in GOODS.items():
            item = Item(id=0, merchant_id=MERCHANT, sku=sku, name=sku, category=category)
            self.engine.call(Put(merchant_id=MERCHANT, record=item))
        self.oracle = Oracle({MERCHANT, OTHER_MERCHANT}, {SHOP, OTHER_SHOP}, {MEMBER, OTHER_MEMBER}, GOODS)
        self.asked: list[AnyCommand] = []
        self.numbers = 0

    def clock(self) -> int:
        return self.now

    def close(self) -> None:
        self.engine.close()
        self.neighbour.storage.close()
        tampered = problems(self.settings)
        shutil.rmtree(self.folder)
        assert tampered == []

    def restart(self) -> None:
        self.engine.close()
        self.engine = open_engine(self.settings, clock=self.clock)

    # Asking both.

    def ask(self, command: AnyCommand) -> Any:
        """The engine's outcome, after the oracle agreed with it."""
        return self.agree(command, self.engine.call(command))

    def agree(self, command: AnyCommand, answer: Any) -> Any:
        return self.agree_all([command], [answer])[0]

    def agree_all(self, commands: Sequence[AnyCommand], answers: Sequence[Any]) -> list[Outcome]:
        """The outcomes of one batch."""
        assert all(isinstance(answer, Answer) for answer in answers), answers
        outcomes = [answer.outcome for answer in answers]
        if failed := [one for one in outcomes if isinstance(one, Failed) and one.code is Code.INTERNAL_ERROR]:
            raise RuntimeError(f"no answer: {failed}")  # never what a broken rule is found out by
        fresh = [partial(made_up, outcome, self.oracle) for outcome in outcomes]
        expected = self.oracle.ask_all(commands, self.now, fresh)
        for command, answer, (foretold, replayed) in zip(commands, answers, expected, strict=True):
            actual = told(answer.outcome)
            assert same(foretold, actual), f"{command}\nexpected {foretold}\nanswered {actual}"
            assert answer.replayed == replayed, command
            seen[f"{type(command).__name__} {actual['no'].value}" if "no" in actual else type(command).__name__] += 1
        self.asked += [command for command in commands if command.request_id]
        return outcomes

    def key(self, keyed: bool = True) -> dict[str, Any]:
        return {"merchant_id": MERCHANT, "request_id": f"r{self.number()}" if keyed else ""}

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    # What there is to choose from.

    def uses_in(self, *states: State) -> list[int]:
        return [use.id for use in self.oracle.uses.values() if use.state in states]

    def usable(self) -> list[str]:
        """Codes that are neither void nor spent nor expired."""
        return [
            coupon.code
            for coupon in self.oracle.coupons.values()
            if not coupon.voided and self.now < coupon.valid[1] and self.oracle.sums(coupon)[1] in (0, 1)
            and (coupon.times or 9) > self.oracle.sums(coupon)[1]
        ]  # fmt: skip

    # Comparing.

    def compare(self) -> None:
        self.engine.read_now(self._compare)

    def _compare(self, reader: Reader) -> None:
        coupons = [balance(coupon) for coupon in reader.coupons(CouponFilter(merchant_id=MERCHANT), None, ALL)]
        expected = [self.oracle.balance(code) for code in self.oracle.coupons]
        assert sorted(coupons, key=_by_code) == sorted(expected, key=_by_code)
        rows = reader.redemptions(RedemptionFilter(merchant_id=MERCHANT), None, ALL)
        assert {row.redemption.id for row in rows} == set(self.oracle.uses)
        for row in rows:
            redemption, use = row.redemption, self.oracle.uses[row.redemption.id]
            assert (redemption.state, redemption.held_fen, redemption.captured_fen) == (
                use.state,
                use.held,
                use.captured,
            )
            assert (redemption.lines, redemption.returned) == (use.lines, use.returned)
            assert redemption.reversed_fen == sum(use.returned)
        for scheme_id in self.oracle.schemes:
            count = reader.scheme_count(scheme_id)
            counted = (count.issued, count.captured_uses, count.held_fen, count.captured_fen)
            assert counted == self.oracle.counts(scheme_id)
        broken = list(reader.broken(self.now))
        overdue = any(self.oracle.overdue(use, self.now) for use in self.oracle.uses.values())
        # A hold past its deadline is a fault only where a sweeper runs.
        assert [row for row in broken if not (overdue and row.invariant.startswith("I14"))] == []


def _by_code(one: dict[str, Any]) -> str:
    return str(one["code"])
