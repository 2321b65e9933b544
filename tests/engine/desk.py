"""A desk that asks the engine in one line what a till, a back office or a sweeper would ask.

Merchant 1 with two shops, a cashier and two members; a bill of its own for each use, unless the test says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeVar

import msgspec

from hexiao.domain.assessment import Assessment
from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.coupon import Coupon
from hexiao.domain.errors import Code
from hexiao.domain.party import Cashier, Member, Merchant, Shop
from hexiao.domain.redemption import Entry
from hexiao.domain.scheme import Benefit, DaysFromReceipt, MoneyOff, Scheme, Terms
from hexiao.engine.commands import (
    Answer,
    AnyCommand,
    Assess,
    Assessed,
    Capture,
    CouponView,
    CreateScheme,
    Failed,
    Found,
    Import,
    Imported,
    Issue,
    Issued,
    Lapse,
    LookUp,
    PauseScheme,
    Put,
    Redeem,
    Redeemed,
    RedemptionView,
    Release,
    Reverse,
    ReviseScheme,
    SchemeSaved,
    Take,
    Void,
)
from hexiao.storage.base import Broken, Reader

MERCHANT, OTHER_MERCHANT = 1, 2
SHOP, OTHER_SHOP, FOREIGN_SHOP = 11, 12, 19
CASHIER = 21
MEMBER, OTHER_MEMBER = 31, 32
NOBODY = 404
T = TypeVar("T")

PARTIES = (
    Merchant(id=MERCHANT, name="测试商户"),
    Shop(id=SHOP, merchant_id=MERCHANT, number="001", name="一店"),
    Shop(id=OTHER_SHOP, merchant_id=MERCHANT, number="002", name="二店"),
    Cashier(id=CASHIER, merchant_id=MERCHANT, name="收银员01"),
    Member(id=MEMBER, merchant_id=MERCHANT, name="会员001"),
    Member(id=OTHER_MEMBER, merchant_id=MERCHANT, name="会员002"),
    Merchant(id=OTHER_MERCHANT, name="另一商户"),
    Shop(id=FOREIGN_SHOP, merchant_id=OTHER_MERCHANT, number="001", name="别家店"),
)


def a_line(unit_price_fen: int = 3_000, quantity: int = 1, sku: str = "milk", category: str = "dairy") -> BillLine:
    return BillLine(sku=sku, quantity=quantity, unit_price_fen=unit_price_fen, category=category)


def a_bill(number: str = "B1", *lines: BillLine, **changes: Any) -> Bill:
    """One line of 30.00 when none are given."""
    return Bill(number=number, shop_id=changes.pop("shop_id", SHOP), lines=lines or (a_line(),), **changes)


def terms(**changes: Any) -> Terms:
    return Terms(**({"validity": DaysFromReceipt(30)} | changes))


def put_all() -> list[Put]:
    """The commands that make the parties."""
    return [Put(merchant_id=getattr(one, "merchant_id", one.id), record=one) for one in PARTIES]


def takes(coupons: str | Take | Sequence[str | Take]) -> tuple[Take, ...]:
    several = [coupons] if isinstance(coupons, (str, Take)) else coupons
    return tuple(Take(one) if isinstance(one, str) else one for one in several)


class Desk:
    """Verbs answer with the content of a success; `no` and `refused` answer with a refusal."""

    def __init__(self, call: Callable[[AnyCommand], Answer], read: Callable[[Callable[[Reader], Any]], Any]) -> None:
        self._call = call
        self._read = read
        self._numbers = count(1)

    def do(self, command: AnyCommand) -> Any:
        return self._call(command).outcome

    def answer(self, command: AnyCommand) -> Answer:
        return self._call(command)

    def must(self, command: AnyCommand) -> Any:
        outcome = self.do(command)
        assert not isinstance(outcome, Failed), outcome
        return outcome

    def refused(self, command: AnyCommand) -> Failed:
        outcome = self.do(command)
        assert isinstance(outcome, Failed), outcome
        return outcome

    def no(self, command: AnyCommand) -> Code:
        return self.refused(command).code

    # Schemes and coupons.

    def scheme(self, benefit: Benefit = MoneyOff(1_000), *, number: str = "", **changes: Any) -> Scheme:
        return self.scheme_of(terms(**changes), benefit, number)

    def scheme_of(self, with_terms: Terms, benefit: Benefit, number: str = "") -> Scheme:
        number = number or f"S{next(self._numbers)}"
        command = CreateScheme(merchant_id=MERCHANT, number=number, name="立减", terms=with_terms, benefit=benefit)
        saved: SchemeSaved = self.must(command)
        return saved.scheme

    def revise(self, scheme: Scheme, benefit: Benefit | None = None, **changes: Any) -> Scheme:
        command = ReviseScheme(
            merchant_id=MERCHANT,
            scheme_id=scheme.id,
            benefit=benefit,
            terms=msgspec.structs.replace(scheme.terms, **changes),
        )
        saved: SchemeSaved = self.must(command)
        return saved.scheme

    def pause(self, scheme: Scheme, paused: bool = True) -> None:
        self.must(PauseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, paused=paused))

    def issue(self, scheme: Scheme, quantity: int = 1, member_id: int | None = None) -> list[Coupon]:
        issued: Issued = self.must(issuing(scheme, quantity, member_id))
        return issued.coupons

    def coupon(self, benefit: Benefit = MoneyOff(1_000), *, member_id: int | None = None, **changes: Any) -> str:
        """The code of a coupon of a scheme of its own."""
        return self.issue(self.scheme(benefit, **changes), member_id=member_id)[0].code

    def bring(self, scheme: Scheme, *coupons: Imported) -> list[Coupon]:
        imported: Issued = self.must(Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=coupons))
        return imported.coupons

    # At the till.

    def new_bill(self) -> Bill:
        return a_bill(f"N{next(self._numbers)}")

    def hold(self, coupons: str | Take | Sequence[str | Take], bill: Bill | None = None) -> RedemptionView:
        return self.hold_all(coupons, bill)[0]

    def hold_all(self, coupons: str | Take | Sequence[str | Take], bill: Bill | None = None) -> list[RedemptionView]:
        held: Redeemed = self.must(holding(coupons, bill or self.new_bill()))
        return held.redemptions

    def redeem(self, coupons: str | Take | Sequence[str | Take], bill: Bill | None = None) -> RedemptionView:
        return self.redeem_all(coupons, bill)[0]

    def redeem_all(self, coupons: str | Take | Sequence[str | Take], bill: Bill | None = None) -> list[RedemptionView]:
        taken: Redeemed = self.must(redeeming(coupons, bill or self.new_bill()))
        return taken.redemptions

    def capture(self, redemption_id: int, amount_fen: int | None = None) -> RedemptionView:
        return self._settled(Capture(merchant_id=MERCHANT, redemption_id=redemption_id, amount_fen=amount_fen))

    def release(self, redemption_id: int) -> RedemptionView:
        return self._settled(Release(merchant_id=MERCHANT, redemption_id=redemption_id))

    def reverse(self, redemption_id: int, amount_fen: int | None = None, **how: Any) -> RedemptionView:
        return self._settled(Reverse(merchant_id=MERCHANT, redemption_id=redemption_id, amount_fen=amount_fen, **how))

    def lapse(self, redemption_id: int) -> None:
        self.must(Lapse(merchant_id=MERCHANT, redemption_id=redemption_id))

    def void(self, code: str) -> None:
        self.must(Void(merchant_id=MERCHANT, code=code))

    def _settled(self, command: AnyCommand) -> RedemptionView:
        settled: Redeemed = self.must(command)
        [one] = settled.redemptions
        return one

    # Looking.

    def look_up(self, code: str) -> CouponView:
        found: Found = self.must(LookUp(merchant_id=MERCHANT, code=code))
        return found.coupon

    def assess(self, coupons: str | Take | Sequence[str | Take], bill: Bill | None = None) -> Assessed:
        assessed: Assessed = self.must(Assess(merchant_id=MERCHANT, coupons=takes(coupons), bill=bill or a_bill()))
        return assessed

    def stored(self, code: str) -> Coupon:
        """The coupon as the database has it."""
        coupon_id = self.look_up(code).coupon.id
        coupon: Coupon | None = self.read(lambda reader: reader.coupon_by_id(MERCHANT, coupon_id))
        assert coupon is not None
        return coupon

    def balance(self, code: str) -> tuple[int, int, int, int]:
        """(held_fen, captured_fen, held_uses, captured_uses) as the database has them."""
        coupon = self.stored(code)
        return coupon.held_fen, coupon.captured_fen, coupon.held_uses, coupon.captured_uses

    def read(self, query: Callable[[Reader], T]) -> T:
        answer: T = self._read(query)
        return answer

    def broken(self, now: int) -> list[Broken]:
        return [row for row in self.read(lambda reader: list(reader.broken(now))) if "I14" not in row.invariant]


def holding(coupons: str | Take | Sequence[str | Take], bill: Bill | None = None, request_id: str = "") -> Redeem:
    return _using("hold", coupons, bill, request_id)


def redeeming(coupons: str | Take | Sequence[str | Take], bill: Bill | None = None, request_id: str = "") -> Redeem:
    return _using("redeem", coupons, bill, request_id)


def _using(mode: Any, coupons: str | Take | Sequence[str | Take], bill: Bill | None, request_id: str) -> Redeem:
    return Redeem(merchant_id=MERCHANT, request_id=request_id, mode=mode, coupons=takes(coupons), bill=bill or a_bill())


def issuing(scheme: Scheme, quantity: int = 1, member_id: int | None = None, request_id: str = "") -> Issue:
    return Issue(
        merchant_id=MERCHANT, scheme_id=scheme.id, quantity=quantity, member_id=member_id, request_id=request_id
    )


def failures(assessment: Assessment) -> list[Code]:
    """All that is wrong, in order."""
    return [verdict.code for verdict in assessment.verdicts if not verdict.ok]


def entries(desk: Desk, code: str) -> list[tuple[Entry, int, int]]:
    """(kind, held fen, captured fen) of each journal row after the issue."""
    coupon_id = desk.look_up(code).coupon.id
    rows = desk.read(lambda reader: reader.journal(coupon_id))[1:]
    return [(row.entry, row.d_held_fen, row.d_captured_fen) for row in rows]
