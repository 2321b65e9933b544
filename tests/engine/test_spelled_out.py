"""A look-up that spells out what the scheme names: shops, goods and the count, all of one moment."""

from __future__ import annotations

from engine.desk import CASHIER, FOREIGN_SHOP, MERCHANT, NOBODY, OTHER_SHOP, SHOP, a_bill
from engine.process import Process
from hexiao.domain.party import Item
from hexiao.domain.scheme import Goods, Shops
from hexiao.engine.commands import Answer, Capture, Found, LookUp, Named, Put


def named(process: Process, *codes: str) -> list[Named | None]:
    """All of them in one batch."""
    answers = process.look(*(LookUp(merchant_id=MERCHANT, code=code, spelled_out=True) for code in codes))
    found = [one.outcome for one in answers if isinstance(one, Answer)]
    return [one.coupon.named for one in found if isinstance(one, Found)]


def test_it_names_the_shops_and_goods_that_exist_and_belong_to_the_merchant(alone: Process) -> None:
    alone.desk.must(Put(merchant_id=MERCHANT, record=Item(id=0, merchant_id=MERCHANT, sku="tea", name="茶")))
    listed = alone.desk.scheme(
        shops=Shops("listed", tuple(map(str, (OTHER_SHOP, SHOP, FOREIGN_SHOP, NOBODY)))),
        goods=Goods("listed", ("tea", "nothing")),
    )
    by_category = alone.desk.scheme(goods=Goods("categories", ("tea",)))
    codes = [alone.desk.issue(scheme, 3)[0].code for scheme in (listed, by_category)]
    first, second = named(alone, *codes)
    assert first is not None and second is not None
    assert [shop.id for shop in first.shops] == [OTHER_SHOP, SHOP]
    assert [item.sku for item in first.items] == ["tea"]
    assert (first.issued, first.captured_uses, first.time_zone) == (3, 0, "Asia/Shanghai")
    assert (second.shops, second.items, second.issued) == ([], [], 3)


def test_its_count_is_that_of_now(alone: Process) -> None:
    scheme = alone.desk.scheme()
    one, other = alone.desk.issue(scheme, 2)
    [before] = named(alone, other.code)
    alone.desk.redeem(one.code)
    [after] = named(alone, other.code)
    assert before is not None and after is not None
    assert (before.captured_uses, after.captured_uses) == (0, 1)


def test_it_names_who_captured_each_of_the_coupons(alone: Process) -> None:
    desk = alone.desk
    first, second, third = (desk.coupon() for _ in range(3))
    held = desk.hold(first, a_bill("B1")).redemption.id
    desk.must(Capture(merchant_id=MERCHANT, redemption_id=held, cashier_id=CASHIER))
    desk.redeem(second, a_bill("B2"))
    desk.hold(third, a_bill("B3", cashier_id=CASHIER))
    codes = (first, second, third)
    answers = alone.look(*(LookUp(merchant_id=MERCHANT, code=code, spelled_out=True) for code in codes))
    found = [one.outcome for one in answers if isinstance(one, Answer)]
    assert [one.coupon.captor_name for one in found if isinstance(one, Found)] == ["收银员01", "", ""]
    assert desk.look_up(first).captor_name == ""  # not asked for


def test_a_plain_look_up_does_without(alone: Process) -> None:
    assert alone.desk.look_up(alone.desk.coupon()).named is None
