"""What each member says of a coupon and its scheme."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateways.zvcms.callers import DAYS, DOCUMENTED, VECTORS
from hexiao.domain.coupon import Channel, Coupon
from hexiao.domain.party import Item, Shop
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
    Scheme,
    Shops,
    Terms,
    validity_window,
)
from hexiao.gateways.zvcms import messages

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = 1_572_481_817_000


def template(*, benefit: Benefit | None = None, now: int = NOW, paused: bool = False, **terms: Any) -> Any:
    return messages.template_of(scheme(benefit=benefit, paused=paused, **terms), facts(now))


def scheme(*, benefit: Benefit | None = None, paused: bool = False, **terms: Any) -> Scheme:
    terms.setdefault("validity", DaysFromNextDay(20))
    return Scheme(
        id=9,
        merchant_id=1,
        number="A",
        version=1,
        latest=1,
        name="券",
        terms=Terms(**terms),
        benefit=benefit or MoneyOff(1000),
        paused=paused,
    )


def facts(now: int = NOW, shops: tuple[Shop, ...] = (), items: tuple[Item, ...] = ()) -> messages.Facts:
    return messages.Facts(
        now=now,
        zone=SHANGHAI,
        shops={str(shop.id): shop for shop in shops},
        items={item.sku: item for item in items},
        issued=3,
        captured_uses=2,
    )


def coupon(**changes: Any) -> Coupon:
    whole = Coupon(
        id=5, merchant_id=1, scheme_id=9, scheme_version=1, code="X", record_id=5, face_fen=1000, uses_max=1,
        valid_from_at=NOW, valid_until_at=NOW + 86_400_000, issued_at=NOW,
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changes)


class TestTheOrderOfMembers:
    def test_is_that_of_the_document(self) -> None:
        wire = json.loads(messages.encode(messages.Success(data=messages.off_coupon(coupon(), scheme(), facts()))))
        assert list(wire) == list(DOCUMENTED)
        assert list(wire["data"]) == list(DOCUMENTED["data"])
        assert list(wire["data"]["coupon"]) == list(DOCUMENTED["data"]["coupon"])

    def test_holds_in_the_lists_too(self) -> None:
        documented = DOCUMENTED["data"]["coupon"]
        assert list(messages.Store.__struct_fields__) == list(documented["apply_stores"][0])
        assert list(messages.Goods.__struct_fields__) == list(documented["apply_goods"][0])


class TestTheVectors:
    @pytest.mark.parametrize("vector", VECTORS["validity_windows"], ids=lambda vector: vector["name"])
    def test_a_window_is_the_recorded_one(self, vector: dict[str, Any]) -> None:
        days = DAYS[vector["expire_type"]](vector["expire_days"])
        from_at, until_at = validity_window(days, vector["created_at"] * 1000, SHANGHAI)
        assert (from_at // 1000, messages.last_second(until_at)) == (vector["start_at"], vector["end_at"])
        assert messages.expiry_of(days) == (vector["expire_type"], vector["expire_days"])

    def test_the_texts_are_the_recorded_ones(self) -> None:
        for vector in VECTORS["texts"]:
            if vector["field"] == "use_format":
                wire = template(minimum_spend_fen=vector["min_amount_use"] * 100)
            elif vector["field"] == "use_scene_text":
                wire = template(scene=["both", "online", "shop"][vector["use_scene"]])
                assert wire.use_scene == vector["use_scene"]
            else:
                days = DAYS[vector["expire_type"]](vector["expire_days"])
                wire = template(validity=days)
            assert getattr(wire, vector["field"]) == vector["text"], vector["mark"]


class TestTheAmount:
    @pytest.mark.parametrize(
        ("benefit", "amount", "coupon_type"),
        [
            (MoneyOff(1000), "10", 0),
            (MoneyOff(1250), "12.5", 0),
            (MoneyOff(1), "0.01", 0),
            (RateOff(1500), "8.5", 1),
            (RateOff(2000), "8", 1),
            (RateOff(1234), "8.766", 1),
            (RateOff(10_000), "0", 1),
            (RateOff(1), "9.999", 1),
            (RateOff(9_990), "0.01", 1),
            (GoodsOff(up_to_fen=3000), "30", 0),
            (GoodsOff(up_to_quantity=2), "0", 0),
            (Balance(10_000), "100", 0),
            (RateUses(500, 3), "9.5", 1),
        ],
    )
    def test_is_yuan_or_tenths_left_to_pay(self, benefit: Benefit, amount: str, coupon_type: int) -> None:
        wire = template(benefit=benefit)
        assert (wire.amount, wire.coupon_type) == (amount, coupon_type)

    @pytest.mark.parametrize(
        ("fen", "yuan", "text"),
        [(0, 0, "无订单金额限制"), (2000, 20, "满20使用"), (2050, 21, "满20.5使用"), (1, 1, "满0.01使用")],
    )
    def test_the_minimum_is_whole_yuan_and_never_promises_too_much(self, fen: int, yuan: int, text: str) -> None:
        wire = template(minimum_spend_fen=fen)
        assert (wire.min_amount_use, wire.use_format) == (yuan, text)


class TestFixedDates:
    validity = FixedDates(date(2019, 10, 1), date(2019, 12, 31))

    def test_the_template_has_dates_of_its_own(self) -> None:
        wire = template(validity=self.validity)
        assert (wire.start_at, wire.end_at) == (1_569_859_200, 1_577_807_999)
        assert (wire.expire_type, wire.expire_days) == (0, 0)
        assert {wire.expire_date, wire.expire_date_text, wire.expire_date_text2} == {"2019-10-01 至 2019-12-31"}

    def test_it_is_usable_to_its_last_millisecond(self) -> None:
        end = 1_577_808_000_000
        assert template(validity=self.validity, now=end - 1).status == 1
        assert template(validity=self.validity, now=end).status == 0

    def test_a_relative_one_has_none_and_never_ends(self) -> None:
        wire = template(validity=DaysFromReceipt(1), now=NOW * 2)
        assert (wire.start_at, wire.end_at, wire.status) == ("", "", 1)

    def test_a_paused_one_is_not_usable(self) -> None:
        assert template(paused=True).status == 0


class TestWhereAndOnWhat:
    @pytest.mark.parametrize(("mode", "number"), [("all", 0), ("categories", 1), ("listed", 2), ("all_but", 3)])
    def test_goods_ranges(self, mode: str, number: int) -> None:
        values = () if mode == "all" else ("A",)
        wire = template(goods=Goods(mode, values))  # type: ignore[arg-type]
        assert (wire.goods_range_type, wire.good_ids) == (number, "A" if number > 1 else "")

    @pytest.mark.parametrize(("mode", "number"), [("all", 0), ("listed", 1), ("all_but", 2)])
    def test_shop_ranges(self, mode: str, number: int) -> None:
        ids = () if mode == "all" else ("7",)
        wire = template(shops=Shops(mode, ids))  # type: ignore[arg-type]
        assert (wire.shop_range_type, wire.shop_ids) == (number, ",".join(ids))

    def test_lists_hold_what_resolves_and_texts_hold_all(self) -> None:
        shop = Shop(id=8, merchant_id=1, number="S8", name="八", address="路", work_state="营业")
        item = Item(id=70, merchant_id=1, sku="B", name="乙")
        wire = messages.template_of(
            scheme(shops=Shops("listed", ("7", "8")), goods=Goods("listed", ("A", "B"))),
            facts(shops=(shop,), items=(item,)),
        )
        assert (wire.shop_ids, wire.good_ids) == ("7,8", "A,70")
        assert wire.apply_stores == [messages.Store(id=8, name="八", address="路", work_status="营业", sn="S8")]
        assert wire.apply_goods == [messages.Goods(tag_name="B", name="乙")]


class TestTheCoupon:
    @pytest.mark.parametrize(
        ("changes", "status", "is_lock"),
        [
            ({}, 0, 1),
            ({"captured_uses": 1, "captured_fen": 400}, 1, 1),
            ({"held_uses": 1, "held_fen": 1000}, 2, 2),
            ({"held_uses": 1, "face_fen": None}, 2, 2),
            ({"uses_max": None, "captured_uses": 2, "captured_fen": 999}, 0, 1),
            ({"uses_max": None, "captured_uses": 2, "captured_fen": 1000}, 1, 1),
            ({"uses_max": None, "captured_uses": 1, "captured_fen": 1, "held_uses": 1, "held_fen": 1}, 2, 2),
        ],
    )
    def test_status_and_lock_come_together(self, changes: dict[str, Any], status: int, is_lock: int) -> None:
        assert messages.status_of(coupon(**changes)) == (status, is_lock)

    @pytest.mark.parametrize("channel", Channel)
    def test_says_how_it_was_received_and_by_whom(self, channel: Channel) -> None:
        wire = messages.off_coupon(coupon(channel=channel, member_id=42), scheme(), facts())
        assert (wire.type_id, wire.user_id) == (channel.value, 42)
        assert messages.off_coupon(coupon(), scheme(), facts()).user_id == 0

    def test_repeats_the_scene(self) -> None:
        assert messages.off_coupon(coupon(), scheme(scene="shop"), facts()).use_scene == 2


class TestTheLiteralForm:
    def test_quotes_every_scalar_of_a_success(self) -> None:
        success = messages.Success(data=messages.off_coupon(coupon(), scheme(), facts()))
        wire = json.loads(messages.encode(success, literal=True))
        assert (wire["status"], wire["code"]) == ("true", "0")
        assert {type(value) for value in wire["data"].values()} == {str, dict}
        assert {type(value) for value in wire["data"]["coupon"].values()} == {str, list}

    @pytest.mark.parametrize(("validity", "repeats"), [(DaysFromNextDay(2), True), (DaysFromReceipt(2), False)])
    def test_repeats_the_start_only_where_the_sample_does(self, validity: Any, repeats: bool) -> None:
        success = messages.Success(data=messages.off_coupon(coupon(), scheme(validity=validity), facts()))
        data = json.loads(messages.encode(success, literal=True))["data"]
        assert (data["end_at"] == data["start_at"]) is repeats
        data = json.loads(messages.encode(success))["data"]
        assert data["end_at"] > data["start_at"]

    def test_keeps_the_status_of_an_error_bare(self) -> None:
        failure = messages.Failure(status=False, code=110004, message="x")
        assert json.loads(messages.encode(failure, literal=True)) == {"status": False, "code": "110004", "message": "x"}
        assert json.loads(messages.encode(failure)) == {"status": False, "code": 110004, "message": "x"}
