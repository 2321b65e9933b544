"""Coupons: what is left of one, what a person sees on it, and how its code is read however it was typed."""

from __future__ import annotations

import string
import unicodedata
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.conftest import NOW, PROPERTY, SINCE, UNTIL, a_coupon
from hexiao.domain.coupon import Channel, Coupon, Face, check_digit, normalise_code
from hexiao.domain.scheme import Balance, Benefit, GoodsOff, MoneyOff, RateOff, RateUses

TEN, FIFTY, RATE, THRICE = MoneyOff(1_000), Balance(5_000), RateOff(1_500), RateUses(1_500, 3)

HELD_TEN = {"held_fen": 1_000, "held_uses": 1}
USED_TEN = {"captured_fen": 1_000, "captured_uses": 1}


# What is left.


@pytest.mark.parametrize(
    ("benefit", "changes", "free_fen", "free_uses", "left_fen", "used_up", "all_held"),
    [
        pytest.param(TEN, {}, 1_000, 1, 1_000, False, False, id="ten off: new"),
        pytest.param(TEN, HELD_TEN, 0, 0, 1_000, False, True, id="ten off: held"),
        pytest.param(TEN, {"held_fen": 300, "held_uses": 1}, 700, 0, 1_000, False, True, id="ten off: held for three"),
        pytest.param(TEN, USED_TEN, 0, 0, 0, True, False, id="ten off: used"),
        pytest.param(
            TEN, {"captured_fen": 300, "captured_uses": 1}, 700, 0, 0, True, False,
            id="ten off: used for three, and nothing is left",
        ),
        pytest.param(
            TEN, {"captured_fen": 0, "captured_uses": 1}, 1_000, 0, 0, True, False, id="ten off: only the use is kept"
        ),
        pytest.param(FIFTY, {}, 5_000, None, 5_000, False, False, id="balance: new"),
        pytest.param(
            FIFTY, {"held_fen": 2_000, "held_uses": 1}, 3_000, None, 5_000, False, False, id="balance: held in part"
        ),
        pytest.param(FIFTY, {"held_fen": 5_000, "held_uses": 2}, 0, None, 5_000, False, True, id="balance: all held"),
        pytest.param(
            FIFTY, {"captured_fen": 4_000, "captured_uses": 3, "held_fen": 1_000, "held_uses": 1},
            0, None, 1_000, False, True, id="balance: used in part, the rest held",
        ),
        pytest.param(
            FIFTY, {"captured_fen": 4_999, "captured_uses": 9}, 1, None, 1, False, False, id="balance: one fen left"
        ),
        pytest.param(FIFTY, {"captured_fen": 5_000, "captured_uses": 1}, 0, None, 0, True, False, id="balance: gone"),
        pytest.param(RATE, {}, None, 1, None, False, False, id="rate: new"),
        pytest.param(RATE, {"held_fen": 150, "held_uses": 1}, None, 0, None, False, True, id="rate: held"),
        pytest.param(RATE, {"captured_fen": 150, "captured_uses": 1}, None, 0, None, True, False, id="rate: used"),
        pytest.param(THRICE, {"captured_uses": 1, "held_uses": 1}, None, 1, None, False, False, id="uses: one free"),
        pytest.param(THRICE, {"captured_uses": 1, "held_uses": 2}, None, 0, None, False, True, id="uses: two held"),
        pytest.param(THRICE, {"captured_uses": 3}, None, 0, None, True, False, id="uses: all used"),
    ],
)  # fmt: skip
def test_what_is_left_follows_from_what_is_held_and_captured(
    benefit: Benefit,
    changes: dict[str, int],
    free_fen: int | None,
    free_uses: int | None,
    left_fen: int | None,
    used_up: bool,
    all_held: bool,
) -> None:
    coupon = a_coupon(benefit, **changes)
    assert (coupon.free_fen, coupon.free_uses, coupon.left_fen) == (free_fen, free_uses, left_fen)
    assert (coupon.used_up, coupon.all_held) == (used_up, all_held)


