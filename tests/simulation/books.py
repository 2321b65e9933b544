"""The oracle's books: which schemes, coupons and uses there are, and what they add up to.

No balance is stored: what a coupon holds is added up from its uses each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace as Plain
from typing import Any

from hexiao.domain.errors import Code
from hexiao.domain.redemption import State
from simulation.arithmetic import faces, period

Told = dict[str, Any]
Fresh = Callable[[], Iterator[Any]]
"""Begins to yield the ids and codes that the engine made up."""
HELD, CAPTURED, RELEASED, LAPSED, REVERSED = State.HELD, State.CAPTURED, State.RELEASED, State.LAPSED, State.REVERSED
NEXT = {HELD: ["capture", "release"], CAPTURED: ["reverse"]}
CLOSED = {
    HELD: Code.STILL_HELD,
    CAPTURED: Code.ALREADY_CAPTURED,
    RELEASED: Code.ALREADY_RELEASED,
    LAPSED: Code.HOLD_LAPSED,
    REVERSED: Code.ALREADY_REVERSED,
}


class No(Exception):
    def __init__(self, code: Code, /, **facts: Any) -> None:
        self.told: Told = {"no": code, "facts": facts, "verdicts": [], "use": None}


class Books:
    def __init__(self, merchants: set[int], shops: set[int], members: set[int], goods: dict[str, str]) -> None:
        self.merchants, self.shops, self.members, self.goods = merchants, shops, members, goods
        self.schemes: dict[int, Plain] = {}  # number, versions [(terms, benefit)], paused
        self.coupons: dict[str, Plain] = {}  # by code
        self.uses: dict[int, Plain] = {}  # by redemption id
        self.requests: dict[str, tuple[str, Told]] = {}

    def scheme(self, scheme_id: int) -> Plain:
        if scheme_id not in self.schemes:
            raise No(Code.UNKNOWN_SCHEME)
        return self.schemes[scheme_id]

    def coupon(self, code: str, now: int) -> Plain:
        if code not in self.coupons:
            raise No(Code.UNKNOWN_COUPON)
        for use in self.uses.values():
            if use.code == code and self.overdue(use, now):
                self.settle(use, LAPSED)
        return self.coupons[code]

    def make(self, scheme_id: int, new: list[tuple[str, int | None, int, int | None]]) -> Told:
        terms, benefit = self.scheme(scheme_id).versions[-1]
        face, times = faces(benefit)
        for code, member_id, at, own_face in new:
            self.coupons[code] = Plain(
                code=code, scheme_id=scheme_id, terms=terms, benefit=benefit, member_id=member_id,
                face=own_face or face, times=times, valid=period(terms.validity, at), voided=False, rows=1,
            )  # fmt: skip
        return {"coupons": [self.balance(code) for code, *_ in new]}

    def use(self, use_id: int, wanted: State | None, now: int, amount: int | None = None) -> Plain:
        if amount is not None and amount < 1:
            raise No(Code.MALFORMED_REQUEST)
        if use_id not in self.uses:
            raise No(Code.UNKNOWN_REDEMPTION)
        use = self.uses[use_id]
        if self.overdue(use, now):
            self.settle(use, LAPSED)
        if wanted not in (None, use.state):
            raise No(CLOSED[use.state])
        return use

    def overdue(self, use: Plain, now: int) -> bool:
        return use.state is HELD and now >= use.until

    def too_late(self, use: Plain, now: int) -> bool:
        """Whether a capture can no longer be reversed."""
        window = self.coupons[use.code].terms.reverse_within_seconds
        return use.state is CAPTURED and window is not None and now >= use.captured_at + window * 1000

    def take(self, use: Plain, amount: int, now: int) -> Told:
        use.captured, use.captured_at = amount, now
        return self.settle(use, CAPTURED, now)

    def settle(self, use: Plain, state: State, now: int = 0) -> Told:
        use.state = state
        self.coupons[use.code].rows += 1
        return {"uses": [self.view(use, now)]}

    def kept(self, use: Plain) -> list[int]:
        """What it still takes off each line."""
        return [off - back for off, back in zip(use.lines, use.returned, strict=True)]

    def sweep(self, now: int) -> int:
        return len([self.settle(use, LAPSED) for use in self.uses.values() if self.overdue(use, now)])

    def coupons_of(self, scheme_id: int) -> list[Plain]:
        return [coupon for coupon in self.coupons.values() if coupon.scheme_id == scheme_id]

    def sums(self, coupon: Plain, but: Plain | None = None) -> tuple[int, int, int, int]:
        """(captured fen, captured times, held fen, held times), without the hold `but`."""
        taken = [use for use in self.uses.values() if use.code == coupon.code and use.state is CAPTURED]
        held = [u for u in self.uses.values() if u.code == coupon.code and u.state is HELD and u is not but]
        return sum(sum(self.kept(use)) for use in taken), len(taken), sum(use.held for use in held), len(held)

    def counts(self, scheme_id: int) -> tuple[int, int, int, int]:
        """(issued, captured times, held fen, captured fen)"""
        mine = [self.sums(coupon) for coupon in self.coupons_of(scheme_id)]
        return len(mine), sum(one[1] for one in mine), sum(one[2] for one in mine), sum(one[0] for one in mine)

    def balance(self, code: str) -> Told:
        coupon, (taken, times, held, held_times) = self.coupons[code], self.sums(self.coupons[code])
        limits = {"face": coupon.face, "times": coupon.times, "valid": coupon.valid, "member": coupon.member_id}
        sums = {"fen": (held, taken), "uses": (held_times, times), "voided": coupon.voided, "rows": coupon.rows}
        return {"code": code} | limits | sums

    def view(self, use: Plain, now: int) -> Told:
        coupon, (taken, times, _, _) = self.coupons[use.code], self.sums(self.coupons[use.code])
        left = None if coupon.face is None else 0 if times == coupon.times else coupon.face - taken
        left_times = None if coupon.times is None else coupon.times - times
        amounts = {"fen": (use.held, use.captured, sum(use.returned)), "lines": use.lines, "returned": use.returned}
        moves = [] if self.overdue(use, now) or self.too_late(use, now) else NEXT.get(use.state, [])
        return {"id": use.id, "code": use.code, "state": use.state, "next": moves, "left": (left, left_times)} | amounts
