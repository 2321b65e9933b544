"""Shops, cashiers, members, goods, credentials: made and replaced, and never taken from another merchant."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.desk import (
    FOREIGN_SHOP,
    MERCHANT,
    NOBODY,
    OTHER_MERCHANT,
    Desk,
)
from engine.process import Process
from hexiao.domain.errors import Code
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.engine.commands import Put

# Master data.

RECORDS = [
    Shop(id=0, merchant_id=MERCHANT, number="9", name="九店"),
    Cashier(id=0, merchant_id=MERCHANT, name="收银员", shop_id=11),
    Member(id=0, merchant_id=MERCHANT, name="会员", mobile="13222113311", card_id="c", card_number="n"),
    Item(id=0, merchant_id=MERCHANT, sku="tea", name="茶", category="drinks"),
    Credential(id=0, merchant_id=MERCHANT, door="api", public_id="h", name="key", sealed=b"\0\1"),
]
every_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)


@every_record
def test_a_record_is_made_under_a_new_id_and_replaced_under_its_own(record: Any, alone: Process) -> None:
    first = alone.desk.must(Put(merchant_id=MERCHANT, record=record)).id
    assert first > 0
    changed = replace(record, id=first, name="neu")
    assert alone.desk.must(Put(merchant_id=MERCHANT, record=changed)).id == first
    table = type(record).__name__.lower()
    rows = alone.storage._db.execute(f"SELECT id, name FROM {table} WHERE name IN ('neu', ?)", (record.name,))  # type: ignore[attr-defined]
    assert rows.fetchall() == [(first, "neu")]


@every_record
def test_what_belongs_to_another_merchant_is_taken_and_stays_untouched(record: Any, alone: Process) -> None:
    mine = alone.desk.must(Put(merchant_id=MERCHANT, record=record)).id
    theirs = replace(record, id=mine, name="theirs")
    assert alone.desk.no(Put(merchant_id=OTHER_MERCHANT, record=theirs)) is Code.ID_TAKEN


@every_record
def test_a_record_goes_to_the_merchant_that_asks_whatever_it_says(record: Any, alone: Process) -> None:
    saved = alone.desk.must(
        Put(merchant_id=OTHER_MERCHANT, record=replace(record, shop_id=None) if hasattr(record, "shop_id") else record)
    )
    table = type(record).__name__.lower()
    owner = alone.storage._db.execute(f"SELECT merchant_id FROM {table} WHERE id = ?", (saved.id,))  # type: ignore[attr-defined]
    assert owner.fetchone() == (OTHER_MERCHANT,)


def test_goods_are_known_by_their_number(desk: Desk) -> None:
    item = Item(id=0, merchant_id=MERCHANT, sku="tea", name="茶")
    first = desk.must(Put(merchant_id=MERCHANT, record=item)).id
    assert desk.must(Put(merchant_id=MERCHANT, record=replace(item, name="绿茶"))).id == first
    other = desk.must(Put(merchant_id=MERCHANT, record=replace(item, sku="milk"))).id
    assert desk.no(Put(merchant_id=MERCHANT, record=replace(item, id=other))) is Code.NUMBER_TAKEN


def test_a_cashier_works_in_a_shop_of_the_merchant(desk: Desk) -> None:
    for shop_id in (NOBODY, FOREIGN_SHOP):
        cashier = Cashier(id=0, merchant_id=MERCHANT, name="c", shop_id=shop_id)
        assert desk.no(Put(merchant_id=MERCHANT, record=cashier)) is Code.UNKNOWN_SHOP


KEY = Credential(id=501, merchant_id=MERCHANT, door="api", public_id="mine", name="key")


def test_another_merchants_credential_cannot_be_overwritten_by_naming_its_id(alone: Process) -> None:
    alone.desk.must(Put(merchant_id=MERCHANT, record=KEY))
    stolen = replace(KEY, public_id="theirs")
    assert alone.desk.no(Put(merchant_id=OTHER_MERCHANT, record=stolen)) is Code.ID_TAKEN
    assert alone.storage.credential("api", "mine") == KEY


def test_one_public_id_cannot_have_two_credentials(alone: Process) -> None:
    alone.desk.must(Put(merchant_id=MERCHANT, record=KEY))
    assert alone.desk.no(Put(merchant_id=MERCHANT, record=replace(KEY, id=502))) in (Code.ID_TAKEN, Code.NUMBER_TAKEN)


def test_a_number_that_goods_gave_up_is_free_in_the_same_batch(alone: Process) -> None:
    tea = Item(id=0, merchant_id=MERCHANT, sku="tea", name="茶")
    first = alone.desk.must(Put(merchant_id=MERCHANT, record=tea)).id
    renamed = Put(merchant_id=MERCHANT, record=replace(tea, id=first, sku="old tea"))
    alone.outcomes(renamed, Put(merchant_id=MERCHANT, record=tea))
    assert [item.sku for item in alone.storage.items(MERCHANT, 0, 9)] == ["old tea", "tea"]


def test_a_merchant_without_an_id_gets_one(desk: Desk) -> None:
    assert desk.must(Put(merchant_id=MERCHANT, record=Merchant(id=0, name="neu"))).id > 0


def test_a_merchant_lives_in_a_zone_that_exists(desk: Desk) -> None:
    lost = Merchant(id=MERCHANT, name="m", time_zone="Mars/Base")
    assert desk.no(Put(merchant_id=MERCHANT, record=lost)) is Code.MALFORMED_REQUEST


def test_nothing_is_put_for_a_merchant_that_does_not_exist(desk: Desk) -> None:
    shop = Shop(id=0, merchant_id=NOBODY, number="1", name="鬼店")
    assert desk.no(Put(merchant_id=NOBODY, record=shop)) is Code.UNKNOWN_MERCHANT
