"""Every list, filter and page answers on PostgreSQL as it does on SQLite: the same rows in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from engine.desk import MEMBER, MERCHANT, OTHER_MEMBER, OTHER_MERCHANT, OTHER_SHOP, SHOP, a_bill
from hexiao.domain.coupon import Coupon
from hexiao.domain.party import Cashier, Credential, Item, Member, Role
from hexiao.domain.redemption import ListedRedemption, State
from hexiao.domain.scheme import Balance, Kind
from hexiao.engine.commands import Capture, Put, Record, Take
from hexiao.storage.base import CouponFilter, Cursor, Reader, RedemptionFilter, RedemptionRow
from postgres_server import Databases
from storage.postgres.twins import Twins, a_pair, twins_on

MINUTE = 60


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, migrated: bytes, databases: Databases
) -> Iterator[tuple[Twins, int]]:
    """Some days of a shop, on both stores; and when it began."""
    now = [1_763_784_000_000]
    folder = tmp_path_factory.mktemp("lists")
    with twins_on(a_pair(folder, migrated, databases.migrated()), lambda: now[0]) as twins:
        desk = twins.desk
        for member in (MEMBER, OTHER_MEMBER):
            with_card = Member(id=member, merchant_id=MERCHANT, name="会员", card_id=f"card{member}")
            twins.call(Put(merchant_id=MERCHANT, record=with_card))
        for number in range(5):
            records: list[Record] = [
                Item(id=0, merchant_id=MERCHANT, sku=f"sku{number}", name=f"货{number}", category="茶"),
                Cashier(id=0, merchant_id=MERCHANT, name=f"收银员{number}", shop_id=SHOP),
                Credential(
                    id=0, merchant_id=MERCHANT, door="api", public_id=f"p{number}", name="till",
                    role=Role.TILL, sealed=bytes([0, 255, number]),
                ),
            ]  # fmt: skip
            for record in records:
                twins.call(Put(merchant_id=MERCHANT, record=record))
        money = desk.scheme(number="MONEY")
        purse = desk.scheme(Balance(50_000), number="PURSE", shareable=True)
        purses = [coupon.code for coupon in desk.issue(purse, 2, MEMBER)]
        for number, coupon in enumerate(desk.issue(money, 24, OTHER_MEMBER)):
            if number % 3:  # so that some are made in the same millisecond
                now[0] += MINUTE * 1000
            bill = a_bill(f"B{number % 7}-{number}", shop_id=OTHER_SHOP if number % 4 == 0 else SHOP)
            use = (desk.redeem if number % 2 else desk.hold)(coupon.code, bill).redemption.id
            if number % 6 == 1:
                desk.reverse(use, 300 if number % 12 == 1 else None)
            elif number % 6 == 2:
                desk.release(use)
            elif number % 6 == 4:
                twins.call(Capture(merchant_id=MERCHANT, redemption_id=use))
            desk.redeem(Take(purses[number % 2], 100 + number), a_bill(f"P{number}"))
        now[0] += 16 * MINUTE * 1000
        twins.sweep()
        yield twins, 1_763_784_000_000


def redemption_filters(begin: int) -> list[RedemptionFilter]:
    half = begin + 8 * MINUTE * 1000
    changes: list[dict[str, Any]] = [
        {},
        {"merchant_id": OTHER_MERCHANT},
        {"shop_id": OTHER_SHOP},
        {"shop_id": 404},
        {"bill_number": "P3"},
        {"bill_number": "p3"},
        {"code": "nobody's"},
        {"member_id": MEMBER},
        {"member_card_id": f"card{OTHER_MEMBER}"},
        {"member_card_id": "nobody's"},
        {"scheme_number": "PURSE"},
        {"scheme_number": "NONE"},
        {"kind": Kind.BALANCE},
        *({"states": (state,)} for state in State),
        {"states": tuple(State)},
        *({"states": (state,), "now": half} for state in (State.HELD, State.LAPSED)),
        {"created_from_at": half},
        {"created_until_at": half},
        {"created_from_at": half, "created_until_at": half},
        {"changed_from_at": half},
        {"changed_until_at": half},
        {
            "shop_id": SHOP,
            "states": (State.CAPTURED, State.REVERSED),
            "member_id": OTHER_MEMBER,
            "created_from_at": half,
        },
    ]
    return [RedemptionFilter(**({"merchant_id": MERCHANT} | change)) for change in changes]


def test_every_filter_of_the_redemptions_finds_the_same(scene: tuple[Twins, int]) -> None:
    twins, begin = scene
    found = [len(redemptions(twins, wanted)) for wanted in redemption_filters(begin)]
    assert found[0] == 48
    assert found.count(0) < len(found) / 2, "most filters found nothing: nothing was compared"
    for wanted in redemption_filters(begin):
        total, _ = redemption_page(twins, wanted, 1, 10)
        assert total == len(redemptions(twins, wanted))


def redemptions(twins: Twins, wanted: RedemptionFilter) -> list[RedemptionRow]:
    return twins.read(lambda reader: reader.redemptions(wanted, None, 500))


def redemption(twins: Twins, id: int) -> RedemptionRow | None:
    return twins.read(lambda reader: reader.redemption(MERCHANT, id))


def redemption_page(twins: Twins, wanted: RedemptionFilter, page: int, size: int) -> tuple[int, list[ListedRedemption]]:
    return twins.read(lambda reader: reader.redemption_page(wanted, page, size))


def test_filters_by_coupon_and_code_find_the_same(scene: tuple[Twins, int]) -> None:
    twins, _ = scene
    for coupon in twins.read(lambda r: r.coupons(CouponFilter(merchant_id=MERCHANT), None, 100)):
        is_found_alike(twins, coupon)


def is_found_alike(twins: Twins, coupon: Coupon) -> None:
    found = redemptions(twins, RedemptionFilter(merchant_id=MERCHANT, code=coupon.code))
    assert found == redemptions(twins, RedemptionFilter(merchant_id=MERCHANT, coupon_id=coupon.id))
    assert found
    assert twins.read(lambda r: r.journal(coupon.id))
    assert twins.read(lambda r: r.coupon_by_id(MERCHANT, coupon.id)) == coupon
    assert twins.read(lambda r: r.coupon_by_id(OTHER_MERCHANT, coupon.id)) is None
    assert [redemption(twins, row.redemption.id) for row in found] == found


@pytest.mark.parametrize("size", [1, 7, 48, 500])
def test_the_redemptions_come_page_by_page(scene: tuple[Twins, int], size: int) -> None:
    twins, _ = scene
    every = RedemptionFilter(merchant_id=MERCHANT)
    newest = by_cursor(
        twins, lambda r, after: r.redemptions(every, after, size),
        lambda row: Cursor(row.redemption.created_at, row.redemption.id),
    )  # fmt: skip
    places = [(row.redemption.created_at, row.redemption.id) for row in newest]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == 48
    oldest = [row.id for page in range(1, 48 // size + 3) for row in redemption_page(twins, every, page, size)[1]]
    assert oldest == [id for _, id in reversed(places)]


def by_cursor(
    twins: Twins, ask: Callable[[Reader, Cursor | None], list[Any]], place: Callable[[Any], Cursor]
) -> list[Any]:
    def page(after: Cursor | None) -> list[Any]:
        return twins.read(lambda reader: ask(reader, after))

    rows: list[Any] = []
    while more := page(place(rows[-1]) if rows else None):
        rows += more
    return rows


@pytest.mark.parametrize("size", [1, 5, 500])
def test_coupons_and_schemes_come_page_by_page(scene: tuple[Twins, int], size: int) -> None:
    twins, _ = scene
    scheme = twins.read(lambda r: r.scheme_by_number(MERCHANT, "MONEY"))
    assert scheme is not None
    for wanted, count in (
        (CouponFilter(merchant_id=MERCHANT), 26),
        (CouponFilter(merchant_id=MERCHANT, scheme_id=scheme.id), 24),
        (CouponFilter(merchant_id=MERCHANT, member_id=MEMBER), 2),
        (CouponFilter(merchant_id=OTHER_MERCHANT), 0),
    ):
        rows = coupons(twins, wanted, size)
        assert len(rows) == count
        assert all(one.id > other.id for one, other in pairwise(rows))
    schemes = by_cursor(twins, lambda r, after: r.schemes(MERCHANT, after, size), lambda s: Cursor(s.created_at, s.id))
    assert [one.number for one in schemes] == ["PURSE", "MONEY"]


def coupons(twins: Twins, wanted: CouponFilter, size: int) -> list[Coupon]:
    """By cursor."""
    return by_cursor(twins, lambda r, after: r.coupons(wanted, after, size), lambda coupon: Cursor(0, coupon.id))


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("what", ["shops", "cashiers", "members", "items"])
def test_master_data_comes_page_by_page(scene: tuple[Twins, int], what: str, size: int) -> None:
    twins, _ = scene

    def page(after: int) -> list[Any]:
        return twins.read(lambda reader: getattr(reader, what)(MERCHANT, after, size))

    rows: list[Any] = []
    while more := page(rows[-1].id if rows else 0):
        rows += more
    assert len(rows) >= 2
    assert rows == sorted(rows, key=lambda row: row.id)


def test_whatever_is_named_is_found_alike_or_not_at_all(scene: tuple[Twins, int]) -> None:
    twins, begin = scene
    looks: list[Callable[[Reader], Any]] = [
        lambda r: r.merchant(MERCHANT),
        lambda r: r.merchant(404),
        lambda r: r.credential("api", "p3"),
        lambda r: r.credential("api", "nobody"),
        lambda r: r.credentials(MERCHANT, "api"),
        lambda r: r.credentials(OTHER_MERCHANT, "api"),
        lambda r: r.items_by_sku(MERCHANT, ["sku1", "sku4", "nothing"]),
        lambda r: r.items_by_sku(MERCHANT, []),
        lambda r: r.shops_by_id(MERCHANT, [SHOP, OTHER_SHOP, 19, 404]),
        lambda r: r.scheme(MERCHANT, 404),
        lambda r: r.scheme_by_number(MERCHANT, "none"),
        lambda r: r.redemption(MERCHANT, 404),
        lambda r: r.scheme_count(404),
        lambda r: r.journal(404),
        lambda r: r.due_holds(begin * 2, 500),
        lambda r: r.due_holds(begin, 500),
        lambda r: list(r.broken(begin * 2)),
    ]
    assert sum(bool(twins.read(look)) for look in looks) >= 6
    for number in ("MONEY", "PURSE"):
        is_found_by_number_and_id(twins, number)


def is_found_by_number_and_id(twins: Twins, number: str) -> None:
    scheme = twins.read(lambda r: r.scheme_by_number(MERCHANT, number))
    assert scheme is not None
    assert twins.read(lambda r: r.scheme(MERCHANT, scheme.id, 1)) == scheme
    assert twins.read(lambda r: r.scheme_count(scheme.id)).captured_uses > 0


def test_a_sku_that_no_database_keeps_is_nobodys(scene: tuple[Twins, int]) -> None:
    twins, _ = scene
    assert twins.read(lambda reader: reader.items_by_sku(MERCHANT, ["\0"])) == []
    [found] = twins.read(lambda reader: reader.items_by_sku(MERCHANT, ["sku1\0", "sku1"]))
    assert found.sku == "sku1"
