"""The 30 days as a plan: which coupons are given out, who comes to which till with what, and how it ends.

Pure and deterministic: the same seed and the same first midnight give the same plan, down to the last code.
It decides nothing: whether a coupon may be used is the engine's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import NamedTuple

from hexiao.demo import catalogue as the
from hexiao.domain.bill import Bill, BillLine, Scene
from hexiao.domain.errors import Code
from hexiao.domain.redemption import Move
from hexiao.domain.scheme import CodeFormat
from hexiao.engine.commands import AnyCommand, Import, Imported, PauseScheme, Take
from hexiao.engine.mint import Mint

DAYS = 30
DAY_MS = 86_400_000
MINUTE_MS = 60_000
SEED = 20231118

_SUPPLY = {
    the.SPEND: 60, the.RATE: 30, the.PICKLES: 20, the.CARD: 15, the.PASS: 10,
    the.DRINKS: 20, the.TEA: 15, the.NEWCOMER: 10, the.PAUSED: 4,
}  # fmt: skip
"""How many coupons of each scheme are given out every six days."""
_PAUSED_ON_DAY = 10
_BUSY_SHOPS = (the.MAIN_STREET, the.CAMPUS, the.HIGH_TECH, the.ZVCMS_SHOP)
_TILLS = {the.KINGDEE_SHOP: 33, the.ZVCMS_SHOP: 51, the.MAIN_STREET: 2, the.CAMPUS: 3, the.HIGH_TECH: 4}
_NEEDED = {the.PICKLES: the.PICKLES_SKU, the.DRINKS: "12345682", the.TEA: "12345684"}
"""What must be in the basket for a coupon of that scheme to be of use."""


class Step(NamedTuple):
    """What becomes of a redemption later; `share` is the part of it in percent."""

    after_ms: int
    move: Move
    share: int = 100


@dataclass(frozen=True)
class Visit:
    """One customer at one till. `refusal` is what the plan expects to hear, None when the coupon is good."""

    bill: Bill
    takes: tuple[Take, ...]
    hold: bool = False
    steps: tuple[Step, ...] = ()
    refusal: Code | None = None


@dataclass
class _Stock:
    """A coupon that the plan may still use."""

    code: str
    member_id: int | None
    from_at: int
    fen_left: int
    uses_left: int


class Planner:
    """Makes the plan, oldest first: at eight the coupons and the master data of the day, then its customers."""

    def __init__(self, first_midnight_at: int) -> None:
        self._first_midnight_at = first_midnight_at
        self._random = Random(SEED)  # noqa: S311 (a story, not a secret)
        self._mint = Mint(0, self._random.randrange)
        self._stock: dict[int, list[_Stock]] = {scheme_id: [] for scheme_id in _SUPPLY}
        self._spent: list[str] = []
        self._bills: dict[str, int] = {}
        self._newcomers = [member.id for member in the.MEMBERS]

    def mornings(self) -> Iterator[tuple[int, list[AnyCommand]]]:
        """What the back office does at eight o'clock. To be read in step with `moments`, day by day."""
        for day in range(DAYS):
            at = self._first_midnight_at + day * DAY_MS + 8 * 60 * MINUTE_MS
            commands: list[AnyCommand] = []
            if day % 6 == 0:
                commands += [self._supply(id, at) for id in _SUPPLY if id != the.PAUSED or day < _PAUSED_ON_DAY]
            if day == _PAUSED_ON_DAY:
                commands.append(PauseScheme(merchant_id=the.MERCHANT_ID, scheme_id=the.PAUSED, paused=True))
            yield at, commands

    def moments(self, day: int) -> list[tuple[int, list[Visit]]]:
        """When customers came to the tills on that day; often to several tills at once."""
        midnight = self._first_midnight_at + day * DAY_MS
        count = self._random.randint(9, 12) + (4 if self._local(midnight).isoweekday() >= 6 else 0)
        minutes = sorted(self._random.sample(range(9 * 60, 21 * 60 + 30), count))
        # 001门店 writes off one coupon a day from the second day on: with the printed one that makes 30 rows,
        # as many as the printed page counts.
        own = self._random.choice(minutes) if day else None
        moments = []
        for minute in minutes:
            at = midnight + minute * MINUTE_MS + self._random.randrange(60) * 1000
            shops = self._random.sample(_BUSY_SHOPS, self._random.choice((1, 1, 2, 2, 3)))
            visits = [self._visit(shop_id, at) for shop_id in shops]
            if minute == own:
                visits.append(self._plain_visit(the.KINGDEE_SHOP, at))
            moments.append((at, visits))
        return moments

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, the.ZONE)

    def _supply(self, scheme_id: int, at: int) -> Import:
        coupons = []
        for _ in range(_SUPPLY[scheme_id]):
            code, member_id = self._mint.code(CodeFormat.RANDOM, at, the.ZONE), self._receiver(scheme_id)
            coupons.append(Imported(code=code, member_id=member_id))
            fen_left = 10_000 if scheme_id == the.CARD else 0
            uses_left = {the.PASS: 5, the.CARD: 20}.get(scheme_id, 1)
            from_at = at + DAY_MS if scheme_id == the.RATE else at  # those are valid from the next day
            self._stock[scheme_id].append(_Stock(code, member_id, from_at, fen_left, uses_left))
        request_id = f"demo/supply/{scheme_id}/{self._local(at):%Y%m%d}"
        return Import(
            merchant_id=the.MERCHANT_ID, request_id=request_id, actor=the.ACTOR,
            scheme_id=scheme_id, coupons=tuple(coupons),
        )  # fmt: skip

    def _receiver(self, scheme_id: int) -> int | None:
        if scheme_id == the.NEWCOMER:  # one for each member
            return self._newcomers.pop(self._random.randrange(len(self._newcomers)))
        if scheme_id in (the.RATE, the.PASS) or self._random.random() < 0.6:
            return self._random.choice(the.MEMBERS).id
        return None

    def _visit(self, shop_id: int, at: int) -> Visit:
        if self._random.random() < 0.06:
            return self._refused_visit(shop_id, at)
        wishes = [the.SPEND] * 3 + [the.RATE] * 2 + [the.CARD] * 2 + [the.PASS, the.PICKLES, the.DRINKS]
        if shop_id == the.ZVCMS_SHOP:
            wishes += [the.NEWCOMER] * 4
        elif self._tea_time(at):
            wishes += [the.TEA] * 4
        scheme_id = self._random.choice(wishes)
        stock = self._pick(scheme_id, at)
        if stock is None:
            return self._plain_visit(shop_id, at)
        coupons = [(scheme_id, stock)]
        if scheme_id == the.SPEND and self._random.random() < 0.2:
            card = self._pick(the.CARD, at)
            coupons += [(the.CARD, card)] if card else []
        return self._good_visit(shop_id, at, coupons)

    def _plain_visit(self, shop_id: int, at: int) -> Visit:
        """With one coupon of the scheme that never runs out."""
        stock = self._pick(the.SPEND, at)
        assert stock is not None, "the plan gives out too few coupons"
        return self._good_visit(shop_id, at, [(the.SPEND, stock)])

    def _good_visit(self, shop_id: int, at: int, coupons: list[tuple[int, _Stock]]) -> Visit:
        lines = self._basket(coupons[0][0])
        takes = []
        for scheme_id, stock in coupons:
            amount_fen = None
            if scheme_id == the.CARD:  # at most half of the bill, so that another coupon finds something left
                half = sum(line.amount_fen for line in lines) // 2
                amount_fen = min(stock.fen_left, half, self._random.randint(5, 30) * 100)
                stock.fen_left -= amount_fen
            takes.append(Take(stock.code, amount_fen))
        member_id = next((stock.member_id for _, stock in coupons if stock.member_id is not None), None)
        hold, steps = self._fate()
        if not hold and not steps and coupons[0][0] == the.SPEND:
            self._spent.append(coupons[0][1].code)
        return Visit(self._bill(shop_id, at, lines, member_id), tuple(takes), hold, steps)

    def _refused_visit(self, shop_id: int, at: int) -> Visit:
        """What goes wrong at tills: a mistyped code, too small a basket, a used coupon, the wrong hour."""
        lines = self._basket(the.SPEND)
        codes = {Code.UNKNOWN_COUPON: self._mint.code(CodeFormat.RANDOM, at, the.ZONE)}
        codes[Code.BELOW_MINIMUM_SPEND] = self._stock[the.SPEND][-1].code
        if self._spent:
            codes[Code.COUPON_USED_UP] = self._random.choice(self._spent)
        if not self._tea_time(at):
            codes[Code.OUTSIDE_HOURS] = self._stock[the.TEA][-1].code
        if at > self._first_midnight_at + (_PAUSED_ON_DAY + 1) * DAY_MS:
            codes[Code.SCHEME_PAUSED] = self._stock[the.PAUSED][-1].code
        refusal = self._random.choice(list(codes))
        if refusal is Code.BELOW_MINIMUM_SPEND:
            lines = [BillLine(lines[0].sku, 1, lines[0].unit_price_fen, lines[0].name)]
        return Visit(self._bill(shop_id, at, lines, None), (Take(codes[refusal]),), refusal=refusal)

    def _tea_time(self, at: int) -> bool:
        local = self._local(at)
        return local.isoweekday() <= 5 and 14 <= local.hour < 17

    def _pick(self, scheme_id: int, at: int) -> _Stock | None:
        """The oldest coupon that may be used; what is used up leaves the stock. The last one stays for refusals."""
        for stock in self._stock[scheme_id][:-1]:
            if stock.from_at <= at:
                stock.uses_left -= 1
                if stock.uses_left == 0 or (scheme_id == the.CARD and stock.fen_left < 4000):
                    self._stock[scheme_id].remove(stock)
                return stock
        return None

    def _basket(self, scheme_id: int) -> list[BillLine]:
        """A few articles for 60 yuan or more, and whatever the scheme needs to be of use."""
        chosen = self._random.sample(the.ARTICLES, self._random.randint(2, 5))
        chosen += [article for article in the.ARTICLES if article.sku == _NEEDED.get(scheme_id)]
        quantities = {article: self._random.choice((1, 1, 1, 2, 3)) for article in chosen}
        while sum(article.price_fen * quantity for article, quantity in quantities.items()) < 6000:
            quantities[self._random.choice(chosen)] += 1
        return [BillLine(a.sku, quantity, a.price_fen, a.name) for a, quantity in quantities.items()]

    def _bill(self, shop_id: int, at: int, lines: list[BillLine], member_id: int | None) -> Bill:
        series = f"M{_TILLS[shop_id]:04d}{self._local(at):%Y%m%d}"
        self._bills[series] = self._bills.get(series, 0) + 1
        return Bill(
            number=f"{series}{self._bills[series]:04d}",
            shop_id=shop_id,
            lines=tuple(lines),
            scene=Scene.ONLINE if shop_id == the.ZVCMS_SHOP else Scene.SHOP,
            cashier_id=self._random.choice([cashier.id for cashier in the.CASHIERS if cashier.shop_id == shop_id]),
            member_id=member_id,
        )

    def _fate(self) -> tuple[bool, tuple[Step, ...]]:
        """Whether it is held first, and what happens afterwards. Two thirds are simply redeemed."""
        soon = self._random.randint(60, 500) * 1000
        later = self._random.randint(60, 1800) * MINUTE_MS
        fates: tuple[tuple[bool, tuple[Step, ...]], ...] = (
            (False, ()),
            (False, (Step(later, Move.REVERSE),)),
            (False, (Step(later, Move.REVERSE, 40),)),
            (True, (Step(soon, Move.CAPTURE),)),
            (True, (Step(soon, Move.CAPTURE, 60),)),
            (True, (Step(soon, Move.CAPTURE), Step(later, Move.REVERSE, 30))),
            (True, (Step(soon, Move.RELEASE),)),
            (True, (Step(16 * MINUTE_MS, Move.LAPSE),)),
        )
        return self._random.choices(fates, weights=(66, 4, 4, 11, 4, 2, 5, 4))[0]