@st.composite
def coupons(draw: st.DrawFn) -> Coupon:
    """Any coupon that the journal's sums could lead to."""
    benefits: list[Benefit] = [TEN, FIFTY, RATE, THRICE, GoodsOff(up_to_fen=800), GoodsOff(up_to_quantity=1)]
    coupon = a_coupon(draw(st.sampled_from(benefits)))
    uses = coupon.uses_max if coupon.uses_max is not None else 5
    coupon.captured_uses = draw(st.integers(0, uses))
    coupon.held_uses = draw(st.integers(0, uses - coupon.captured_uses))
    value = coupon.face_fen if coupon.face_fen is not None else 10_000
    coupon.captured_fen = draw(st.integers(0, value)) if coupon.captured_uses else 0
    coupon.held_fen = draw(st.integers(0, value - coupon.captured_fen)) if coupon.held_uses else 0
    coupon.voided_at = draw(st.sampled_from([None, NOW]))
    return coupon


@PROPERTY
@given(coupons())
def test_nothing_left_or_free_is_ever_negative(coupon: Coupon) -> None:
    assert all(part is None or part >= 0 for part in (coupon.free_fen, coupon.free_uses, coupon.left_fen))
    assert (coupon.left_fen is None) == (coupon.free_fen is None)
    assert coupon.left_fen in (None, 0) or not coupon.used_up


@PROPERTY
@given(coupons(), st.sampled_from([SINCE - 1, SINCE, NOW, UNTIL - 1, UNTIL]))
def test_a_coupon_shows_usable_only_when_something_is_free_now(coupon: Coupon, now: int) -> None:
    face = coupon.face(now)
    assert not (coupon.used_up and coupon.all_held)
    free = coupon.voided_at is None and coupon.free_fen != 0 and coupon.free_uses != 0
    assert (face is Face.USABLE) == (free and SINCE <= now < UNTIL)


def test_channels_keep_the_numbers_that_the_vendor_gave_them() -> None:
    assert [(channel.name, channel.value) for channel in Channel] == [("CLAIM", 0), ("GIFT", 1), ("CARD", 2)]


# What a person sees.


@pytest.mark.parametrize(
    ("changes", "now", "face"),
    [
        pytest.param({}, SINCE - 1, Face.PENDING, id="a millisecond before its first day"),
        pytest.param({}, SINCE, Face.USABLE, id="as its first day begins"),
        pytest.param({}, UNTIL - 1, Face.USABLE, id="in the last millisecond of its last day"),
        pytest.param({}, UNTIL, Face.EXPIRED, id="as its last day ends"),
        pytest.param(HELD_TEN, NOW, Face.HELD, id="held"),
        pytest.param(HELD_TEN, UNTIL, Face.HELD, id="held in time, and its end has passed"),
        pytest.param(USED_TEN, NOW, Face.USED, id="used"),
        pytest.param(USED_TEN, UNTIL, Face.USED, id="used, and its end has passed"),
        pytest.param({"voided_at": NOW}, NOW, Face.VOIDED, id="voided"),
        pytest.param({"voided_at": NOW}, UNTIL, Face.VOIDED, id="voided, and its end has passed"),
        pytest.param({"voided_at": NOW, **USED_TEN}, NOW, Face.VOIDED, id="voided after it was used"),
    ],
)
def test_a_coupon_shows_one_face(changes: dict[str, Any], now: int, face: Face) -> None:
    assert a_coupon(**changes).face(now) is face


def test_a_balance_held_in_part_is_still_usable() -> None:
    assert a_coupon(FIFTY, held_fen=4_999, held_uses=1).face(NOW) is Face.USABLE
    assert a_coupon(FIFTY, held_fen=5_000, held_uses=1).face(NOW) is Face.HELD


# Its code, as it was typed.

