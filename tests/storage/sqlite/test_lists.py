"""Lists: every filter finds exactly its rows, and paging neither skips nor repeats, whatever is added meanwhile."""

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
from hexiao.domain.party import Cashier, Credential, Item, Member, Shop
from hexiao.domain.redemption import Entry, ListedRedemption, State
from hexiao.domain.scheme import Balance, Benefit, Kind, MoneyOff, RateOff, RateUses
from hexiao.engine.commands import Import, Imported, Put, Take
from hexiao.storage.base import CouponFilter, Cursor, RedemptionFilter, RedemptionRow, Storage

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


# The other lists.


def ids_of(next_page: Callable[[int], list[Any]]) -> list[int]:
    seen: list[int] = []
    while page := next_page(seen[-1] if seen else 0):
        seen += [one.id for one in page]
    return seen


RECORDS: dict[str, Callable[[int, int], Any]] = {
    "shops": lambda id, merchant_id: Shop(id=id, merchant_id=merchant_id, number=str(id), name="s"),
    "cashiers": lambda id, merchant_id: Cashier(id=id, merchant_id=merchant_id, name="c"),
    "members": lambda id, merchant_id: Member(id=id, merchant_id=merchant_id, name="m"),
    "items": lambda id, merchant_id: Item(id=id, merchant_id=merchant_id, sku=str(id), name="i"),
}


@pytest.mark.parametrize("listed", RECORDS)
def test_master_data_is_paged_by_id_for_its_merchant_only(listed: str, alone: Process) -> None:
    for id in (105, 101, 103, 102, 104):
        alone.desk.must(Put(merchant_id=MERCHANT, record=RECORDS[listed](id, MERCHANT)))
    alone.desk.must(Put(merchant_id=OTHER_MERCHANT, record=RECORDS[listed](106, OTHER_MERCHANT)))
    read = getattr(alone.storage, listed)
    mine = ids_of(lambda after: read(MERCHANT, after, 2))
    assert mine == sorted(mine) and set(mine) >= {101, 102, 103, 104, 105} and 106 not in mine
    assert ids_of(lambda after: read(OTHER_MERCHANT, after, 2))[-1] == 106
    assert read(NOBODY, 0, 10) == []


def test_named_shops_goods_and_credentials_are_found_for_their_merchant_only(alone: Process) -> None:
    desk, storage = alone.desk, alone.storage
    assert [shop.id for shop in storage.shops_by_id(MERCHANT, [SHOP, FOREIGN_SHOP, NOBODY])] == [SHOP]
    desk.must(Put(merchant_id=MERCHANT, record=Item(id=0, merchant_id=MERCHANT, sku="tea", name="t")))
    assert [item.sku for item in storage.items_by_sku(MERCHANT, ["tea", "none"])] == ["tea"]
    assert storage.items_by_sku(OTHER_MERCHANT, ["tea"]) == []
    key = Credential(id=9, merchant_id=MERCHANT, door="api", public_id="k", name="n", sealed=b"\0\xff")
    saved = desk.must(Put(merchant_id=MERCHANT, record=key)).id
    found = storage.credential("api", "k")
    assert found is not None and (found.id, found.sealed) == (saved, b"\0\xff")
    assert storage.credential("zvcms", "k") is None
    assert [one.id for one in storage.credentials(MERCHANT, "api")] == [saved]
    assert storage.credentials(OTHER_MERCHANT, "api") == []


def test_schemes_are_paged_newest_first_each_at_its_latest_version(alone: Process, clock: Any) -> None:
    desk, made = alone.desk, []
    for n in range(5):
        made.append(desk.scheme(RateOff(100 + n)))
        clock.forward(n % 2)  # some of them in the same millisecond
    desk.revise(made[2], RateOff(9_000))
    seen: list[Any] = []
    while page := alone.storage.schemes(MERCHANT, Cursor(seen[-1].created_at, seen[-1].id) if seen else None, 2):
        seen += page
    assert [scheme.id for scheme in seen] == [scheme.id for scheme in made[::-1]]
    assert [scheme.version for scheme in seen] == [1, 1, 2, 1, 1]
    assert alone.storage.schemes(OTHER_MERCHANT, None, 10) == []


