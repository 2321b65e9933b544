"""`coupon.off-coupon`: the document's own sample made through the engine, then every face a coupon can have."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal

import pytest

from gateways.zvcms.callers import DOCS, DOCUMENTED, MERCHANT, OPEN_ID, Caller, outcome
from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.coupon import Channel
from hexiao.domain.party import Cashier, Item, Member, Merchant, Shop
from hexiao.domain.scheme import (
    Balance,
    Benefit,
    DaysFromNextDay,
    DaysFromReceipt,
    FixedDates,
    Goods,
    MoneyOff,
    RateUses,
    Shops,
    Terms,
)
from hexiao.engine.commands import (
    Capture,
    CreateScheme,
    Import,
    Imported,
    Issue,
    PauseScheme,
    Put,
    Redeem,
    Release,
    Reverse,
    Take,
    Void,
)

CODE = "20191031966176899187"
LITERAL_ID = "literal0000000000000000000000000"

DIFFERENCES = {
    ("both", "message"): "The sample prints a placeholder.",
    ("default", "every number and boolean"): (
        "The sample quotes all scalars; the field table and real clients have JSON numbers and booleans."
    ),
    ("default", "data.end_at"): (
        "The sample repeats start_at, which would make the coupon end as it begins; "
        "ours is the last second of its 20 days."
    ),
}


def documented(caller: Caller) -> None:
    """Template and coupon of the printed response, each made at its printed time; 20 of 20 are issued."""
    caller.clock.now = 1_571_993_584_000
    caller.put(Shop(id=283, merchant_id=MERCHANT, number="SN151046", name="测试中,勿动1", address="创新产业园c1栋222"))
    caller.put(Item(id=29423, merchant_id=MERCHANT, sku="12345678", name="笑儿泡菜"))
    holders = [100001138, *range(1, 20)]
    for id in holders:
        caller.put(Member(id=id, merchant_id=MERCHANT, name=f"会员{id}"))
    terms = Terms(
        validity=DaysFromNextDay(20),
        minimum_spend_fen=2000,
        goods=Goods("listed", ("12345678", "29424")),
        shops=Shops("listed", ("283", "302")),
        scene="online",
        shareable=True,
        total=20,
        per_member=1,
    )
    scheme = CreateScheme(
        merchant_id=MERCHANT,
        id=20001497,
        number="20001497",
        name="测试优惠券111",
        description="使用说明测试",
        terms=terms,
        benefit=MoneyOff(1000),
    )
    caller.do(scheme)
    caller.clock.now = 1_572_481_817_000
    coupons = [Imported(code=f"OTHER{id}", member_id=id) for id in holders[1:]]
    coupons.append(Imported(code=CODE, id=20074550, member_id=holders[0]))
    caller.do(Import(merchant_id=MERCHANT, scheme_id=20001497, coupons=tuple(coupons)))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar with its path, in the order it is printed."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, f"{path}[{index}]")
    else:
        yield path, value


def differences(answer: Mapping[str, Any]) -> set[str]:
    """The members whose printed text differs; bare numbers and booleans beside quoted ones count as one."""
    ours, theirs = dict(leaves(answer)), dict(leaves(DOCUMENTED))
    assert list(ours) == list(theirs)
    found = set()
    for path, value in ours.items():
        if not isinstance(value, str):
            found.add("every number and boolean")
            value = json.dumps(value)
        if value != theirs[path]:
            found.add(path)
    return found


class TestTheDocumentedSample:
    def test_comes_back_but_for_what_is_listed(self, caller: Caller) -> None:
        documented(caller)
        assert differences(caller.ask(CODE)) == {member for _, member in DIFFERENCES}

    def test_comes_back_to_the_letter_in_the_literal_form(self, caller: Caller) -> None:
        documented(caller)
        caller.open_account(LITERAL_ID, doc_literal=True)
        answer = caller.ask(CODE, open_id=LITERAL_ID)
        assert differences(answer) == {member for form, member in DIFFERENCES if form == "both"}

    def test_ends_with_its_last_day(self, caller: Caller) -> None:
        documented(caller)
        assert caller.data(CODE)["end_at"] == 1_574_265_599

    def test_has_json_types_by_default(self, caller: Caller) -> None:
        documented(caller)
        answer = caller.ask(CODE)
        texts = {path for path, value in leaves(answer) if isinstance(value, str)}
        coupon = "amount desc end_at expire_date expire_date_text expire_date_text2 good_ids shop_ids start_at title"
        assert texts == {
            "message",
            *(f"data.{name}" for name in ("coupon_id", "verifier_name", "verify_code")),
            *(f"data.verify_code_{name}" for name in ("barcode", "qrcode")),
            *(f"data.coupon.{name}" for name in (*coupon.split(), "use_format", "use_scene_text")),
            *(f"data.coupon.apply_stores[0].{name}" for name in ("name", "address", "work_status", "sn")),
            *(f"data.coupon.apply_goods[0].{name}" for name in ("tag_name", "name")),
        }
        assert answer["status"] is True

    def test_the_docs_list_the_very_same_differences(self) -> None:
        section = DOCS.read_text("utf-8").split("## Against the document's sample")[1]
        rows = re.findall(r"^\| (both|default|literal) \| (.+?) \| (.+?) \|$", section, re.M)
        assert {(form, member): reason for form, member, reason in rows} == DIFFERENCES

    def test_errors_of_a_literal_account_have_a_bare_status_and_a_quoted_code(self, caller: Caller) -> None:
        caller.open_account(LITERAL_ID, doc_literal=True)
        assert outcome(caller.ask("1", open_id=LITERAL_ID)) == (True, "100010")
        assert outcome(caller.ask(None, open_id=LITERAL_ID)) == (False, "100002")
        assert outcome(caller.ask("1", open_id=LITERAL_ID, open_key="other")) == (False, "110004")
        assert outcome(caller.ask("1", open_id=LITERAL_ID, grant_code="x")) == (False, 110002)


@pytest.fixture
def till(caller: Caller) -> Caller:
    """A merchant with one shop, two cashiers and a member."""
    caller.put(Shop(id=10, merchant_id=MERCHANT, number="001", name="一店", work_state="营业中"))
    caller.put(Cashier(id=20, merchant_id=MERCHANT, name="收银员甲"))
    caller.put(Cashier(id=21, merchant_id=MERCHANT, name="收银员乙"))
    caller.put(Member(id=30, merchant_id=MERCHANT, name="会员"))
    return caller


def issued(caller: Caller, benefit: Benefit | None = None, *, member_id: int | None = None, **terms: Any) -> str:
    terms.setdefault("validity", DaysFromReceipt(30))
    scheme = CreateScheme(
        merchant_id=MERCHANT, id=77, number="S", name="券", terms=Terms(**terms), benefit=benefit or MoneyOff(1000)
    )
    caller.do(scheme)
    command = Issue(merchant_id=MERCHANT, scheme_id=77, member_id=member_id, channel=Channel.CARD)
    return str(caller.do(command).coupons[0].code)


def use(
    caller: Caller,
    code: str,
    mode: Literal["hold", "redeem"],
    *,
    bill: str = "B1",
    cashier: int | None = 20,
    amount_fen: int | None = None,
) -> int:
    command = Redeem(
        merchant_id=MERCHANT,
        mode=mode,
        coupons=(Take(code, amount_fen),),
        bill=Bill(number=bill, shop_id=10, lines=(BillLine("A", 1, 50_00),), cashier_id=cashier),
    )
    return int(caller.do(command).redemptions[0].redemption.id)


def face(caller: Caller, code: str) -> tuple[int, int, str]:
    data = caller.data(code)
    return data["status"], data["is_lock"], data["verifier_name"]


class TestWhatHappenedToACoupon:
    def test_a_new_one_is_unused_and_free(self, till: Caller) -> None:
        assert face(till, issued(till)) == (0, 1, "")

    def test_a_held_one_is_locked_and_not_yet_verified(self, till: Caller) -> None:
        code = issued(till)
        use(till, code, "hold")
        assert face(till, code) == (2, 2, "")

    def test_a_released_one_is_free_again(self, till: Caller) -> None:
        code = issued(till)
        till.do(Release(merchant_id=MERCHANT, redemption_id=use(till, code, "hold")))
        assert face(till, code) == (0, 1, "")

    def test_a_hold_past_its_deadline_is_gone(self, till: Caller) -> None:
        code = issued(till, hold_seconds=60)
        use(till, code, "hold")
        till.clock.forward(59)
        assert face(till, code) == (2, 2, "")
        till.clock.forward(1)
        assert face(till, code) == (0, 1, "")

    def test_a_captured_one_is_used_and_names_who_verified_it(self, till: Caller) -> None:
        code = issued(till)
        hold = use(till, code, "hold")
        till.do(Capture(merchant_id=MERCHANT, redemption_id=hold))
        assert face(till, code) == (1, 1, "收银员甲")

    @pytest.mark.parametrize("held_by", [None, 20])
    def test_who_verified_it_is_who_captured_it_and_not_who_held_it(self, till: Caller, held_by: int | None) -> None:
        code = issued(till, Balance(30_00))
        hold = use(till, code, "hold", cashier=held_by, amount_fen=10_00)
        till.do(Capture(merchant_id=MERCHANT, redemption_id=hold, cashier_id=21))
        assert face(till, code) == (0, 1, "收银员乙")
        till.clock.forward(1)
        later = use(till, code, "redeem", bill="B2", cashier=20, amount_fen=10_00)
        assert face(till, code) == (0, 1, "收银员甲")
        till.do(Reverse(merchant_id=MERCHANT, redemption_id=later))
        assert face(till, code) == (0, 1, "收银员乙")

    def test_one_that_nobody_captured_by_name_names_nobody(self, till: Caller) -> None:
        code = issued(till)
        use(till, code, "redeem", cashier=None)
        assert face(till, code) == (1, 1, "")

    def test_a_reversed_one_is_unused_again(self, till: Caller) -> None:
        code = issued(till)
        till.do(Reverse(merchant_id=MERCHANT, redemption_id=use(till, code, "redeem")))
        assert face(till, code) == (0, 1, "")

    def test_one_that_is_used_in_parts_is_unused_until_it_is_used_up(self, till: Caller) -> None:
        code = issued(till, Balance(30_00))
        use(till, code, "redeem", bill="B1", cashier=20, amount_fen=10_00)
        assert face(till, code) == (0, 1, "收银员甲")
        till.clock.forward(1)
        use(till, code, "hold", bill="B2", cashier=21, amount_fen=5_00)
        assert face(till, code) == (2, 2, "收银员甲")
        till.clock.forward(3600)
        use(till, code, "redeem", bill="B3", cashier=21, amount_fen=20_00)
        assert face(till, code) == (1, 1, "收银员乙")

    def test_one_with_several_uses_is_locked_while_one_of_them_is_held(self, till: Caller) -> None:
        code = issued(till, RateUses(1000, 2))
        use(till, code, "hold", bill="B1")
        assert face(till, code) == (2, 2, "")

    def test_a_voided_one_is_a_business_exception(self, till: Caller) -> None:
        code = issued(till)
        till.do(Void(merchant_id=MERCHANT, code=code))
        assert outcome(till.ask(code)) == (True, 100030)

    def test_an_expired_one_shows_it_in_its_end_only(self, till: Caller) -> None:
        code = issued(till, validity=DaysFromReceipt(1))
        till.clock.forward(86_400)
        data = till.data(code)
        assert data["status"] == 0
        assert data["end_at"] < till.clock.now // 1000

    def test_looking_changes_nothing(self, till: Caller) -> None:
        code = issued(till)
        use(till, code, "hold")
        till.clock.forward(3600)
        coupon_id = till_id(till, code)
        before = till.engine.read_now(lambda reader: reader.journal(coupon_id))
        till.data(code)
        assert till.engine.read_now(lambda reader: reader.journal(coupon_id)) == before


def till_id(caller: Caller, code: str) -> int:
    return int(caller.data(code)["id"])


class TestWhoseCouponItIs:
    def test_a_bearer_has_no_id(self, till: Caller) -> None:
        data = till.data(issued(till))
        assert (data["user_id"], data["type_id"]) == (0, 2)

    def test_a_member_has_his(self, till: Caller) -> None:
        assert till.data(issued(till, member_id=30))["user_id"] == 30

    def test_another_merchants_coupon_is_unknown(self, till: Caller) -> None:
        code = issued(till)
        till.do(Put(merchant_id=2, record=Merchant(id=2, name="另一商户")))
        theirs = CreateScheme(
            merchant_id=2,
            number="S",
            name="券",
            terms=Terms(validity=DaysFromReceipt(1)),
            benefit=MoneyOff(1),
        )
        scheme = till.do(theirs).scheme
        other = till.do(Issue(merchant_id=2, scheme_id=scheme.id)).coupons[0].code
        assert outcome(till.ask(other)) == (True, 100010)
        assert till.data(code)["verify_code"] == code


class TestTheCodeAsTyped:
    def test_is_normalised_before_it_is_looked_up(self, caller: Caller) -> None:
        documented(caller)
        for typed in (f" {CODE[:8]}-{CODE[8:]} ", "".join(chr(ord(digit) + 0xFEE0) for digit in CODE), int(CODE)):
            assert caller.data(typed)["id"] == 20074550
        assert caller.data(" other1 ")["verify_code"] == "OTHER1"

    def test_is_nobodys_when_it_is_longer_than_anybody_types(self, caller: Caller) -> None:
        documented(caller)
        assert caller.data(CODE.ljust(200))["id"] == 20074550
        assert outcome(caller.ask(CODE.ljust(201))) == (True, 100010)


class TestTheScheme:
    def test_counts_what_was_issued_and_used(self, till: Caller) -> None:
        code = issued(till, total=5)
        till.do(Issue(merchant_id=MERCHANT, scheme_id=77, quantity=2))
        redemption = use(till, code, "redeem")
        coupon = till.data(code)["coupon"]
        assert (coupon["total"], coupon["number"], coupon["used"]) == (5, 3, 1)
        till.do(Reverse(merchant_id=MERCHANT, redemption_id=redemption))
        assert till.data(code)["coupon"]["used"] == 0

    def test_is_not_usable_while_paused(self, till: Caller) -> None:
        code = issued(till)
        till.do(PauseScheme(merchant_id=MERCHANT, scheme_id=77, paused=True))
        assert till.data(code)["coupon"]["status"] == 0
        till.do(PauseScheme(merchant_id=MERCHANT, scheme_id=77, paused=False))
        assert till.data(code)["coupon"]["status"] == 1

    def test_with_fixed_dates_has_them_in_the_merchants_zone(self, till: Caller) -> None:
        till.do(Put(merchant_id=1, record=Merchant(id=1, name="测试商户", time_zone="UTC")))
        code = issued(till, validity=FixedDates(date(2025, 11, 1), date(2025, 12, 31)))
        data = till.data(code)
        coupon = data["coupon"]
        assert (coupon["start_at"], coupon["end_at"]) == (1_761_955_200, 1_767_225_599)
        assert (data["start_at"], data["end_at"]) == (coupon["start_at"], coupon["end_at"])
        assert coupon["expire_date"] == "2025-11-01 至 2025-12-31"

    def test_names_shops_in_their_listed_order_and_skips_what_nobody_has(self, till: Caller) -> None:
        till.put(Shop(id=5, merchant_id=MERCHANT, number="002", name="二店"))
        unknown = ("404", "9223372036854775807")
        code = issued(till, shops=Shops("all_but", (*unknown, "10", "5")))
        coupon = till.data(code)["coupon"]
        assert [(store["id"], store["sn"], store["work_status"]) for store in coupon["apply_stores"]] == [
            (10, "001", "营业中"),
            (5, "002", "未知"),
        ]
        assert coupon["shop_ids"] == ",".join((*unknown, "10", "5"))


class TestPictures:
    def test_are_empty_by_default(self, till: Caller) -> None:
        data = till.data(issued(till))
        assert (data["verify_code_barcode"], data["verify_code_qrcode"]) == ("", "")

    def test_are_data_uris_for_an_account_that_wants_them(self, till: Caller) -> None:
        wanting = till.open_account("pictures", images=True)
        data = till.data(issued(till), open_id=wanting)
        for name in ("verify_code_barcode", "verify_code_qrcode"):
            kind, _, picture = data[name].partition(",")
            assert kind == "data:image/svg+xml;base64"
            assert b"<svg" in b64decode(picture)
        assert till.data(data["verify_code"], open_id=OPEN_ID)["verify_code_qrcode"] == ""
