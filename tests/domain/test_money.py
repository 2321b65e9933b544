"""Money: what is an amount, how it prints, and that splitting never loses or invents a fen."""

from __future__ import annotations

import string
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.conftest import PROPERTY
from hexiao.domain.money import FEN_MAX, format_yuan, format_yuan_short, parse_yuan, split

any_text = st.text(st.characters(exclude_categories=()))
amounts = st.integers(-FEN_MAX, FEN_MAX)
weights = st.lists(st.one_of(st.integers(0, 20), st.integers(0, FEN_MAX)), min_size=1, max_size=12)


# Parse and print.


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12.30", 1230),
        ("12.3", 1230),
        ("12", 1200),
        ("0", 0),
        ("0.00", 0),
        ("0.01", 1),
        ("-0.05", -5),
        ("+1", 100),
        (".5", 50),
        ("007", 700),
        ("1.500", 150),
        ("100000000000", FEN_MAX),
        ("-100000000000.00", -FEN_MAX),
        (f"{'0' * 18}123.40", 12_340),  # 24 characters
    ],
)
def test_an_amount_in_yuan_is_read_as_whole_fen(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-",
        "abc",
        "1,000",
        "1.2.3",
        "¥1",
        "1元",
        "0x10",
        "1 2",
        "--1",
        "0.001",
        "0.005",
        "1e-3",
        "NaN",
        "sNaN",
        "NaN5",
        "Infinity",
        "-inf",
        "1e20",
        "1e9999999999999999999999",
        "100000000000.01",
        "-100000000000.01",
        "9" * 10_000,
        "1\x00",
        "\ud800",
    ],
)
def test_what_is_not_a_finite_amount_of_whole_fen_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_yuan(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1e1000000", id="an exponent beyond decimal's context raises Overflow, no ValueError"),
        pytest.param("1e-9999999", id="an exponent below decimal's context is rounded to nothing"),
        pytest.param("1." + "0" * 40 + "1", id="digits beyond the 28th are rounded away"),
        pytest.param("100000000000." + "0" * 30 + "1", id="a hair above the largest amount is rounded down to it"),
        pytest.param(f"{'0' * 19}123.40", id="more than 24 characters are no amount, whatever they say"),
        pytest.param("1_000", id="an underscore is Python's, not money's"),
    ],
)
def test_no_amount_is_rounded_or_guessed(text: str) -> None:
    with pytest.raises(ValueError):
        parse_yuan(text)


def assert_in_range_or_refused(text: str) -> None:
    try:
        fen = parse_yuan(text)
    except ValueError:
        return
    assert -FEN_MAX <= fen <= FEN_MAX


@PROPERTY
@given(any_text)
def test_any_text_is_an_amount_in_range_or_a_value_error(text: str) -> None:
    assert_in_range_or_refused(text)


@PROPERTY
@given(st.text(string.digits + "+-._ ", max_size=40))
def test_text_made_of_number_characters_is_an_amount_in_range_or_a_value_error(text: str) -> None:
    assert_in_range_or_refused(text)


@PROPERTY
@given(amounts)
@example(0)
@example(-1)
@example(FEN_MAX)
def test_what_is_printed_is_read_back(fen: int) -> None:
    assert parse_yuan(format_yuan(fen)) == fen
    assert parse_yuan(format_yuan_short(fen)) == fen


@pytest.mark.parametrize(
    ("fen", "long", "short"),
    [
        (0, "0.00", "0"),
        (5, "0.05", "0.05"),
        (-5, "-0.05", "-0.05"),
        (50, "0.50", "0.5"),
        (100, "1.00", "1"),
        (1_000, "10.00", "10"),
        (10_000, "100.00", "100"),
        (-10_000, "-100.00", "-100"),
        (1_230, "12.30", "12.3"),
        (FEN_MAX, "100000000000.00", "100000000000"),
    ],
)
def test_an_amount_prints_with_two_places_or_as_short_as_the_vendors_print_it(fen: int, long: str, short: str) -> None:
    assert format_yuan(fen) == long
    assert format_yuan_short(fen) == short


