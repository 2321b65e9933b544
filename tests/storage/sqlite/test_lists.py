"""Redemptions listed: a filter finds exactly its rows, and paging neither skips nor repeats, whatever is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.desk import (
    CASHIER,
    FOREIGN_SHOP,
    MEMBER,
    MERCHANT,
    NOBODY,
    OTHER_MEMBER,
    OTHER_MERCHANT,
    OTHER_SHOP,
    SHOP,
    Desk,
    a_bill,
)
from engine.process import Process
from hexiao.domain.party import Member
from hexiao.domain.redemption import ListedRedemption, State
from hexiao.domain.scheme import Balance, Benefit, Kind, MoneyOff, RateUses
from hexiao.engine.commands import Put, Take
from hexiao.storage.base import Cursor, RedemptionFilter, RedemptionRow, Storage

NOON = 1_763_784_000_000
STEP_SECONDS = 10
STEP_MS = STEP_SECONDS * 1_000
LAPSING = NOON + 10 * STEP_MS + 900_000


"""The deadline of the tenth hold."""


@pytest.fixture
def desk(alone: Process, clock: Any) -> Desk:
    """Twelve redemptions, ten seconds apart: three kinds, two shops, two members and nobody, and every state."""
    desk = alone.desk
    for id, card in ((MEMBER, "CARD1"), (OTHER_MEMBER, "CARD2")):
        desk.must(Put(merchant_id=MERCHANT, record=Member(id=id, merchant_id=MERCHANT, name="m", card_id=card)))
    benefits: tuple[Benefit, ...] = (MoneyOff(5), RateUses(100, 9))
    schemes = [desk.scheme(benefit, number=f"K{n}") for n, benefit in enumerate(benefits)]
    balance = desk.issue(desk.scheme(Balance(5_000), number="K2"))[0].code
    for n in range(12):
        clock.forward(STEP_SECONDS)
        code = Take(balance, 5) if n % 3 == 2 else Take(desk.issue(schemes[n % 3])[0].code)
        bill = a_bill(
            f"B{n % 4}x{n}", shop_id=(SHOP, OTHER_SHOP)[n % 2], member_id=(MEMBER, OTHER_MEMBER, None)[n // 4]
        )
        desk.hold(code, bill)
    held = [row.redemption.id for row in everything(alone.storage)]
    clock.forward(STEP_SECONDS)
    for id in held[:6]:
        desk.capture(id)
    desk.release(held[6])
    desk.reverse(held[0])
    clock.forward(900)
    desk.lapse(held[7])
    return desk


def everything(storage: Storage, **filters: Any) -> list[RedemptionRow]:
    return storage.redemptions(RedemptionFilter(**({"merchant_id": MERCHANT} | filters)), None, 1_000)


def listed(row: RedemptionRow) -> ListedRedemption:
    """The same, as a numbered list shows it."""
    r, coupon, shop, cashier, member = row.redemption, row.coupon, row.shop, row.cashier, row.member
    assert shop is not None
    name, mobile, card_id, card_number = (
        (None,) * 4 if member is None else (member.name, member.mobile, member.card_id, member.card_number)
    )
    return ListedRedemption(
        r.id, r.created_at, r.coupon_id, r.bill_number, r.shop_id, r.kind, r.state, r.held_fen, r.captured_fen,
        r.reversed_fen, r.held_until_at, r.captured_at, r.cashier_id, r.member_id, coupon.code, coupon.record_id,
        coupon.face_fen, coupon.uses_max, coupon.captured_fen, coupon.captured_uses,
        name, mobile, card_id, card_number,
        row.scheme.number, shop.number, shop.name, None if cashier is None else cashier.name,
    )  # fmt: skip


FILTERS: dict[str, tuple[dict[str, Any], Callable[[RedemptionRow], bool]]] = {
    "shop": ({"shop_id": SHOP}, lambda row: row.redemption.shop_id == SHOP),
    "bill": ({"bill_number": "B1x5"}, lambda row: row.redemption.bill_number == "B1x5"),
    "member": ({"member_id": MEMBER}, lambda row: row.redemption.member_id == MEMBER),
    "card": ({"member_card_id": "CARD2"}, lambda row: row.redemption.member_id == OTHER_MEMBER),
    "scheme": ({"scheme_number": "K1"}, lambda row: row.scheme.number == "K1"),
    "kind": ({"kind": Kind.BALANCE}, lambda row: row.redemption.kind is Kind.BALANCE),
    "one state": ({"states": (State.CAPTURED,)}, lambda row: row.redemption.state is State.CAPTURED),
    "states": (
        {"states": (State.RELEASED, State.LAPSED, State.REVERSED)},
        lambda row: row.redemption.state in (State.RELEASED, State.LAPSED, State.REVERSED),
    ),
    "held": ({"states": (State.HELD,)}, lambda row: row.redemption.state is State.HELD),
    "held at a moment": (
        {"states": (State.CAPTURED, State.HELD), "now": LAPSING},
        lambda row: (
            row.redemption.state is State.CAPTURED
            or (row.redemption.state is State.HELD and not row.redemption.lapsed(LAPSING))
        ),
    ),
    "lapsed at a moment": (
        {"states": (State.LAPSED,), "now": LAPSING},
        lambda row: row.redemption.state is State.LAPSED or row.redemption.lapsed(LAPSING),
    ),
    "held or lapsed at a moment": (
        {"states": (State.HELD, State.LAPSED), "now": LAPSING},
        lambda row: row.redemption.state in (State.HELD, State.LAPSED),
    ),
    "made from": (
        {"created_from_at": NOON + 4 * STEP_MS},
        lambda row: row.redemption.created_at >= NOON + 4 * STEP_MS,
    ),
    "made until": (
        {"created_until_at": NOON + 4 * STEP_MS},
        lambda row: row.redemption.created_at < NOON + 4 * STEP_MS,
    ),
    "made between": (
        {"created_from_at": NOON + 4 * STEP_MS, "created_until_at": NOON + 7 * STEP_MS},
        lambda row: NOON + 4 * STEP_MS <= row.redemption.created_at < NOON + 7 * STEP_MS,
    ),
    "changed from": (
        {"changed_from_at": NOON + 13 * STEP_MS},
        lambda row: row.redemption.changed_at >= NOON + 13 * STEP_MS,
    ),
    "changed until": (
        {"changed_until_at": NOON + 13 * STEP_MS},
        lambda row: row.redemption.changed_at < NOON + 13 * STEP_MS,
    ),
    "several at once": (
        {"shop_id": OTHER_SHOP, "states": (State.CAPTURED, State.HELD), "scheme_number": "K0"},
        lambda row: (
            row.redemption.shop_id == OTHER_SHOP
            and row.redemption.state in (State.CAPTURED, State.HELD)
            and row.scheme.number == "K0"
        ),
    ),
}


@pytest.mark.parametrize(("filters", "holds"), FILTERS.values(), ids=FILTERS)
def test_a_filter_finds_exactly_its_rows_in_both_lists(
    filters: dict[str, Any], holds: Callable[[RedemptionRow], bool], desk: Desk, alone: Process
) -> None:
    rows = everything(alone.storage)
    wanted = [row for row in rows if holds(row)]
    assert 0 < len(wanted) < len(rows) == 12
    assert everything(alone.storage, **filters) == wanted
    count, page = alone.storage.redemption_page(RedemptionFilter(merchant_id=MERCHANT, **filters), 1, 100)
    assert count == len(wanted)
    assert page == [listed(row) for row in wanted[::-1]]  # oldest first


def test_a_coupon_is_found_by_its_code_and_by_its_id(desk: Desk, alone: Process) -> None:
    row = next(row for row in everything(alone.storage) if row.scheme.number == "K2")
    for filters in ({"code": row.coupon.code}, {"coupon_id": row.coupon.id}):
        found = everything(alone.storage, **filters)
        assert len(found) == 4 and {one.coupon.id for one in found} == {row.coupon.id}
    assert len(everything(alone.storage, code=row.coupon.code, coupon_id=row.coupon.id)) == 4
    assert everything(alone.storage, code=row.coupon.code, coupon_id=NOBODY) == []


@pytest.mark.parametrize(
    "filters",
    [
        {"shop_id": NOBODY},
        {"bill_number": "none"},
        {"code": "none"},
        {"code": "' OR 1 = 1 --"},
        {"coupon_id": NOBODY},
        {"member_id": NOBODY},
        {"member_card_id": "none"},
        {"scheme_number": "none"},
        {"kind": Kind.RATE_OFF},
        {"created_from_at": NOON + 10**9},
        {"created_until_at": NOON},
        {"merchant_id": OTHER_MERCHANT},
        {"merchant_id": NOBODY},
        {"shop_id": FOREIGN_SHOP},
    ],
    ids=str,
)
def test_a_filter_that_names_nothing_finds_nothing(filters: dict[str, Any], desk: Desk, alone: Process) -> None:
    assert everything(alone.storage, **filters) == []
    wanted = RedemptionFilter(**({"merchant_id": MERCHANT} | filters))
    assert alone.storage.redemption_page(wanted, 1, 10) == (0, [])


def test_two_members_with_one_card_are_both_found(desk: Desk, alone: Process) -> None:
    twin = Member(id=OTHER_MEMBER, merchant_id=MERCHANT, name="twin", card_id="CARD1")
    desk.must(Put(merchant_id=MERCHANT, record=twin))
    assert len(everything(alone.storage, member_card_id="CARD1")) == 8


def test_a_row_carries_the_names_that_stand_beside_it(alone: Process) -> None:
    desk = alone.desk
    scheme = desk.scheme(MoneyOff(1_000), number="A")
    code = desk.issue(scheme, member_id=OTHER_MEMBER)[0].code
    taken = desk.redeem(code, a_bill("B1", cashier_id=CASHIER, member_id=MEMBER))
    desk.revise(scheme, MoneyOff(2_000))
    [row] = everything(alone.storage)
    assert row == alone.storage.redemption(MERCHANT, taken.redemption.id)
    assert row.redemption == taken.redemption and row.coupon.code == code
    assert (row.scheme.version, row.scheme.benefit) == (1, MoneyOff(1_000))  # the version it was issued under
    assert row.shop is not None and row.shop.name == "一店"
    assert row.cashier is not None and row.cashier.name == "收银员01"
    assert row.member is not None and row.member.id == MEMBER
    assert alone.storage.redemption(OTHER_MERCHANT, taken.redemption.id) is None
    assert alone.storage.redemption(MERCHANT, NOBODY) is None


# Paging.


def pages(alone: Process, limit: int, between: Callable[[], Any] = lambda: None, **filters: Any) -> list[int]:
    """The ids of all rows, page by page; something may happen between two pages."""
    seen: list[int] = []
    after: Cursor | None = None
    while True:
        wanted = RedemptionFilter(**({"merchant_id": MERCHANT} | filters))
        rows = alone.storage.redemptions(wanted, after, limit)
        seen += [row.redemption.id for row in rows]
        if len(rows) < limit:
            return seen
        after = Cursor(rows[-1].redemption.created_at, rows[-1].redemption.id)
        between()


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 100])
def test_paging_by_cursor_shows_each_row_once_newest_first(limit: int, desk: Desk, alone: Process) -> None:
    ids = [row.redemption.id for row in everything(alone.storage)]
    assert len(ids) == 12 and ids == sorted(ids, reverse=True)
    assert pages(alone, limit) == ids
    assert pages(alone, limit, shop_id=SHOP) == [
        i for i in ids if i in {r.redemption.id for r in everything(alone.storage, shop_id=SHOP)}
    ]


def test_rows_that_come_meanwhile_neither_shift_a_page_nor_show_twice(desk: Desk, alone: Process, clock: Any) -> None:
    ids = [row.redemption.id for row in everything(alone.storage)]

    def come() -> None:
        clock.forward(1)
        desk.hold(desk.coupon())

    assert pages(alone, 2, come) == ids


def test_rows_of_one_millisecond_are_paged_one_by_one(alone: Process) -> None:
    made = [alone.desk.redeem(alone.desk.coupon()).redemption.id for _ in range(7)]
    assert pages(alone, 2) == made[::-1]


def test_a_clock_that_went_back_loses_no_row(alone: Process, clock: Any) -> None:
    made = []
    for _ in range(6):
        made.append(alone.desk.redeem(alone.desk.coupon()).redemption.id)
        clock.forward(-30)
    assert sorted(pages(alone, 2)) == made


@pytest.mark.parametrize("size", [1, 5, 12, 100])
def test_numbered_pages_show_each_row_once_oldest_first_and_are_empty_past_the_end(
    size: int, desk: Desk, alone: Process, clock: Any
) -> None:
    wanted = RedemptionFilter(merchant_id=MERCHANT)
    ids = [row.redemption.id for row in everything(alone.storage)][::-1]
    seen: list[int] = []
    for page in range(1, 12 // size + 2):
        count, rows = alone.storage.redemption_page(wanted, page, size)
        seen += [row.id for row in rows]
        assert count >= 12
        clock.forward(1)
        desk.hold(desk.coupon())  # comes last, and shifts nothing
    assert seen[:12] == ids
    count, rows = alone.storage.redemption_page(wanted, 1_000, size)
    assert rows == [] and count > 12
