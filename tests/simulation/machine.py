"""The state machine: the real engine on a real file beside the oracle, asked the same, compared after every step.

Open faults that it must step around are named in SPARED, with the test that shows each.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.desk import MERCHANT, NOBODY, put_all, takes
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.bill import Bill
from hexiao.domain.party import Item
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Benefit, Terms
from hexiao.engine.commands import (
    Answer,
    AnyCommand,
    Assess,
    Capture,
    CreateScheme,
    Import,
    Imported,
    Issue,
    Lapse,
    LookUp,
    PauseScheme,
    Put,
    Redeem,
    RedeemEach,
    Release,
    Reverse,
    ReviseScheme,
    Take,
    Void,
)
from hexiao.storage.base import CouponFilter, Reader, RedemptionFilter
from hexiao.wiring import migrate, open_engine
from simulation import strategies as draw
from simulation.oracle import Oracle
from simulation.telling import balance, made_up, same, told

START = 1_763_784_000_000  # Saturday 2025-11-22 12:00:00 in Shanghai
MEMORY = Path("/dev/shm")  # noqa: S108 - a disk would only make it slow; durability has tests of its own
ALL = 1_000

SPARED = {
    "a revision never changes `shareable`": "test_a_bill_remembers_the_terms_that_its_coupons_were_issued_under",
    "a batch never names one coupon twice": "test_a_batch_may_hold_one_coupon_twice_on_a_bill_that_changed",
}


@cache
def empty_database() -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="hexiao-schema-"))
    migrate(Settings(database=f"sqlite:///{folder / 'empty.db'}"))
    content = (folder / "empty.db").read_bytes()
    shutil.rmtree(folder)
    return content


def of(pick: Callable[[Any], Sequence[Any]]) -> st.SearchStrategy[Any]:
    """One of what the machine has just now."""
    return st.runner().flatmap(lambda machine: st.sampled_from(pick(machine)))


def mostly(pick: Callable[[Any], Sequence[Any]], everything: Callable[[Any], Sequence[Any]]) -> Any:
    """Four times out of five one that something can be done with, if there is one; else any."""
    good, any_ = of(lambda machine: pick(machine) or everything(machine)), of(everything)
    return st.one_of(good, good, good, good, any_)


SCHEMES = of(lambda machine: list(machine.oracle.schemes))
ASKED = of(lambda machine: machine.asked)
CODES = mostly(lambda machine: machine.fresh_coupons(), lambda machine: list(machine.oracle.coupons))
USES = of(lambda machine: list(machine.oracle.uses))
LIVE = mostly(lambda machine: machine.uses_in(State.HELD, State.CAPTURED), lambda machine: list(machine.oracle.uses))
HELD = mostly(lambda machine: machine.uses_in(State.HELD), lambda machine: list(machine.oracle.uses))
CAPTURED = mostly(lambda machine: machine.uses_in(State.CAPTURED), lambda machine: list(machine.oracle.uses))
some_use = precondition(lambda machine: machine.oracle.uses)
some_request = precondition(lambda machine: machine.asked)


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hexiao-model-", dir=MEMORY if MEMORY.is_dir() else None))
        (self.folder / "hexiao.db").write_bytes(empty_database())
        self.settings = Settings(database=f"sqlite:///{self.folder / 'hexiao.db'}")
        self.now = START
        self.engine = open_engine(self.settings, clock=lambda: self.now)
        self.neighbour = Process(self.settings, lambda: self.now)
        for put in put_all():
            self.engine.call(put)
        for sku, category in draw.GOODS.items():
            item = Item(id=0, merchant_id=MERCHANT, sku=sku, name=sku, category=category)
            self.engine.call(Put(merchant_id=MERCHANT, record=item))
        self.oracle = Oracle({1, 2}, {11, 12}, {31, 32}, draw.GOODS)
        self.numbers = 0
        self.was_swept = False

    def teardown(self) -> None:
        self.engine.close()
        self.neighbour.storage.close()
        shutil.rmtree(self.folder)

    # Asking both.

    def ask(self, command: AnyCommand) -> Any:
        """The engine's outcome, after the oracle agreed with it."""
        return self.agree(command, self.engine.call(command))

    def agree(self, command: AnyCommand, answer: Any) -> Any:
        assert isinstance(answer, Answer), answer
        expected, replayed = self.oracle.ask(command, self.now, made_up(answer.outcome, self.oracle))
        actual = told(answer.outcome)
        assert same(expected, actual), f"{command}\nexpected {expected}\nanswered {actual}"
        assert answer.replayed == replayed, command
        return answer.outcome

    def number(self) -> str:
        self.numbers += 1
        return str(self.numbers)

    def key(self, keyed: bool) -> dict[str, Any]:
        return {"merchant_id": MERCHANT, "request_id": f"r{self.number()}" if keyed else ""}

    # Schemes.

    @initialize(target=codes, benefits=st.lists(draw.BENEFITS, min_size=2, max_size=3), terms=draw.TERMS)
    def opens(self, benefits: list[Benefit], terms: Terms) -> Any:
        """Some coupons that work, so that the first steps are not wasted."""
        loose = Terms(validity=terms.validity, goods=draw.GOODS_TERMS[1], shareable=terms.shareable)
        return multiple(
            *(code for one in benefits for code in self.issue(self.create(one, loose, False), 2, None, False))
        )

    @rule(target=schemes, benefit=draw.BENEFITS, terms=draw.TERMS, keyed=st.booleans())
    def create_scheme(self, benefit: Benefit, terms: Terms, keyed: bool) -> Any:
        made = self.create(benefit, terms, keyed)
        return multiple() if made is None else made

    def create(self, benefit: Benefit, terms: Terms, keyed: bool, number: str = "") -> Any:
        if benefit.__struct_config__.tag == "goods_off" and terms.goods.mode == "all":
            terms = msgspec.structs.replace(terms, goods=draw.GOODS_TERMS[0])
        number = number or f"S{self.number()}"
        command = CreateScheme(number=number, name=number, terms=terms, benefit=benefit, **self.key(keyed))
        return getattr(getattr(self.ask(command), "scheme", None), "id", None)

    @rule(scheme=schemes, benefit=draw.BENEFITS, terms=draw.TERMS)
    def create_a_namesake(self, scheme: int, benefit: Benefit, terms: Terms) -> None:
        self.create(benefit, terms, True, self.oracle.schemes[scheme].number)

    @rule(scheme=schemes, benefit=st.none() | draw.BENEFITS, terms=st.none() | draw.TERMS, keyed=st.booleans())
    def revise(self, scheme: int, benefit: Benefit | None, terms: Terms | None, keyed: bool) -> None:
        old = self.oracle.schemes[scheme].versions[-1][0]
        if terms is not None:
            terms = msgspec.structs.replace(terms, shareable=old.shareable, goods=old.goods)
        self.ask(ReviseScheme(scheme_id=scheme, benefit=benefit, terms=terms, **self.key(keyed)))

    @rule(scheme=schemes, paused=st.booleans(), keyed=st.booleans())
    def pause_or_resume(self, scheme: int, paused: bool, keyed: bool) -> None:
        self.ask(PauseScheme(scheme_id=scheme, paused=paused, **self.key(keyed)))

    # Coupons.

    @rule(target=codes, scheme=schemes, quantity=draw.often(2, 1, 3), member=draw.MEMBERS, keyed=st.booleans())
    def issue_some(self, scheme: int, quantity: int, member: int | None, keyed: bool) -> Any:
        return multiple(*self.issue(scheme, quantity, member, keyed))

    def issue(self, scheme: int, quantity: int, member: int | None, keyed: bool) -> list[str]:
        command = Issue(scheme_id=scheme, quantity=quantity, member_id=member, **self.key(keyed))
        return [coupon.code for coupon in getattr(self.ask(command), "coupons", [])]

    @rule(target=codes, scheme=schemes, known=codes, member=draw.MEMBERS, clash=draw.often("", "old", "twice"),
          face=draw.often(None, 400, 9_000), days=st.sampled_from([None, 0, 1, 40]))  # fmt: skip
    def bring(self, scheme: int, known: str, member: int | None, clash: str, face: Any, days: Any) -> Any:
        """Coupons made elsewhere; now and then with a code that is there already, or twice in the list."""
        received_at = None if days is None else self.now - days * 86_400_000
        new = [f"X{self.number()}" for _ in range(2)]
        codes = {"": new, "old": [new[0], known], "twice": [new[0], new[0]]}[clash]
        coupons = tuple(Imported(code, member, received_at=received_at, face_fen=face) for code in codes)
        outcome = self.ask(Import(scheme_id=scheme, coupons=coupons, **self.key(True)))
        return multiple(*(coupon.code for coupon in getattr(outcome, "coupons", [])))

    @rule(code=codes, keyed=st.booleans())
    def void(self, code: str, keyed: bool) -> None:
        self.ask(Void(code=code, **self.key(keyed)))

    @rule(code=codes | st.just("nobody's"))
    def look_up(self, code: str) -> None:
        self.ask(LookUp(merchant_id=MERCHANT, code=code))

    # Bills.

    @rule(some=st.lists(codes, min_size=1, max_size=3), bill=draw.BILLS, amount=draw.AMOUNTS)
    def assess(self, some: list[str], bill: Bill, amount: int | None) -> None:
        self.ask(Assess(merchant_id=MERCHANT, coupons=self.wanted(some, amount), bill=bill))

    @rule(target=uses, code=codes, bill=draw.BILLS, amount=draw.AMOUNTS, keyed=st.booleans())
    def hold(self, code: str, bill: Bill, amount: int | None, keyed: bool) -> Any:
        return self.use([code], bill, amount, "hold", keyed)

    @rule(target=uses, code=codes, bill=draw.BILLS, amount=draw.AMOUNTS, keyed=st.booleans())
    def redeem(self, code: str, bill: Bill, amount: int | None, keyed: bool) -> Any:
        return self.use([code], bill, amount, "redeem", keyed)

    @rule(
        target=uses, some=st.lists(codes, min_size=2, max_size=3), bill=draw.BILLS, amount=draw.AMOUNTS, mode=draw.MODES
    )
    def use_several_on_one_bill(self, some: list[str], bill: Bill, amount: int | None, mode: str) -> Any:
        return self.use(some, bill, amount, mode, True)

    @rule(target=uses, use=uses, bill=draw.BILLS, mode=draw.MODES)
    def come_back_with_the_same_bill(self, use: int, bill: Bill, mode: str) -> Any:
        """The coupon of an earlier use on that use's bill, the basket as it may be now."""
        earlier = self.oracle.uses[use]
        bill = msgspec.structs.replace(bill, shop_id=earlier.bill[0], number=earlier.bill[1])
        return self.use([earlier.code], bill, None, mode, True)

    @rule(code=codes, bill=draw.BILLS, what=st.sampled_from(["shop", "member", "coupon", "merchant"]))
    def use_something_unknown(self, code: str, bill: Bill, what: str) -> None:
        changes = {"shop": {"shop_id": NOBODY}, "member": {"member_id": NOBODY}}.get(what, {})
        command = Redeem(
            mode="redeem",
            coupons=takes([code, "nobody's"] if what == "coupon" else code),
            bill=msgspec.structs.replace(bill, **changes),
            **self.key(True),
        )
        self.ask(msgspec.structs.replace(command, merchant_id=NOBODY) if what == "merchant" else command)

    def use(self, codes: Sequence[str], bill: Bill, amount: int | None, mode: str, keyed: bool) -> Any:
        coupons = self.wanted(codes, amount)
        outcome = self.ask(Redeem(mode=mode, coupons=coupons, bill=bill, **self.key(keyed)))  # type: ignore[arg-type]
        return multiple(*(one.redemption.id for one in getattr(outcome, "redemptions", [])))

    def wanted(self, codes: Sequence[str], amount: int | None) -> tuple[Take, ...]:
        """Only the first is asked for a certain amount."""
        return tuple(Take(code, None if index else amount) for index, code in enumerate(codes))

    @rule(target=uses, some=st.lists(codes, min_size=2, max_size=4, unique=True), bills=st.lists(draw.BILLS, min_size=4,
          max_size=4), mode=draw.MODES)  # fmt: skip
    def redeem_each(self, some: list[str], bills: list[Bill], mode: Any) -> Any:
        key = self.key(True)
        items = tuple(Redeem(mode=mode, coupons=takes(code), bill=bill, **key) for code, bill in zip(some, bills))  # noqa: B905
        outcome = self.ask(RedeemEach(items=items, **key))
        taken = [one for each in getattr(outcome, "outcomes", []) for one in getattr(each, "redemptions", [])]
        return multiple(*(one.redemption.id for one in taken))

    @rule(
        some=st.lists(codes, min_size=1, max_size=3),
        others=st.lists(uses, max_size=3),
        bill=draw.BILLS,
        mode=draw.MODES,
    )
    def all_in_one_transaction(self, some: list[str], others: list[int], bill: Bill, mode: Any) -> None:
        """What independent callers ask at the same moment, through the neighbour process: as if one after the other."""
        moves: list[AnyCommand] = [
            kind(redemption_id=use, **self.key(True)) for use in others for kind in (Capture, Release, Reverse)
        ]
        redeems = [Redeem(mode=mode, coupons=takes(code), bill=bill, **self.key(True)) for code in some]
        commands = [*redeems, *moves, *redeems[:1]]
        for command, answer in zip(commands, self.neighbour.commit(*commands), strict=True):
            self.agree(command, answer)

    # Afterwards.

    @rule(target=asked, use=uses, kind=st.sampled_from([Capture, Release, Reverse]), keyed=st.booleans())
    def settle(self, use: int, kind: Any, keyed: bool) -> Any:
        """All of it."""
        command = kind(redemption_id=use, **self.key(keyed))
        self.ask(command)
        return command

    @rule(use=uses, percent=draw.PERCENT)
    def capture_a_part(self, use: int, percent: int) -> None:
        amount = max(1, self.oracle.uses[use].held * percent // 100)
        self.ask(Capture(redemption_id=use, amount_fen=amount, **self.key(True)))

    @rule(use=uses, kind=st.sampled_from([Capture, Reverse]))
    def settle_too_much(self, use: int, kind: Any) -> None:
        self.ask(kind(redemption_id=use, amount_fen=self.oracle.uses[use].held + 1, **self.key(True)))

    @rule(use=uses, percent=draw.PERCENT)
    def reverse_a_part(self, use: int, percent: int) -> None:
        amount = max(1, sum(self.oracle.kept(self.oracle.uses[use])) * percent // 100)
        self.ask(Reverse(redemption_id=use, amount_fen=amount, **self.key(True)))

    @rule(use=uses, percent=draw.PERCENT, more=draw.often(0, 1), lines=draw.often(0, 1))
    def reverse_lines(self, use: int, percent: int, more: int, lines: int) -> None:
        kept = self.oracle.kept(self.oracle.uses[use])
        wanted = tuple(fen * percent // 100 + more for fen in kept) + (0,) * lines
        self.ask(Reverse(redemption_id=use, lines=wanted, **self.key(True)))

    @rule(use=uses | st.just(NOBODY))
    def lapse(self, use: int) -> None:
        self.ask(Lapse(redemption_id=use, **self.key(False)))

    # Requests again.

    @rule(target=asked, code=codes, bill=draw.BILLS, mode=draw.MODES)
    def ask_with_a_request_id(self, code: str, bill: Bill, mode: Any) -> Any:
        command = Redeem(mode=mode, coupons=takes(code), bill=bill, **self.key(True))
        self.ask(command)
        return command

    @rule(command=asked)
    def ask_the_same_again(self, command: AnyCommand) -> None:
        self.ask(command)

    @rule(command=asked, other=asked)
    def ask_something_else_under_its_request_id(self, command: AnyCommand, other: AnyCommand) -> None:
        self.ask(msgspec.structs.replace(other, request_id=command.request_id))

    # Time, and the machine itself.

    @rule(minutes=st.sampled_from([1, 20, 90, 60 * 24]))
    def later(self, minutes: int) -> None:
        self.now += minutes * 60_000

    @rule(use=uses, edge=draw.EDGES)
    def at_the_deadline(self, use: int, edge: int) -> None:
        self.now = max(self.now, self.oracle.uses[use].until + edge)

    @rule(code=codes, which=st.sampled_from([0, 1]), edge=draw.EDGES)
    def at_an_end_of_validity(self, code: str, which: int, edge: int) -> None:
        at = self.oracle.coupons[code].valid[which] + edge
        self.now = at if 0 < at - self.now < 40 * 86_400_000 else self.now

    @rule(seconds=st.integers(1, 600))
    def the_clock_goes_back(self, seconds: int) -> None:
        self.now -= seconds * 1000

    @rule()
    def sweep(self) -> None:
        assert self.engine.sweep() == self.oracle.sweep(self.now)
        self.was_swept = True

    @rule()
    def restart(self) -> None:
        self.engine.close()
        self.engine = open_engine(self.settings, clock=lambda: self.now)

    # What must hold after every step.

    @invariant()
    def the_books_agree(self) -> None:
        self.engine.read_now(self.compare)

    def compare(self, reader: Reader) -> None:
        coupons = [balance(coupon) for coupon in reader.coupons(CouponFilter(merchant_id=MERCHANT), None, ALL)]
        expected = [self.oracle.balance(code) for code in self.oracle.coupons]
        assert sorted(coupons, key=lambda one: one["code"]) == sorted(expected, key=lambda one: one["code"])
        for row in reader.redemptions(RedemptionFilter(merchant_id=MERCHANT), None, ALL):
            use, seen = self.oracle.uses[row.redemption.id], row.redemption
            assert (seen.state, seen.held_fen, seen.captured_fen) == (use.state, use.held, use.captured)
            assert (seen.lines, seen.returned, seen.reversed_fen) == (use.lines, use.returned, sum(use.returned))
        assert reader.redemption_page(RedemptionFilter(merchant_id=MERCHANT), 1, 1)[0] == len(self.oracle.uses)
        for scheme_id in self.oracle.schemes:
            count = reader.scheme_count(scheme_id)
            counted = (count.issued, count.captured_uses, count.held_fen, count.captured_fen)
            assert counted == self.oracle.counts(scheme_id)
        broken = list(reader.broken(self.now))
        # Only right after a sweep can nothing be overdue.
        assert [row for row in broken if self.was_swept or not row.invariant.startswith("I14")] == []
        self.was_swept = False
