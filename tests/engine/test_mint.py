"""New ids never repeat and never fall; new codes cannot be guessed and catch a slip of the finger."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hexiao.domain.coupon import check_digit
from hexiao.domain.scheme import CodeFormat
from hexiao.engine.mint import COUNTER_BITS, EPOCH_MS, NODES, Mint

NOON = 1_763_784_000_000
SHANGHAI = ZoneInfo("Asia/Shanghai")
LAST_MOMENT = EPOCH_MS + 2**41 - 1


def a_mint(node: int = 1, seed: int = 1) -> Mint:
    return Mint(node, random.Random(seed).randrange)


@given(st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=200))
@settings(deadline=None)
def test_ids_rise_whatever_the_clock_does(steps: list[int]) -> None:
    mint, now, ids = a_mint(), NOON, []
    for step in steps:
        now += step
        ids.append(mint.id(now))
    assert all(one < next_one for one, next_one in pairwise(ids))


def test_ids_rise_within_one_millisecond_beyond_the_counter() -> None:
    mint = a_mint()
    ids = [mint.id(NOON) for _ in range(3 * 2**COUNTER_BITS)]
    assert all(one < next_one for one, next_one in pairwise(ids))


def test_an_id_is_positive_and_has_at_most_63_bits_until_2089() -> None:
    for now in (0, EPOCH_MS - 1, EPOCH_MS, NOON, LAST_MOMENT):
        for node in (0, NODES - 1):
            assert 0 < a_mint(node).id(now) < 2**63


def test_a_later_id_of_another_process_is_greater() -> None:
    assert a_mint(NODES - 1).id(NOON) < a_mint(0).id(NOON + 1)


def test_processes_never_make_the_same_id() -> None:
    mints = [a_mint(node) for node in range(5)]
    ids = [mint.id(NOON) for mint in mints for _ in range(5_000)]
    assert len(set(ids)) == len(ids)


def test_the_number_of_nodes_is_bounded_and_begins_again() -> None:
    assert a_mint(NODES + 3).node == 3


def test_a_random_code_is_nineteen_random_digits_and_their_check_digit() -> None:
    asked: list[int] = []

    def randbelow(bound: int) -> int:
        asked.append(bound)
        return 7

    code = Mint(1, randbelow).code(CodeFormat.RANDOM, NOON, SHANGHAI)
    assert asked == [10**19]
    assert code == "0" * 18 + "7" + check_digit("0" * 18 + "7")


def test_a_dated_code_is_the_day_and_twelve_random_digits() -> None:
    midnight = 1_763_827_200_000
    for now, day in ((midnight - 1, "20251122"), (midnight, "20251123")):
        code = Mint(1, lambda bound: 5).code(CodeFormat.DATED, now, SHANGHAI)
        assert code == f"{day}000000000005"


def test_codes_are_spread_over_all_digits_at_every_place() -> None:
    mint = a_mint()
    codes = [mint.code(CodeFormat.RANDOM, NOON, SHANGHAI) for _ in range(2_000)]
    assert len(set(codes)) == 2_000
    for place in range(20):
        counted = Counter(code[place] for code in codes)
        assert set(counted) == set("0123456789")
        assert min(counted.values()) > 120 and max(counted.values()) < 290


@given(st.text("0123456789", min_size=19, max_size=19), st.integers(0, 19), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(digits: str, place: int, more: int) -> None:
    code = digits + check_digit(digits)
    wrong = code[:place] + str((int(code[place]) + more) % 10) + code[place + 1 :]
    assert check_digit(wrong[:19]) != wrong[19]


@given(st.text("0123456789", min_size=19, max_size=19), st.integers(0, 18))
def test_two_neighbours_that_were_swapped_are_always_noticed(digits: str, place: int) -> None:
    code = digits + check_digit(digits)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (check_digit(swapped[:19]) == swapped[19]) == (swapped == code)
