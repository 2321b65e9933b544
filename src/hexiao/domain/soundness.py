"""Which settings of a scheme are refused from the start: those that cannot work, and those that nobody could explain.

Looks at nothing but the settings; whether the number is free or a limit may be changed is decided in the engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hexiao.domain.errors import BadRequest, Code, Fact
from hexiao.domain.money import FEN_MAX
from hexiao.domain.scheme import (
    CLOCK_TIME,
    RATE_WHOLE_BP,
    Balance,
    Benefit,
    FixedDates,
    GoodsOff,
    MoneyOff,
    RateOff,
    RateUses,
    Terms,
    Window,
)

GOT_MAX = 40
"""Characters of what came that are told; it may have come as thousands."""


def check_scheme(terms: Terms, benefit: Benefit) -> None:
    """Raises BadRequest(BAD_SCHEME) with a reason of domain.reasons and its facts."""
    for rule in (*_of_terms(terms), *_of_benefit(benefit, terms)):
        if not rule.sound:
            raise BadRequest(Code.BAD_SCHEME, reason=rule.reason, **rule.facts)


class Rule:
    """`sound`, or else refused for `reason`."""

    def __init__(self, sound: bool, reason: str, **facts: Fact) -> None:
        self.sound, self.reason, self.facts = sound, reason, facts


def within(field: str, value: int | None, least: int, most: int) -> Rule:
    return Rule(value is None or least <= value <= most, "not_within", field=field, least=least, most=most, got=value)


def _of_terms(terms: Terms) -> Iterator[Rule]:
    goods, shops, validity = terms.goods, terms.shops, terms.validity
    yield within("minimum_spend_fen", terms.minimum_spend_fen, 0, FEN_MAX)
    yield within("budget_fen", terms.budget_fen, 0, FEN_MAX)
    yield within("total", terms.total, 0, FEN_MAX)
    yield within("per_member", terms.per_member, 0, 2**31 - 1)
    yield within("reverse_within_seconds", terms.reverse_within_seconds, 0, FEN_MAX)
    yield within("hold_seconds", terms.hold_seconds, 1, 7 * 86_400)
    yield Rule((goods.mode == "all") == (not goods.values), "list_by_mode", field="goods", list="values")
    yield Rule((shops.mode == "all") == (not shops.ids), "list_by_mode", field="shops", list="ids")
    for id in shops.ids:
        yield Rule(_is_id(id), "shops_not_ids", got=id[:GOT_MAX])
    yield Rule(all(goods.values), "empty_goods")
    for place, window in enumerate(terms.windows):
        yield from _of_window(window, f"windows[{place}]")
    if isinstance(validity, FixedDates):
        yield Rule(validity.first_day <= validity.last_day, "days_reversed")
        yield Rule(validity.first_day.year > 1970 and validity.last_day.year < 9000, "days_out_of_range")
    else:
        yield within("days", validity.days, 1, 36_500)


def _of_window(window: Window, field: str) -> Iterator[Rule]:
    """`field` says which one, counting from 0 as JSON does."""
    yield Rule(bool(window.weekdays), "no_weekdays", field=field)
    for day in window.weekdays:
        yield Rule(1 <= day <= 7, "wrong_weekdays", field=field, got=day)
    for time in (window.since, window.until):
        yield Rule(re.match(CLOCK_TIME, time) is not None, "wrong_window", field=field, got=time[:GOT_MAX])
    yield Rule(window.since != window.until, "empty_window", field=field, got=window.since)
    yield Rule(window.since != "24:00", "late_window", field=field)


def _of_benefit(benefit: Benefit, terms: Terms) -> Iterator[Rule]:
    match benefit:
        case MoneyOff(amount_fen=amount) | Balance(amount_fen=amount):
            yield within("amount_fen", amount, 1, FEN_MAX)
        case RateOff(off_bp=off, cap_fen=cap) | RateUses(off_bp=off, cap_fen=cap):
            yield within("off_bp", off, 1, RATE_WHOLE_BP)
            yield within("cap_fen", cap, 1, FEN_MAX)
        case GoodsOff(up_to_fen=amount_or_none, up_to_quantity=quantity):
            yield within("up_to_fen", amount_or_none, 1, FEN_MAX)
            yield within("up_to_quantity", quantity, 1, 10**6)
            yield Rule(amount_or_none is not None or quantity is not None, "up_to_nothing")
            yield Rule(terms.goods.mode != "all", "goods_off_of_all")
    if isinstance(benefit, RateUses):
        yield within("uses", benefit.uses, 2, 10**6)


def _is_id(text: str) -> bool:
    return len(text) < 20 and text.isascii() and text.isdigit() and int(text) < 2**63 and str(int(text)) == text
