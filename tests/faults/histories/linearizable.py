"""The search of Wing and Gong, with Lowe's memory: can what was told be put into one order that time allows?

Asks nothing of the journal but which of the unknown were carried out, so it judges what leaves no entry too: refusals
and reads. Exponential at worst: keep it to 8 clients and 200 operations on one coupon.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf
from typing import NamedTuple

from faults.histories.coupon import Coupon, Operation, Told, step

SEEN_MAX = 1_000_000
"""More than that is not worth waiting for; one in order has seen some hundreds."""


class Choice(NamedTuple):
    """One operation put next, and where the search stood before."""

    at: int
    coupon: Coupon
    earliest_return: float
    forced: bool


class Waiting:
    """The operations that are not put in order yet, by the time of their call; a linked list, so that both are O(1)."""

    def __init__(self, count: int) -> None:
        self.head = count
        self._next: list[int] = [*range(1, count + 1), 0]
        self._last = [count, *range(count)]

    def after(self, at: int) -> int:
        return self._next[at]

    def take(self, at: int) -> None:
        self._next[self._last[at]], self._last[self._next[at]] = self._next[at], self._last[at]

    def put_back(self, at: int) -> None:
        self._next[self._last[at]] = self._last[self._next[at]] = at


def order_faults(face: int, operations: Sequence[Operation], carried_out: Collection[str] | None = None) -> list[str]:
    """Nothing when there is such an order; else where the search got furthest.

    A change that was not answered may be put anywhere later; also nowhere, when nobody says which were `carried_out`.
    """
    known = carried_out is not None
    unanswered = {one.key for one in operations if one.changes and (carried_out is None or one.key in carried_out)}
    asked = sorted((one for one in operations if one.told or one.key in unanswered), key=lambda one: one.called)
    needed = sum(1 << at for at, one in enumerate(asked) if one.told or known)
    waiting, chosen, seen = Waiting(len(asked)), list[Choice](), set[tuple[int, tuple[int, ...]]]()
    coupon, done, earliest_return = Coupon(face, {}), 0, inf
    furthest, stuck = -1, ""
    at = waiting.after(waiting.head)
    while done & needed != needed:
        if at != waiting.head and asked[at].called <= earliest_return:
            one = asked[at]
            after, told = step(coupon, one, str(one.told[1]) if one.told and one.done else one.key)
            memory = done | 1 << at, after.numbers  # what each redemption has become follows from these two
            if _fits(one, told) and memory not in seen:
                seen.add(memory)
                assert len(seen) < SEEN_MAX, "too much was not answered, or asked at the same time, to be decided"
                # What fits and changes nothing may as well stand here: no order needs it later.
                chosen.append(Choice(at, coupon, earliest_return, forced=after is coupon))
                waiting.take(at)
                coupon, done, earliest_return = after, memory[0], inf
                at = waiting.after(waiting.head)
                continue
            earliest_return = min(earliest_return, one.returned)
            at = waiting.after(at)
            continue
        if len(chosen) > furthest:
            furthest, stuck = len(chosen), _where(asked, done, coupon)
        while True:  # back to the last choice that was one
            if not chosen:
                return [stuck]
            last = chosen.pop()
            waiting.put_back(last.at)
            coupon, done = last.coupon, done & ~(1 << last.at)
            if not last.forced:
                break
        earliest_return = min(last.earliest_return, asked[last.at].returned)
        at = waiting.after(last.at)
    return []


def _fits(one: Operation, told: Told) -> bool:
    """An unknown change is only put in order when it was carried out; if it was not, it is as if never asked."""
    return told == one.told if one.told else told[0] != "no"


def _where(asked: Sequence[Operation], done: int, coupon: Coupon) -> str:
    left = [one for at, one in enumerate(asked) if not done >> at & 1 and one.told]
    deadline = min((one.returned for one in left), default=inf)
    open_ones = [f"{one.key} {one.kind} {one.use} {one.amount} → {one.told}" for one in left if one.called <= deadline]
    return f"no order of what was told: after {done.bit_count()} operations, at {coupon.numbers}, none of {open_ones}"