CODE = "12345678901234567890"
PAUSES = "".join(
    chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) in ("Pd", "Cc", "Cf", "Zs")
)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (CODE, CODE),
        (f"  {CODE}\r\n", CODE),
        ("1234 5678 9012 3456 7890", CODE),
        ("1234-5678-9012-3456-7890", CODE),
        ("１２３４５６７８９０１２３４５６７８９０", CODE),
        ("１２３４　５６７８　９０１２－３４５６－７８９０", CODE),
        ("\ufeff1234567890\u200b1234567890\x00", CODE),
        ("\x1d12345678901234567890\x04", CODE),
        ("\u202a12345678901234567890\u202c", CODE),
        ("1234567890\u00ad1234567890", CODE),
        ("\ud80012345678901234567890\udfff", CODE),
        ("ab-cd ef", "ABCDEF"),
        ("ａｂｃ", "ABC"),
        ("ⓐ①", "A1"),
        ("straße", "STRASSE"),
        ("新年券-01", "新年券01"),
        ("a_b.c/d", "A_B.C/D"),
        ("", ""),
        (" - ", ""),
    ],
    ids=ascii,
)
def test_a_typed_code_becomes_the_stored_form(typed: str, code: str) -> None:
    assert normalise_code(typed) == code


def test_every_dash_space_and_control_character_is_left_out() -> None:
    kept = [ascii(pause) for pause in PAUSES if normalise_code(f"12{pause}34") != "1234"]
    assert kept == []


@pytest.mark.parametrize("dash", ["\u2212", "\u207b", "\u208b", "\u2053"], ids=unicodedata.name)
def test_a_dash_that_unicode_does_not_call_punctuation_is_left_out(dash: str) -> None:
    assert normalise_code(f"12{dash}34") == "1234"


@PROPERTY
@given(st.text(string.printable + "１２ａＢ－　①é" + PAUSES))
def test_what_a_till_can_type_or_scan_is_brought_to_its_stored_form_in_one_step(typed: str) -> None:
    code = normalise_code(typed)
    assert normalise_code(code) == code
    assert code == code.upper()
    assert not set(code) & set(PAUSES)


any_text = st.text(st.characters(exclude_categories=()))


@PROPERTY
@given(any_text)
def test_any_text_has_a_stored_form_and_it_can_be_stored(typed: str) -> None:
    normalise_code(typed).encode("utf-8")


@PROPERTY
@given(any_text)
@example("e\u200d\u0301")  # the joiner is taken out after the accent could have been put on
@example("\u1f80")  # its upper case is two characters, and one of them folds again
def test_the_stored_form_of_any_text_is_its_own_stored_form(typed: str) -> None:
    code = normalise_code(typed)
    assert normalise_code(code) == code


@PROPERTY
@given(st.text(string.ascii_letters + string.digits, min_size=1), st.randoms(use_true_random=False))
def test_pauses_and_case_make_no_difference(code: str, random: Random) -> None:
    typed = "".join(random.choice((c.upper(), c.lower())) + random.choice(("", "-", " ", "\u2009", "\t")) for c in code)
    assert normalise_code(typed) == normalise_code(code) == code.upper()


# Its check digit.


@pytest.mark.parametrize(("digits", "digit"), [("", "0"), ("0", "0"), ("572", "4"), ("43881234567", "9")])
def test_the_check_digit_is_damms(digits: str, digit: str) -> None:
    assert check_digit(digits) == digit


NUMBERS = [f"{Random(seed).randrange(10**19):019d}" for seed in range(100)]
WHOLE = [digits + check_digit(digits) for digits in NUMBERS]


def test_a_whole_number_checks_to_zero() -> None:
    assert {check_digit(whole) for whole in WHOLE} == {"0"}


def test_every_single_wrong_digit_is_noticed() -> None:
    for whole in WHOLE:
        for place, right in enumerate(whole):
            for wrong in set(string.digits) - {right}:
                assert check_digit(whole[:place] + wrong + whole[place + 1 :]) != "0"


def test_every_swap_of_neighbours_is_noticed() -> None:
    for whole in WHOLE:
        for place, (left, right) in enumerate(pairwise(whole)):
            if left != right:
                assert check_digit(whole[:place] + right + left + whole[place + 2 :]) != "0"


@pytest.mark.parametrize("digits", ["12a4", "12 4", "1-2", "１²"])
def test_what_is_not_made_of_digits_has_no_check_digit(digits: str) -> None:
    with pytest.raises(ValueError):
        check_digit(digits)
