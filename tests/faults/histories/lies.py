"""Lies to be planted into histories that are in order: each changes one thing that somebody was told, or the journal.

A lie is made to look like the truth: it is put in the words of another answer of the same history, where there is one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from faults.histories.coupon import Operation, Told
from faults.histories.recorder import History

Lie = Callable[[History, random.Random], History]


def a_success_told_as_a_refusal(true: History, rng: random.Random) -> History:
    one = rng.choice([one for one in true.operations if one.done and one.changes])
    others = [other.told for other in _alike(one, true) if not other.done]
    return _told(true, one, rng.choice(others) if others else ("no", "coupon_used_up", None, None))


def a_refusal_told_as_a_success(true: History, rng: random.Random) -> History:
    """With the answer of another, but for what must be its own: the redemption and the amount."""
    refused = [one for one in true.operations if one.told and not one.done]
    one = rng.choice([one for one in refused if any(other.done for other in _alike(one, true))])
    told = rng.choice([other.told for other in _alike(one, true) if other.told and other.done])
    return _told(true, one, ("use", one.use or f"{rng.randrange(10**18)}", *told[2:]))


def a_balance_off_by_one(true: History, rng: random.Random) -> History:
    one = rng.choice([one for one in true.operations if one.done])
    assert one.told is not None
    at = rng.choice([at for at, thing in enumerate(one.told) if isinstance(thing, int)])
    wrong = one.told[at] + rng.choice((-1, 1))
    return _told(true, one, (*one.told[:at], wrong, *one.told[at + 1 :]))


def two_answers_swapped(true: History, rng: random.Random) -> History:
    one = rng.choice([one for one in true.operations if one.told and any(_others(one, true))])
    other = rng.choice(_others(one, true))
    assert one.told is not None and other.told is not None
    return _told(_told(true, one, other.told), other, one.told)


def a_balance_of_yesterday(true: History, rng: random.Random) -> History:
    """What an earlier read had told, long enough ago."""
    pairs = [
        (one, other)
        for one in true.operations
        for other in _others(one, true)
        if one.kind == "look_up" and other.returned < one.called
    ]
    one, other = rng.choice(pairs)
    assert other.told is not None
    return _told(true, one, other.told)


def an_entry_removed(true: History, rng: random.Random) -> History:
    gone = rng.choice(true.entries)
    return true._replace(entries=[one for one in true.entries if one is not gone])


LIES: tuple[Lie, ...] = (
    a_success_told_as_a_refusal,
    a_refusal_told_as_a_success,
    a_balance_off_by_one,
    two_answers_swapped,
    a_balance_of_yesterday,
    an_entry_removed,
)


def _alike(one: Operation, history: History) -> list[Operation]:
    """The others of the same kind that were answered."""
    return [other for other in history.operations if other.kind == one.kind and other.told and other is not one]


def _others(one: Operation, history: History) -> list[Operation]:
    return [other for other in _alike(one, history) if other.told != one.told]


def _told(history: History, one: Operation, told: Told | None) -> History:
    return history._replace(operations=_replaced(history.operations, one, told))


def _replaced(operations: Sequence[Operation], one: Operation, told: Told | None) -> list[Operation]:
    return [other._replace(told=told) if other.key == one.key else other for other in operations]
