"""The state machine: everything that a till, a back office, a sweeper and an operator may do, in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from engine.desk import MEMBER, MERCHANT, NOBODY, takes
from hexiao.domain.bill import Bill
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Benefit, Terms
from hexiao.engine.commands import (
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
    Redeem,
    RedeemEach,
    Release,
    Reverse,
    ReviseScheme,
    Take,
    Void,
)
from simulation import strategies as draw
from simulation.beside import Beside


def of(pick: Callable[[Beside], Sequence[Any]]) -> st.SearchStrategy[Any]:
    """One of what there is just now."""
    return st.runner().flatmap(lambda machine: st.sampled_from(pick(machine.both)))


def mostly(pick: Callable[[Beside], Sequence[Any]], every: Callable[[Beside], Sequence[Any]]) -> st.SearchStrategy[Any]:
    """Four times out of five one that something can be done with, if there is one; else any."""
    good, anyone = of(lambda both: pick(both) or every(both)), of(every)
    return st.one_of(good, good, good, good, anyone)


def every_use(both: Beside) -> list[int]:
    return list(both.oracle.uses)


SCHEMES = of(lambda both: list(both.oracle.schemes))
CODES = mostly(lambda both: both.usable(), lambda both: list(both.oracle.coupons))
HELD = mostly(lambda both: both.uses_in(State.HELD), every_use)
CAPTURED = mostly(lambda both: both.uses_in(State.CAPTURED), every_use)
LIVE = mostly(lambda both: both.uses_in(State.HELD, State.CAPTURED), every_use)
ASKED = of(lambda both: both.asked)
KEYED = st.booleans()

some_use = precondition(lambda machine: bool(machine.both.oracle.uses))
some_request = precondition(lambda machine: bool(machine.both.asked))


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.both = Beside()

    def teardown(self) -> None:
        self.both.close()

    def ask(self, command: AnyCommand) -> Any:
        return self.both.ask(command)

    @invariant()
    def the_books_agree(self) -> None:
        self.both.compare()

    # Schemes.

    @initialize(benefits=st.tuples(*draw.KINDS), terms=st.tuples(*[draw.GOOD_TERMS] * len(draw.KINDS)))
    def open_with_two_coupons_of_every_kind(self, benefits: tuple[Benefit, ...], terms: tuple[Terms, ...]) -> None:
        """So that the first steps are not wasted."""
        for benefit, term in zip(benefits, terms, strict=True):
            made = self.create(benefit, term, False)
            self.ask(Issue(scheme_id=made.scheme.id, quantity=2, member_id=MEMBER, **self.both.key()))

    @rule(benefit=draw.BENEFITS, terms=draw.TERMS, scheme=SCHEMES, namesake=draw.often(False, True), keyed=KEYED)
    def create_a_scheme(self, benefit: Benefit, terms: Terms, scheme: int, namesake: bool, keyed: bool) -> None:
        self.create(benefit, terms, keyed, self.both.oracle.schemes[scheme].number if namesake else "")

    def create(self, benefit: Benefit, terms: Terms, keyed: bool, number: str = "") -> Any:
        if benefit.__struct_config__.tag == "goods_off" and terms.goods.mode == "all":
            terms = replace(terms, goods=draw.GOODS_TERMS[1])
        number = number or f"S{self.both.number()}"
        key = self.both.key(keyed)
        return self.ask(CreateScheme(number=number, name=number, terms=terms, benefit=benefit, **key))

    @rule(scheme=SCHEMES, benefit=st.none() | draw.BENEFITS, terms=st.none() | draw.TERMS, keyed=KEYED)
    def revise_a_scheme(self, scheme: int, benefit: Benefit | None, terms: Terms | None, keyed: bool) -> None:
        old, _ = self.both.oracle.schemes[scheme].versions[-1]
        if terms is not None:
            terms = replace(terms, goods=old.goods)
        self.ask(ReviseScheme(scheme_id=scheme, benefit=benefit, terms=terms, **self.both.key(keyed)))

    @rule(scheme=SCHEMES, paused=st.booleans(), keyed=KEYED)
    def pause_or_resume_a_scheme(self, scheme: int, paused: bool, keyed: bool) -> None:
        self.ask(PauseScheme(scheme_id=scheme, paused=paused, **self.both.key(keyed)))

    # Coupons.

    @rule(scheme=SCHEMES, quantity=draw.often(2, 1, 3), member=draw.MEMBERS, keyed=KEYED)
    def issue(self, scheme: int, quantity: int, member: int | None, keyed: bool) -> None:
        self.ask(Issue(scheme_id=scheme, quantity=quantity, member_id=member, **self.both.key(keyed)))

    @rule(scheme=SCHEMES, code=CODES, member=draw.MEMBERS, clash=draw.often("", "old", "twice"),
          face=draw.often(None, 400, 9_000), days=st.sampled_from([None, 0, 1, 40]))  # fmt: skip
    def import_coupons(self, scheme: int, code: str, member: int | None, clash: str, face: Any, days: Any) -> None:
        """Made elsewhere; now and then with a code that is there already, or twice in the list."""
        received_at = None if days is None else self.both.now - days * draw.DAY
        new = [f"X{self.both.number()}" for _ in range(2)]
        codes = {"": new, "old": [new[0], code], "twice": [new[0], new[0]]}[clash]
        coupons = tuple(Imported(code, member, received_at=received_at, face_fen=face) for code in codes)
        self.ask(Import(scheme_id=scheme, coupons=coupons, **self.both.key()))

    @rule(code=CODES, keyed=KEYED)
    def void(self, code: str, keyed: bool) -> None:
        self.ask(Void(code=code, **self.both.key(keyed)))

    @rule(code=CODES | st.just("nobody's"))
    def look_up(self, code: str) -> None:
        self.ask(LookUp(merchant_id=MERCHANT, code=code))

    # Bills.

    @rule(codes=st.lists(CODES, min_size=1, max_size=3), bill=draw.BILLS, amount=draw.AMOUNTS)
    def assess(self, codes: list[str], bill: Bill, amount: int | None) -> None:
        self.ask(Assess(merchant_id=MERCHANT, coupons=wanted(codes, amount), bill=bill))

    @rule(code=CODES, bill=draw.BILLS, amount=draw.AMOUNTS, keyed=KEYED)
    def hold(self, code: str, bill: Bill, amount: int | None, keyed: bool) -> None:
        self.ask(Redeem(mode="hold", coupons=wanted([code], amount), bill=bill, **self.both.key(keyed)))

    @rule(code=CODES, bill=draw.BILLS, amount=draw.AMOUNTS, keyed=KEYED)
    def redeem(self, code: str, bill: Bill, amount: int | None, keyed: bool) -> None:
        self.ask(Redeem(mode="redeem", coupons=wanted([code], amount), bill=bill, **self.both.key(keyed)))

    @rule(codes=st.lists(CODES, min_size=2, max_size=3), bill=draw.BILLS, amount=draw.AMOUNTS, mode=draw.MODES)
    def use_several_on_one_bill(self, codes: list[str], bill: Bill, amount: int | None, mode: Any) -> None:
        self.ask(Redeem(mode=mode, coupons=wanted(codes, amount), bill=bill, **self.both.key()))

    @some_use
    @rule(use=HELD, bill=draw.BILLS, mode=draw.MODES)
    def come_back_with_the_same_bill(self, use: int, bill: Bill, mode: Any) -> None:
        """The basket as it may be now."""
        earlier = self.both.oracle.uses[use]
        bill = replace(bill, shop_id=earlier.bill[0], number=earlier.bill[1])
        self.ask(Redeem(mode=mode, coupons=takes(earlier.code), bill=bill, **self.both.key()))

    @rule(code=CODES, bill=draw.BILLS, what=st.sampled_from(["shop", "member", "coupon", "merchant"]))
    def use_something_unknown(self, code: str, bill: Bill, what: str) -> None:
        bill = replace(bill, **{"shop": {"shop_id": NOBODY}, "member": {"member_id": NOBODY}}.get(what, {}))
        coupons = takes([code, "nobody's"] if what == "coupon" else code)
        command = Redeem(mode="redeem", coupons=coupons, bill=bill, **self.both.key())
        self.ask(replace(command, merchant_id=NOBODY) if what == "merchant" else command)

    @rule(codes=st.lists(CODES, min_size=1, max_size=4), mode=draw.MODES,
          bills=st.lists(draw.BILLS, min_size=4, max_size=4))  # fmt: skip
    def redeem_each(self, codes: list[str], mode: Any, bills: list[Bill]) -> None:
        key = self.both.key()
        pairs = zip(codes, bills[: len(codes)], strict=True)
        self.ask(RedeemEach(items=tuple(Redeem(mode=mode, coupons=takes(c), bill=b, **key) for c, b in pairs), **key))

    @some_use
    @rule(codes=st.lists(CODES, min_size=1, max_size=3), uses=st.lists(LIVE, max_size=3), bill=draw.BILLS,
          mode=draw.MODES, revised=st.tuples(SCHEMES, draw.GOOD_TERMS))  # fmt: skip
    def ask_all_in_one_batch(self, codes: list[str], uses: list[int], bill: Bill, mode: Any, revised: Any) -> None:
        """Independent callers at the same moment, at the neighbour: answered as if one after the other."""
        settles = [kind(redemption_id=use, **self.both.key()) for use in uses for kind in (Capture, Release, Reverse)]
        redeems = [Redeem(mode=mode, coupons=takes(code), bill=bill, **self.both.key()) for code in codes]
        scheme, terms = revised
        old, _ = self.both.oracle.schemes[scheme].versions[-1]
        terms = replace(terms, goods=old.goods)
        issues = [Issue(scheme_id=scheme, member_id=MEMBER, **self.both.key()) for _ in range(2)]
        revise = ReviseScheme(scheme_id=scheme, terms=terms, **self.both.key())
        commands: list[Any] = [*redeems, issues[0], *settles, revise, issues[1], *redeems[:1]]
        self.both.agree_all(commands, self.both.neighbour.commit(*commands))

    # Afterwards.

    @some_use
    @rule(use=HELD, percent=draw.PERCENT, keyed=KEYED)
    def capture(self, use: int, percent: int, keyed: bool) -> None:
        amount = draw.part_of(self.both.oracle.uses[use].held, percent)
        self.ask(Capture(redemption_id=use, amount_fen=amount, **self.both.key(keyed)))

    @some_use
    @rule(use=HELD, keyed=KEYED)
    def release(self, use: int, keyed: bool) -> None:
        self.ask(Release(redemption_id=use, **self.both.key(keyed)))

    @some_use
    @rule(use=CAPTURED, percent=draw.PERCENT, keyed=KEYED)
    def reverse(self, use: int, percent: int, keyed: bool) -> None:
        amount = draw.part_of(sum(self.both.oracle.kept(self.both.oracle.uses[use])), percent)
        self.ask(Reverse(redemption_id=use, amount_fen=amount, **self.both.key(keyed)))

    @some_use
    @rule(use=CAPTURED, percent=draw.PERCENT, more=draw.often(0, 1), lines=draw.often(0, 1))
    def reverse_by_lines(self, use: int, percent: int, more: int, lines: int) -> None:
        kept = self.both.oracle.kept(self.both.oracle.uses[use])
        back = tuple(fen * min(percent, 100) // 100 + more for fen in kept) + (0,) * lines
        self.ask(Reverse(redemption_id=use, lines=back, **self.both.key()))

    @some_use
    @rule(use=HELD, kind=st.sampled_from([Capture, Release, Reverse, Lapse]), unknown=draw.often(False, True))
    def settle_anyhow(self, use: int, kind: Any, unknown: bool) -> None:
        self.ask(kind(redemption_id=NOBODY if unknown else use, **self.both.key(kind is not Lapse)))

    # Requests again.

    @some_request
    @rule(command=ASKED)
    def ask_the_same_again(self, command: AnyCommand) -> None:
        self.ask(command)

    @some_request
    @rule(command=ASKED, other=ASKED)
    def ask_something_else_under_a_known_request_id(self, command: AnyCommand, other: AnyCommand) -> None:
        other = replace(other, request_id=command.request_id)
        if isinstance(other, RedeemEach):  # its items carry the request id of the whole
            other = replace(other, items=tuple(replace(item, request_id=command.request_id) for item in other.items))
        self.ask(other)

    # Time, and the machine itself.

    @rule(minutes=draw.often(1, 20, 90, 60 * 24))
    def time_goes_on(self, minutes: int) -> None:
        self.both.now += minutes * 60_000

    @rule(seconds=st.integers(1, 600))
    def the_clock_goes_back(self, seconds: int) -> None:
        self.both.now -= seconds * 1000

    @some_use
    @rule(use=HELD, edge=draw.EDGES)
    def time_goes_on_to_a_deadline(self, use: int, edge: int) -> None:
        self.both.now = max(self.both.now, self.both.oracle.uses[use].until + edge)

    @rule(code=CODES, which=st.sampled_from([0, 1]), edge=draw.EDGES)
    def time_goes_on_to_an_end_of_validity(self, code: str, which: int, edge: int) -> None:
        at = self.both.oracle.coupons[code].valid[which] + edge
        if 0 < at - self.both.now < 4 * draw.DAY:
            self.both.now = at

    @rule()
    def sweep(self) -> None:
        assert self.both.engine.sweeper.sweep() == self.both.oracle.sweep(self.both.now)

    @rule()
    def restart(self) -> None:
        self.both.restart()


def wanted(codes: Sequence[str], amount: int | None) -> tuple[Take, ...]:
    """Only the first is asked for a certain amount."""
    return tuple(Take(code, None if index else amount) for index, code in enumerate(codes))
