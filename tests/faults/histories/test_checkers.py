"""The two checkers on histories made by hand: what is right passes, and each kind of wrong is named."""

from __future__ import annotations

import time
from math import inf
from typing import Any

import pytest

from faults.histories.coupon import Operation
from faults.histories.ledger_order import Entry, ledger_faults
from faults.histories.linearizable import order_faults

FACE = 100


def asked(
    key: str, kind: str, called: int, returned: float, told: Any, amount: int | None = None, use: str = ""
) -> Any:
    return Operation(key, kind, use, amount, called, returned, told)


def captured(use: str, fen: int, left: int, returned: int = 0) -> Any:
    return "use", use, "captured", fen, fen, returned, left


def no(code: str, fen: int | None = None, use: Any = None) -> Any:
    return "no", code, fen, use


A = asked("a", "redeem", 0, 10, captured("u1", 60, 40), 60)
B = asked("b", "redeem", 5, 15, no("amount_too_large", 40), 50)
C = asked("c", "redeem", 20, 30, captured("u2", 40, 0), 40)
D = asked("d", "look_up", 40, 50, ("coupon", 0, 100, 0, 2))
E = asked("e", "reverse", 60, 70, ("use", "u1", "captured", 60, 60, 10, 10), 10, "u1")
HISTORY = [A, B, C, D, E]
JOURNAL = [
    Entry(2, "a", "capture", "u1", 0, 60, 0, 1, 0, 60),
    Entry(3, "c", "capture", "u2", 0, 40, 0, 1, 0, 100),
    Entry(4, "e", "reverse", "u1", 0, -10, 0, 0, 0, 90),
]


def changed(one: Operation, **changes: Any) -> list[Operation]:
    return [other._replace(**changes) if other is one else other for other in HISTORY]


def test_a_history_that_is_in_order_passes_both() -> None:
    assert ledger_faults(FACE, HISTORY, JOURNAL) == []
    assert order_faults(FACE, HISTORY) == []


def test_the_journal_may_be_read_in_any_order() -> None:
    assert ledger_faults(FACE, HISTORY, JOURNAL[::-1]) == []


@pytest.mark.parametrize(
    "journal",
    [
        JOURNAL[:2],
        [JOURNAL[0], JOURNAL[2]],
        [*JOURNAL, JOURNAL[2]._replace(seq=5)],
        [*JOURNAL, Entry(5, "stranger", "capture", "u9", 0, 1, 0, 1, 0, 91)],
        [*JOURNAL, Entry(5, "b", "capture", "u9", 0, 10, 0, 1, 0, 100)],
        [JOURNAL[0]._replace(d_captured=59), *JOURNAL[1:]],
        [JOURNAL[0]._replace(captured_after=61), *JOURNAL[1:]],
        [JOURNAL[0]._replace(use="u2"), *JOURNAL[1:]],
        [JOURNAL[0]._replace(entry="hold"), *JOURNAL[1:]],
        [JOURNAL[1]._replace(seq=2), JOURNAL[0]._replace(seq=3), JOURNAL[2]],
    ],
    ids=[
        "last_removed", "one_removed", "one_twice", "a_strangers", "of_a_refusal",
        "other_amount", "other_balance", "other_redemption", "other_kind", "swapped",
    ],
)  # fmt: skip
def test_a_journal_that_does_not_fit_is_found(journal: list[Entry]) -> None:
    assert ledger_faults(FACE, HISTORY, journal) != []


def test_an_order_that_time_forbids_is_found_by_both() -> None:
    """Only the later one fits behind the earlier one, and it had returned before."""
    late = [A._replace(called=100, returned=110), B, C._replace(told=captured("u2", 40, 0)), D, E]
    assert any("had returned" in fault for fault in ledger_faults(FACE, late, JOURNAL))
    assert order_faults(FACE, late) != []


@pytest.mark.parametrize(
    "history",
    [
        changed(B, told=no("amount_too_large", 41)),
        changed(B, told=no("coupon_used_up")),
        changed(D, told=("coupon", 0, 99, 0, 2)),
        changed(D, told=("coupon", 0, 60, 0, 1)),
        changed(D, called=31, returned=32, told=("coupon", 0, 60, 0, 1)),
    ],
    ids=["refused_with_a_wrong_balance", "refused_for_a_wrong_reason", "misread", "stale", "just_stale"],
)
def test_what_leaves_no_entry_is_judged_by_the_search_alone(history: list[Operation]) -> None:
    assert ledger_faults(FACE, history, JOURNAL) == []
    assert order_faults(FACE, history) != []


def test_two_that_overlap_may_stand_in_either_order() -> None:
    before, after = ("coupon", 0, 0, 0, 0), ("coupon", 0, 60, 0, 1)
    for told in (before, after):
        assert order_faults(FACE, [A, asked("r", "look_up", 5, 15, told)]) == []
    reads = [asked("r1", "look_up", 1, 2, after), asked("r2", "look_up", 3, 4, before)]
    assert order_faults(FACE, [A, *reads]) != [], "what was seen once is not unseen"


def test_what_was_never_answered_may_happen_late_or_not_at_all() -> None:
    lost = asked("x", "redeem", 0, inf, None, 30)
    seen, unseen = ("coupon", 0, 30, 0, 1), ("coupon", 0, 0, 0, 0)
    reads = [asked("r1", "look_up", 10, 20, unseen), asked("r2", "look_up", 30, 40, seen)]
    assert order_faults(FACE, [lost, *reads]) == []
    assert order_faults(FACE, [lost, reads[0]]) == []
    backwards = [reads[0]._replace(told=seen), reads[1]._replace(told=unseen)]
    assert order_faults(FACE, [lost, *backwards]) != []
    assert ledger_faults(FACE, [lost, *reads], []) == []
    assert ledger_faults(FACE, [lost, *reads], [Entry(2, "x", "capture", "u1", 0, 30, 0, 1, 0, 30)]) == []


def test_a_read_that_was_never_answered_says_nothing() -> None:
    assert order_faults(FACE, [*HISTORY, asked("x", "look_up", 0, inf, None)]) == []


def test_eight_that_all_overlap_are_searched_in_no_time() -> None:
    """The worst case: nothing but the balances tells in which order they came, and the last answer is wrong."""
    told = [captured(f"u{at}", 2**at, FACE - 2 ** (at + 1) + 1) for at in range(6)]
    at_once = [asked(f"k{at}", "redeem", at, 100, told[at], 2**at) for at in reversed(range(6))]
    lost = [asked(f"x{at}", "redeem", at, inf, None, 1) for at in range(8)]
    assert order_faults(FACE, at_once) == []
    began = time.monotonic()
    assert order_faults(FACE, [*at_once, *lost, asked("r", "look_up", 200, 210, ("coupon", 0, 99, 0, 9))]) != []
    assert time.monotonic() - began < 10


def test_without_an_amount_all_that_is_free_is_taken() -> None:
    rest = asked("c", "redeem", 20, 30, captured("u2", 40, 0))
    assert order_faults(FACE, [A, rest, asked("x", "hold", 40, 50, no("coupon_used_up"))]) == []
    held = asked("c", "hold", 20, 30, ("use", "u2", "held", 40, 0, 0, 40))
    assert order_faults(FACE, [A, held, asked("x", "hold", 40, 50, no("held_elsewhere"))]) == []
    assert order_faults(FACE, [A, held, asked("x", "hold", 40, 50, no("coupon_used_up"))]) != []
