"""The demo: the same rows every time, sound books, believable days, and both vendors' printed samples."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hexiao.config import Settings
from hexiao.demo import HistoryClock, catalogue, demo_requests, fill, is_complete, is_empty
from hexiao.demo.access import ADMIN_KEY, TILL_KEY
from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.coupon import Face
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Kind
from hexiao.engine.commands import Assess, Assessed, Found, LookUp, Take
from hexiao.engine.committer import Engine
from hexiao.storage.base import RedemptionFilter, RedemptionRow
from hexiao.vault import Vault
from hexiao.web.auth import hash_key
from hexiao.wiring import migrate, open_engine

NOW = 1_795_276_800_000 + 9 * 3_600_000 + 123  # a Sunday in November 2026
VAULT = Vault(b"k" * 32)


def make(folder: Path, now: int) -> Settings:
    settings = Settings(database=f"sqlite:///{folder / 'demo.db'}")
    migrate(settings)
    clock = HistoryClock()
    engine = open_engine(settings, clock=clock)
    try:
        fill(engine, clock, VAULT, now)
    finally:
        engine.close()
    return settings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make(tmp_path_factory.mktemp("demo"), NOW)


@pytest.fixture
def engine(made: Settings, tmp_path: Path) -> Iterator[Engine]:
    shutil.copy(made.sqlite_path, tmp_path / "demo.db")
    engine = open_engine(Settings(database=f"sqlite:///{tmp_path / 'demo.db'}"), clock=lambda: NOW)
    yield engine
    engine.close()


def rows_of(settings: Settings) -> dict[str, list[Any]]:
    """Every row of every table of ours, without what is sealed: that is never twice the same."""
    with closing(sqlite3.connect(settings.sqlite_path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: sorted(db.execute(f"SELECT * FROM {name}")) for name in names if "yoyo" not in name}
    tables["credential"] = [(*row[:6], row[7]) for row in tables["credential"]]
    return tables


def redemptions(engine: Engine, **wanted: Any) -> list[RedemptionRow]:
    listed = RedemptionFilter(merchant_id=1, **wanted)
    return engine.read_now(lambda reader: reader.redemptions(listed, None, 10_000))


def look_up(engine: Engine, code: str) -> Found:
    found = engine.call(LookUp(merchant_id=1, code=code)).outcome
    assert isinstance(found, Found)
    return found


class TestTheSameEveryTime:
    def test_the_same_now_gives_the_same_rows(self, made: Settings, tmp_path: Path) -> None:
        again = rows_of(make(tmp_path, NOW))
        first = rows_of(made)
        assert [name for name in first if first[name] != again[name]] == []

    def test_another_day_moves_the_history_and_keeps_the_samples(self, tmp_path: Path) -> None:
        settings = make(tmp_path, NOW + 3 * 86_400_000)
        engine = open_engine(settings, clock=lambda: NOW + 3 * 86_400_000)
        try:
            (sample,) = redemptions(engine, bill_number="M0033202311180001")
            newest = max(row.redemption.created_at for row in redemptions(engine))
        finally:
            engine.close()
        assert sample.redemption.created_at == 1_700_294_804_000
        assert NOW + 2 * 86_400_000 - 16 * 3_600_000 < newest < NOW + 3 * 86_400_000

    def test_a_clock_before_the_samples_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="went back"):
            make(tmp_path, 1_600_000_000_000)


class TestItsBooks:
    def test_every_invariant_holds(self, engine: Engine) -> None:
        assert engine.read_now(lambda reader: list(reader.broken(NOW))) == []

    def test_it_knows_whether_it_is_there(self, engine: Engine, tmp_path: Path) -> None:
        assert engine.read_now(is_complete)
        assert not engine.read_now(is_empty)
        other = Settings(database=f"sqlite:///{tmp_path / 'other.db'}")
        migrate(other)
        bare = open_engine(other)
        assert bare.read_now(is_empty)
        assert not bare.read_now(is_complete)
        bare.close()


class TestThirtyDays:
    def test_all_five_kinds_and_all_ends_occur(self, engine: Engine) -> None:
        rows = redemptions(engine)
        assert {row.redemption.kind for row in rows} == set(Kind)
        assert {row.redemption.state for row in rows} == set(State) - {State.HELD}
        part = [row for row in rows if 0 < row.redemption.reversed_fen < row.redemption.captured_fen]
        less = [row for row in rows if 0 < row.redemption.captured_fen < row.redemption.held_fen]
        assert part
        assert less

    def test_every_day_has_some_and_none_is_of_today(self, engine: Engine) -> None:
        days = Counter(
            datetime.fromtimestamp(row.redemption.created_at / 1000, catalogue.ZONE).date()
            for row in redemptions(engine)
        )
        today = datetime.fromtimestamp(NOW / 1000, catalogue.ZONE).date()
        expected = {today - timedelta(days=n) for n in range(1, 31)}
        assert set(days) - {datetime(2023, 11, 18).date()} == expected  # noqa: DTZ001
        assert min(days[day] for day in expected) >= 5

    def test_some_bills_carry_two_coupons(self, engine: Engine) -> None:
        bills = Counter((row.redemption.shop_id, row.redemption.bill_number) for row in redemptions(engine))
        assert max(bills.values()) == 2

    def test_refusals_are_of_many_kinds(self, made: Settings) -> None:
        codes = {row[4] for row in rows_of(made)["refusal"]}
        expected = {"unknown_coupon", "below_minimum_spend", "coupon_used_up", "outside_hours", "scheme_paused"}
        assert expected <= codes

    def test_mobile_numbers_are_made_up(self) -> None:
        own = [member.mobile for member in catalogue.MEMBERS if member.id != catalogue.KINGDEE_MEMBER]
        assert all(mobile.startswith("199000000") and len(mobile) == 11 for mobile in own)
        assert len(set(own)) == len(own)


class TestWellKnownCoupons:
    def test_all_are_usable_now(self, engine: Engine) -> None:
        codes = [code for codes in catalogue.WELL_KNOWN.values() for code in codes]
        assert {look_up(engine, code).coupon.coupon.face(NOW) for code in codes} == {Face.USABLE}

    def test_there_is_one_of_each_kind(self, engine: Engine) -> None:
        found = [look_up(engine, codes[0]).coupon.scheme.kind for codes in catalogue.WELL_KNOWN.values()]
        assert sorted(found) == sorted(Kind)

    @pytest.mark.parametrize("code", [codes[0] for codes in catalogue.WELL_KNOWN.values()])
    def test_each_gives_something_on_a_plain_bill(self, engine: Engine, code: str) -> None:
        line = BillLine(sku=catalogue.PICKLES_SKU, quantity=6, unit_price_fen=980)
        bill = Bill(number="X", shop_id=catalogue.MAIN_STREET, lines=(line,), member_id=catalogue.KINGDEE_MEMBER)
        outcome = engine.call(Assess(merchant_id=1, coupons=(Take(code),), bill=bill)).outcome
        assert isinstance(outcome, Assessed)
        assert outcome.assessments[0].amount_fen > 0


class TestKingdeesSample:
    def test_the_printed_row(self, engine: Engine) -> None:
        (row,) = redemptions(engine, bill_number="M0033202311180001")
        one = row.redemption
        assert row.shop is not None
        assert row.cashier is not None
        assert row.member is not None
        assert (row.shop.id, row.shop.number, row.shop.name) == (1333333333, "001", "001门店")
        assert (row.cashier.id, row.cashier.name) == (1333222, "收银员01")
        assert (row.member.id, row.member.name, row.member.mobile) == (1333333333, "会员001", "13222113311")
        assert (row.member.card_id, row.member.card_number) == ("1", "001")
        assert (row.coupon.id, row.coupon.code, row.coupon.record_id) == (100, "001", 1820256048657727488)
        assert (row.coupon.face_fen, one.captured_fen) == (10_000, 100)
        assert (row.scheme.number, row.scheme.kind) == ("001", Kind.MONEY_OFF)
        assert one.captured_at is not None
        written_off = datetime.fromtimestamp(one.captured_at / 1000, catalogue.ZONE)
        assert f"{written_off:%Y-%m-%d %H:%M:%S}" == "2023-11-18 16:06:44"

    def test_its_shop_has_as_many_rows_as_the_printed_page_counts(self, engine: Engine) -> None:
        wanted = RedemptionFilter(merchant_id=1, shop_id=1333333333)
        count, page = engine.read_now(lambda reader: reader.redemption_page(wanted, 1, 10))
        assert (count, page[0].bill_number) == (30, "M0033202311180001")


class TestZvcmsSample:
    def test_the_printed_coupon(self, engine: Engine) -> None:
        view = look_up(engine, "20191031966176899187").coupon
        coupon = view.coupon
        assert (coupon.id, coupon.member_id, coupon.scheme_id) == (20074550, 100001138, 20001497)
        assert (coupon.issued_at, coupon.valid_from_at) == (1_572_481_817_000, 1_572_537_600_000)
        assert (coupon.captured_uses, coupon.held_uses, coupon.channel) == (0, 0, 0)
        assert view.last_use is None

    def test_the_printed_template(self, engine: Engine) -> None:
        scheme = look_up(engine, "20191031966176899187").coupon.scheme
        terms = scheme.terms
        assert (scheme.name, scheme.description, scheme.paused) == ("测试优惠券111", "使用说明测试", False)
        assert (scheme.created_at, scheme.updated_at) == (1_571_993_584_000, 1_571_993_584_000)
        assert (scheme.shown_in_list, scheme.shown_on_goods) == (True, False)
        assert (terms.minimum_spend_fen, terms.scene, terms.shareable) == (2000, "online", True)
        assert (terms.total, terms.per_member) == (20, 1)
        assert (terms.goods.mode, terms.goods.values) == ("listed", ("12345678", "29424"))
        assert (terms.shops.mode, terms.shops.ids) == ("listed", ("283", "302"))
        count = engine.read_now(lambda reader: reader.scheme_count(scheme.id))
        assert (count.issued, count.captured_uses) == (20, 0)

    def test_of_its_goods_and_shops_one_each_is_known(self, engine: Engine) -> None:
        (item,) = engine.read_now(lambda reader: reader.items_by_sku(1, ["12345678", "29424"]))
        (shop,) = engine.read_now(lambda reader: reader.shops_by_id(1, [283, 302]))
        assert (item.id, item.name) == (29423, "笑儿泡菜")
        assert (shop.name, shop.number, shop.work_state) == ("测试中,勿动1", "SN151046", "未知")
        assert shop.address == "创新产业园c1栋222"


class TestItsKeys:
    def test_api_keys_are_stored_hashed(self, engine: Engine, made: Settings) -> None:
        for key in (ADMIN_KEY, TILL_KEY):
            assert engine.read_now(lambda reader, key=key: reader.credential("api", hash_key(key)))  # type: ignore[misc]
            assert key.encode() not in made.sqlite_path.read_bytes()

    def test_the_vendors_secrets_are_sealed(self, made: Settings) -> None:
        content = made.sqlite_path.read_bytes()
        for secret in (
            b"75eb3c7cd5974c3018d6934e142b5f81",
            b"hexiao-demo-open-key",
            b"0123456789abcdef0123456789abcdef01",
        ):
            assert secret not in content


class TestRequests:
    def test_there_is_one_for_each_door(self) -> None:
        texts = [text for _, text in demo_requests("http://127.0.0.1:9")]
        assert ["/v1/redemptions" in texts[0], "/jdy/v2/ls" in texts[1], "/api/v2" in texts[2]] == [True] * 3
        assert all("http://127.0.0.1:9/" in text for text in texts)

    def test_they_name_this_program_from_the_present_folder(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        own = tmp_path / ".venv" / "bin" / "hexiao"
        own.parent.mkdir(parents=True)
        own.write_text("#!/bin/sh\n")
        own.chmod(0o755)
        monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
        monkeypatch.setenv("PATH", str(own.parent))
        monkeypatch.chdir(tmp_path)
        assert "\n.venv/bin/hexiao keys sign kingdee " in demo_requests()[1][1]
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert "$(hexiao keys sign zvcms)" in demo_requests()[2][1]
        monkeypatch.setenv("PATH", "/nowhere")
        assert f"$({own} keys sign zvcms)" in demo_requests()[2][1]
