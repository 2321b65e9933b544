"""The lists beside that of the redemptions: master data, schemes, coupons, journals, due holds and counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.desk import FOREIGN_SHOP, MEMBER, MERCHANT, NOBODY, OTHER_MERCHANT, SHOP
from engine.process import Process
from hexiao.domain.party import Cashier, Credential, Item, Member, Shop
from hexiao.domain.redemption import Entry
from hexiao.domain.scheme import MoneyOff, RateOff
from hexiao.engine.commands import Import, Imported, Put
from hexiao.storage.base import CouponFilter, Cursor


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