# Split.


@pytest.mark.parametrize(
    ("total", "over", "parts"),
    [
        pytest.param(0, [], [], id="nothing over nobody"),
        pytest.param(0, [0, 0], [0, 0], id="nothing over empty lines"),
        pytest.param(0, [3, 4], [0, 0], id="nothing over two lines"),
        pytest.param(7, [100], [7], id="everything on the only line"),
        pytest.param(10, [1, 1, 1], [4, 3, 3], id="equal remainders: the earlier line wins"),
        pytest.param(11, [1, 1, 1], [4, 4, 3], id="two fen over go to the first two"),
        pytest.param(1, [1, 1, 1], [1, 0, 0], id="one fen over three lines"),
        pytest.param(1, [1, 2], [0, 1], id="the larger remainder wins over the earlier line"),
        pytest.param(100, [0, 50, 0, 50], [0, 50, 0, 50], id="empty lines carry nothing"),
        pytest.param(1, [0, 0, 1], [0, 0, 1], id="even when they come first"),
        pytest.param(6, [1, 2, 3], [1, 2, 3], id="the whole weight gives every line its own"),
        pytest.param(100, [333, 333, 334], [33, 33, 34], id="a hundred over a thousand"),
        pytest.param(FEN_MAX, [FEN_MAX, FEN_MAX], [FEN_MAX // 2, FEN_MAX // 2], id="the largest amount"),
    ],
)
def test_a_total_is_split_by_largest_remainder(total: int, over: list[int], parts: list[int]) -> None:
    assert split(total, over) == parts


@pytest.mark.parametrize(
    ("total", "over"),
    [(1, []), (1, [0]), (1, [0, 0]), (-1, [1]), (1, [-1]), (1, [2, -1]), (1, [-1, 1])],
)
def test_what_nobody_can_carry_is_not_split(total: int, over: list[int]) -> None:
    with pytest.raises(ValueError):
        split(total, over)


@st.composite
def split_cases(draw: st.DrawFn) -> tuple[int, list[int]]:
    over = draw(weights)
    return draw(st.integers(0, sum(over))), over


@PROPERTY
@given(split_cases())
def test_parts_add_up_and_none_is_above_its_weight_or_a_fen_off_its_share(case: tuple[int, list[int]]) -> None:
    total, over = case
    parts = split(total, over)
    assert sum(parts) == total
    assert all(0 <= part <= weight for part, weight in zip(parts, over, strict=True))
    if total:
        shares = [Fraction(total * weight, sum(over)) for weight in over]
        assert all(abs(part - share) < 1 for part, share in zip(parts, shares, strict=True))


@PROPERTY
@given(split_cases(), st.randoms(use_true_random=False))
def test_the_order_of_lines_moves_no_part_by_more_than_a_fen(case: tuple[int, list[int]], random: Random) -> None:
    total, over = case
    order = list(range(len(over)))
    random.shuffle(order)
    straight = split(total, over)
    shuffled = split(total, [over[i] for i in order])
    assert all(abs(shuffled[place] - straight[line]) <= 1 for place, line in enumerate(order))
    remainders = [total * weight % (sum(over) or 1) for weight in over]
    if len(set(remainders)) == len(remainders):
        assert [shuffled[order.index(line)] for line in range(len(over))] == straight


@PROPERTY
@given(split_cases())
def test_a_heavier_line_never_carries_less_than_a_lighter_one(case: tuple[int, list[int]]) -> None:
    total, over = case
    parts = split(total, over)
    by_weight = sorted(zip(over, parts, strict=True))
    for (light, less), (heavy, more) in pairwise(by_weight):
        assert light == heavy or less <= more


@PROPERTY
@given(split_cases())
def test_splitting_a_part_again_over_its_parts_adds_up_too(case: tuple[int, list[int]]) -> None:
    total, over = case
    parts = split(total, over)
    half = split(total // 2, parts)
    assert sum(half) == total // 2
    assert all(again <= part for again, part in zip(half, parts, strict=True))
