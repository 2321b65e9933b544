"""Sound settings of a scheme are taken to their very ends; others are refused with the name and the range."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.conftest import terms
from hexiao.domain.errors import BadRequest, Code, sentences
from hexiao.domain.money import FEN_MAX
from hexiao.domain.reasons import REASONS
from hexiao.domain.scheme import (
    Balance,
    Benefit,
    DaysFromNextDay,
    DaysFromReceipt,
    FixedDates,
    Goods,
    GoodsOff,
    MoneyOff,
    RateOff,
    RateUses,
    Shops,
    Window,
)
from hexiao.domain.soundness import check_scheme
from tongues import is_chinese, is_english

ONE_OF_EACH = (MoneyOff(1_000), RateOff(1_500), GoodsOff(up_to_fen=800), Balance(5_000), RateUses(2_000, 3))
LISTED = Goods("listed", ("milk",))

SOUND: list[tuple[dict[str, Any], Benefit]] = [
    *(({"goods": LISTED}, benefit) for benefit in ONE_OF_EACH),
    ({}, MoneyOff(1)),
    ({}, MoneyOff(FEN_MAX)),
    ({}, Balance(1)),
    ({}, Balance(FEN_MAX)),
    ({}, RateOff(1)),
    ({}, RateOff(10_000)),
    ({}, RateOff(1_500, cap_fen=1)),
    ({}, RateUses(1_500, 2, cap_fen=FEN_MAX)),
    ({}, RateUses(1_500, 10**6)),
    ({"goods": LISTED}, GoodsOff(up_to_fen=1)),
    ({"goods": LISTED}, GoodsOff(up_to_quantity=1)),
    ({"goods": LISTED}, GoodsOff(up_to_fen=FEN_MAX, up_to_quantity=10**6)),
    ({"goods": Goods("categories", ("dairy",))}, GoodsOff(up_to_quantity=1)),
    ({"goods": Goods("all_but", ("wine",))}, GoodsOff(up_to_quantity=1)),
    ({"shops": Shops("listed", ("1",))}, MoneyOff(1)),
    ({"shops": Shops("all_but", ("1", "1333333333333333333", str(2**63 - 1)))}, MoneyOff(1)),
    ({"hold_seconds": 1}, MoneyOff(1)),
    ({"hold_seconds": 7 * 86_400}, MoneyOff(1)),
    ({"reverse_within_seconds": None}, MoneyOff(1)),
    ({"reverse_within_seconds": 0}, MoneyOff(1)),
    ({"minimum_spend_fen": FEN_MAX, "budget_fen": FEN_MAX, "total": FEN_MAX, "per_member": 2**31 - 1}, MoneyOff(1)),
    ({"windows": (Window(),)}, MoneyOff(1)),
    ({"windows": (Window((1,), "22:00", "02:00"), Window((6, 7), "09:00", "24:00"))}, MoneyOff(1)),
    ({"windows": (Window(since="00:00", until="00:01"),)}, MoneyOff(1)),
    ({"validity": FixedDates(date(2026, 2, 3), date(2026, 2, 3))}, MoneyOff(1)),
    ({"validity": FixedDates(date(1971, 1, 1), date(8999, 12, 31))}, MoneyOff(1)),
    ({"validity": DaysFromReceipt(1)}, MoneyOff(1)),
    ({"validity": DaysFromNextDay(36_500)}, MoneyOff(1)),
    ({"scene": "online", "holder": "member", "shareable": True}, MoneyOff(1)),
]


@pytest.mark.parametrize(("changes", "benefit"), SOUND, ids=repr)
def test_a_sound_scheme_is_accepted(changes: dict[str, Any], benefit: Benefit) -> None:
    check_scheme(terms(**changes), benefit)


UNSOUND: list[tuple[dict[str, Any], Benefit]] = [
    *(({"goods": LISTED}, kind(amount)) for kind in (MoneyOff, Balance) for amount in (-1, 0, FEN_MAX + 1)),
    *(({}, RateOff(off)) for off in (-1, 0, 10_001)),
    *(({}, RateUses(off, 2)) for off in (-1, 0, 10_001)),
    *(({}, RateOff(1_500, cap_fen=cap)) for cap in (-1, 0, FEN_MAX + 1)),
    *(({}, RateUses(1_500, 2, cap_fen=cap)) for cap in (-1, 0, FEN_MAX + 1)),
    *(({}, RateUses(1_500, uses)) for uses in (-1, 0, 1, 10**6 + 1)),
    *(({"goods": LISTED}, GoodsOff(up_to_fen=amount)) for amount in (-1, 0, FEN_MAX + 1)),
    *(({"goods": LISTED}, GoodsOff(up_to_quantity=quantity)) for quantity in (-1, 0, 10**6 + 1)),
    ({"goods": LISTED}, GoodsOff(up_to_fen=1, up_to_quantity=0)),
    ({"goods": LISTED}, GoodsOff(up_to_fen=0, up_to_quantity=1)),
    ({"goods": LISTED}, GoodsOff()),
    ({}, GoodsOff(up_to_fen=1)),
    ({"goods": Goods("all", ("milk",))}, MoneyOff(1)),
    *(({"goods": Goods(mode)}, MoneyOff(1)) for mode in ("categories", "listed", "all_but")),
    ({"shops": Shops("all", ("1",))}, MoneyOff(1)),
    *(({"shops": Shops(mode)}, MoneyOff(1)) for mode in ("listed", "all_but")),
    *(({"shops": Shops("listed", (shop,))}, MoneyOff(1)) for shop in ("", "-1", "1.0", " 1", "A", "１", "²", "1,2")),
    *(({"shops": Shops("listed", (shop,))}, MoneyOff(1)) for shop in (str(2**63), "1" * 20, "1" * 5_000)),
    *(({"hold_seconds": seconds}, MoneyOff(1)) for seconds in (-1, 0, 7 * 86_400 + 1)),
    *(({name: -1}, MoneyOff(1)) for name in ("minimum_spend_fen", "budget_fen", "total", "per_member")),
    *(({name: FEN_MAX + 1}, MoneyOff(1)) for name in ("minimum_spend_fen", "budget_fen", "total", "per_member")),
    ({"per_member": 2**31}, MoneyOff(1)),
    *(({"reverse_within_seconds": seconds}, MoneyOff(1)) for seconds in (-1, FEN_MAX + 1)),
    *(({"windows": (Window(days),)}, MoneyOff(1)) for days in ((), (0,), (8,), (1, 9), (-1,))),
    *(({"windows": (Window(), Window(since=same, until=same))}, MoneyOff(1)) for same in ("00:00", "09:00", "24:00")),
    ({"validity": FixedDates(date(2026, 2, 4), date(2026, 2, 3))}, MoneyOff(1)),
    ({"validity": FixedDates(date(1970, 12, 31), date(2026, 2, 3))}, MoneyOff(1)),
    ({"validity": FixedDates(date(2026, 2, 4), date(9000, 1, 1))}, MoneyOff(1)),
    ({"validity": FixedDates(date.min, date.max)}, MoneyOff(1)),
    *(({"validity": DaysFromReceipt(days)}, MoneyOff(1)) for days in (-1, 0, 36_501)),
    *(({"validity": DaysFromNextDay(days)}, MoneyOff(1)) for days in (-1, 0, 36_501)),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "benefit"), UNSOUND, ids=lambda part: repr(part)[:100])
def test_an_unsound_scheme_is_refused_with_a_reason(changes: dict[str, Any], benefit: Benefit) -> None:
    with pytest.raises(BadRequest) as refused:
        check_scheme(terms(**changes), benefit)
    assert refused.value.code is Code.BAD_SCHEME
    assert refused.value.facts["reason"] in REASONS
    zh, en = sentences(Code.BAD_SCHEME, refused.value.facts)
    assert is_chinese(zh) and is_english(en) and "?" not in zh + en


@pytest.mark.parametrize(
    ("changes", "benefit", "name", "most"),
    [
        ({}, MoneyOff(FEN_MAX + 1), "amount_fen", FEN_MAX),
        ({}, RateOff(1, cap_fen=FEN_MAX + 1), "cap_fen", FEN_MAX),
        ({"goods": LISTED}, GoodsOff(up_to_fen=FEN_MAX + 1), "up_to_fen", FEN_MAX),
        ({"goods": LISTED}, GoodsOff(up_to_quantity=10**6 + 1), "up_to_quantity", 10**6),
        ({}, RateUses(1, 10**6 + 1), "uses", 10**6),
        ({"total": FEN_MAX + 1}, MoneyOff(1), "total", FEN_MAX),
        ({"per_member": 2**31}, MoneyOff(1), "per_member", 2**31 - 1),
        ({"reverse_within_seconds": -1}, MoneyOff(1), "reverse_within_seconds", FEN_MAX),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_number_out_of_range_is_named_with_its_range(
    changes: dict[str, Any], benefit: Benefit, name: str, most: int
) -> None:
    with pytest.raises(BadRequest) as refused:
        check_scheme(terms(**changes), benefit)
    told = refused.value.facts
    assert (told["reason"], told["field"], told["most"]) == ("not_within", name, most)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hold_seconds": 0}, ("not_within", "hold_seconds", 0)),
        ({"shops": Shops("listed", ("7", "A"))}, ("shops_not_ids", None, "A")),
        ({"shops": Shops("listed", ("9" * 5_000,))}, ("shops_not_ids", None, "9" * 40)),
        ({"windows": (Window(), Window(()))}, ("no_weekdays", "windows[1]", None)),
        ({"windows": (Window((7, 8)),)}, ("wrong_weekdays", "windows[0]", 8)),
        ({"windows": (Window(since="9:00"),)}, ("wrong_window", "windows[0]", "9:00")),
        ({"windows": (Window(), Window(until="25:00"))}, ("wrong_window", "windows[1]", "25:00")),
        ({"windows": (Window(), Window((1,), "9", "9"))}, ("wrong_window", "windows[1]", "9")),
        ({"windows": (Window(since="09:00", until="09:00"),)}, ("empty_window", "windows[0]", "09:00")),
        ({"windows": (Window(), Window(since="24:00"))}, ("empty_window", "windows[1]", "24:00")),
        ({"windows": (Window(since="24:00", until="02:00"),)}, ("late_window", "windows[0]", None)),
    ],
    ids=lambda part: repr(part)[:60],
)
def test_what_came_is_named_with_its_place(changes: dict[str, Any], told: tuple[Any, ...]) -> None:
    with pytest.raises(BadRequest) as refused:
        check_scheme(terms(**changes), MoneyOff(1))
    assert tuple(map(refused.value.facts.get, ("reason", "field", "got"))) == told


@pytest.mark.parametrize(
    "changes",
    [
        {"shops": Shops("listed", ())},
        {"shops": Shops("all", ("7",))},
        {"goods": Goods("all_but")},
        {"goods": Goods(values=("A",))},
    ],
)
def test_what_is_chosen_needs_a_choice_and_all_takes_none(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        check_scheme(terms(**changes), MoneyOff(1))
    told = refused.value.facts
    assert (told["reason"], [told["field"]]) == ("list_by_mode", list(changes))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"windows": (Window(since="24:00", until="00:00"),)}, id="24:00 to 00:00 is never"),
        pytest.param({"windows": (Window(since="24:00", until="02:00"),)}, id="a window cannot begin at 24:00"),
        pytest.param({"windows": (Window(since="9:00", until="17:00"),)}, id="9:00 compares above 17:00 as text"),
        pytest.param({"windows": (Window(since="morning", until="noon"),)}, id="words are no clock times"),
        pytest.param({"shops": Shops("all_but", ("007",))}, id="007 is nobody's id, so shop 7 is not left out"),
        pytest.param({"goods": Goods("categories", ("",))}, id="no category is no category"),
    ],
)
def test_a_setting_that_cannot_mean_what_it_says_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        check_scheme(terms(**changes), MoneyOff(1))