def test_a_scheme_is_found_by_id_number_and_version_for_its_merchant_only(alone: Process) -> None:
    storage, scheme = alone.storage, alone.desk.scheme(number="A")
    revised = alone.desk.revise(scheme, MoneyOff(7))
    assert storage.scheme(MERCHANT, scheme.id) == storage.scheme_by_number(MERCHANT, "A") == revised
    first = storage.scheme(MERCHANT, scheme.id, 1)
    assert first is not None and (first.version, first.latest, first.benefit) == (1, 2, scheme.benefit)
    assert storage.scheme(MERCHANT, scheme.id, 3) is None
    assert storage.scheme(OTHER_MERCHANT, scheme.id) is storage.scheme_by_number(OTHER_MERCHANT, "A") is None
    assert storage.scheme(MERCHANT, NOBODY) is storage.scheme_by_number(MERCHANT, "none") is None


def test_coupons_are_paged_newest_first_by_scheme_and_member(alone: Process) -> None:
    desk, storage = alone.desk, alone.storage
    one, other = desk.scheme(), desk.scheme()
    made = [coupon for _ in range(3) for coupon in (*desk.issue(one, member_id=MEMBER), *desk.issue(other))]
    for filters, expected in (
        ({}, made),
        ({"scheme_id": one.id}, made[::2]),
        ({"member_id": MEMBER}, made[::2]),
        ({"scheme_id": other.id, "member_id": MEMBER}, []),
        ({"merchant_id": OTHER_MERCHANT}, []),
    ):
        wanted = CouponFilter(**({"merchant_id": MERCHANT} | filters))
        seen: list[Any] = []
        while page := storage.coupons(wanted, Cursor(0, seen[-1].id) if seen else None, 2):
            seen += page
        assert seen == expected[::-1]
    assert storage.coupon_by_id(MERCHANT, made[0].id) == made[0]
    assert storage.coupon_by_id(OTHER_MERCHANT, made[0].id) is storage.coupon_by_id(MERCHANT, NOBODY) is None


def test_an_imported_coupon_with_the_greatest_id_is_listed_like_any_other(alone: Process) -> None:
    scheme = alone.desk.scheme()
    greatest = Imported("X", id=2**63 - 1), Imported("Y", id=2**63 - 2)
    alone.desk.must(Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=greatest))
    wanted = CouponFilter(merchant_id=MERCHANT)
    assert [coupon.code for coupon in alone.storage.coupons(wanted, None, 1)] == ["X"]
    assert [coupon.code for coupon in alone.storage.coupons(wanted, Cursor(0, 2**63 - 1), 9)] == ["Y"]


def test_a_journal_is_read_in_its_order(alone: Process) -> None:
    code = alone.desk.coupon()
    held = alone.desk.hold(code).redemption
    alone.desk.capture(held.id, 400)
    alone.desk.reverse(held.id, 100)
    rows = alone.storage.journal(held.coupon_id)
    assert [(row.seq, row.entry) for row in rows] == [
        (1, Entry.ISSUE), (2, Entry.HOLD), (3, Entry.CAPTURE), (4, Entry.REVERSE),
    ]  # fmt: skip
    assert [(row.held_after_fen, row.captured_after_fen) for row in rows] == [(0, 0), (1_000, 0), (0, 400), (0, 300)]
    assert alone.storage.journal(NOBODY) == []


def test_due_holds_are_those_at_their_deadline_the_longest_due_first(alone: Process, clock: Any) -> None:
    desk = alone.desk
    made = [desk.hold(desk.coupon(hold_seconds=seconds)).redemption.id for seconds in (30, 10, 20, 40)]
    assert alone.storage.due_holds(clock.now + 9_999, 10) == []
    due = alone.storage.due_holds(clock.now + 30_000, 10)
    assert [one.id for one in due] == [made[1], made[2], made[0]]
    assert [one.id for one in alone.storage.due_holds(clock.now + 30_000, 2)] == [made[1], made[2]]
    desk.release(made[1])
    assert [one.id for one in alone.storage.due_holds(clock.now + 20_000, 10)] == [made[2]]


def test_counts_are_summed_over_all_processes(process: Callable[[], Process]) -> None:
    one, other = process(), process()
    scheme = one.desk.scheme(MoneyOff(100))  # without a limit each process counts in a slot of its own
    for desk in (one.desk, other.desk):
        desk.redeem(desk.issue(scheme)[0].code, one.desk.new_bill())
        desk.hold(desk.issue(scheme)[0].code, one.desk.new_bill())
    count = one.storage.scheme_count(scheme.id)
    assert (count.issued, count.captured_uses, count.held_fen, count.captured_fen) == (4, 2, 200, 200)
    assert one.storage.scheme_count(NOBODY).issued == 0
