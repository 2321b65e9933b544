"""Which settings of a scheme are refused from the start: those that cannot work, and those that nobody could explain.

Looks at nothing but the settings; whether the number is free or a limit may be changed is decided in the engine.
"""

from __future__ import annotations

import re

from hexiao.domain.errors import BadRequest, Code
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
)


def check_scheme(terms: Terms, benefit: Benefit) -> None:
    """Raises BadRequest(BAD_SCHEME) with the reason: the name of the setting, and what it must be."""
    for sound, reason in _soundness(terms, benefit):
        if not sound:
            raise BadRequest(Code.BAD_SCHEME, reason=reason)


def _soundness(terms: Terms, benefit: Benefit) -> list[tuple[bool, str]]:
    goods, shops, validity = terms.goods, terms.shops, terms.validity
    rules = [
        *((0 <= limit <= most, f"{name} must be 0 to {most}") for name, limit, most in _limits(terms)),
        ((goods.mode == "all") == (not goods.values), "goods: `all` takes no `values`, any other mode needs some"),
        ((shops.mode == "all") == (not shops.ids), "shops: `all` takes no `ids`, any other mode needs some"),
        (
            all(len(i) < 20 and i.isascii() and i.isdigit() and int(i) < 2**63 and str(int(i)) == i for i in shops.ids),
            "shops: ids are decimal strings",
        ),
        (1 <= terms.hold_seconds <= 7 * 86400, "hold_seconds must be 1 to 604800"),
        (all(w.weekdays and set(w.weekdays) <= set(range(1, 8)) for w in terms.windows), "weekdays are 1 to 7"),
        (all(w.since != w.until for w in terms.windows), "a window must not be empty"),
        (
            all(re.match(CLOCK_TIME, t) for w in terms.windows for t in (w.since, w.until)),
            "since and until are times HH:MM",
        ),
        (all(w.since != "24:00" for w in terms.windows), "a window cannot begin at 24:00"),
        (all(goods.values), "goods: a value must not be empty"),
    ]
    if isinstance(validity, FixedDates):
        rules.append((validity.first_day <= validity.last_day, "last_day lies before first_day"))
        rules.append((validity.first_day.year > 1970 and validity.last_day.year < 9000, "the dates are out of range"))
    else:
        rules.append((1 <= validity.days <= 36500, "days must be 1 to 36500"))
    match benefit:
        case MoneyOff(amount_fen=amount) | Balance(amount_fen=amount):
            rules.append((0 < amount <= FEN_MAX, f"amount_fen must be 1 to {FEN_MAX}"))
        case RateOff(off_bp=off, cap_fen=cap) | RateUses(off_bp=off, cap_fen=cap):
            rules.append((0 < off <= RATE_WHOLE_BP, "off_bp must be 1 to 10000"))
            rules.append((cap is None or 0 < cap <= FEN_MAX, f"cap_fen must be 1 to {FEN_MAX}"))
        case GoodsOff(up_to_fen=amount_or_none, up_to_quantity=quantity):
            rules.append((amount_or_none is None or 0 < amount_or_none <= FEN_MAX, f"up_to_fen must be 1 to {FEN_MAX}"))
            rules.append((quantity is None or 0 < quantity <= 10**6, "up_to_quantity must be 1 to 1000000"))
            rules.append((amount_or_none is not None or quantity is not None, "give up_to_fen or up_to_quantity"))
            rules.append((goods.mode != "all", "goods_off needs goods: categories, listed or all_but"))
    if isinstance(benefit, RateUses):
        rules.append((2 <= benefit.uses <= 10**6, "uses must be 2 to 1000000"))
    return rules


def _limits(terms: Terms) -> list[tuple[str, int, int]]:
    """(name, what it is, the most it may be)"""
    return [
        ("minimum_spend_fen", terms.minimum_spend_fen, FEN_MAX),
        ("budget_fen", terms.budget_fen, FEN_MAX),
        ("total", terms.total, FEN_MAX),
        ("per_member", terms.per_member, 2**31 - 1),
        ("reverse_within_seconds", terms.reverse_within_seconds or 0, FEN_MAX),
    ]
