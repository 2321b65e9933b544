"""What a process keeps in memory of merchants, shops, cashiers and schemes is never older than the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.desk import MERCHANT, OTHER_SHOP, SHOP, a_bill, redeeming
from engine.process import Process
from hexiao.domain.errors import Code
from hexiao.domain.party import Cashier, Shop
from hexiao.engine.commands import Failed, PauseScheme, Put, Redeemed
from hexiao.storage import loading
from hexiao.storage.base import RedemptionFilter, StorageDown

Start = Callable[[], Process]


def paused_by_another(process: Start) -> Any:
    """What a process answers that has used a scheme before another one paused it."""
    mine, theirs = process(), process()
    scheme = mine.desk.scheme()
    first, second = mine.desk.issue(scheme, 2)
    mine.desk.redeem(first.code)
    theirs.desk.pause(scheme)
    return mine.desk.do(redeeming(second.code, a_bill()))


def test_a_scheme_that_another_process_paused_is_paused_here(process: Start) -> None:
    outcome = paused_by_another(process)
    assert isinstance(outcome, Failed)
    assert outcome.code is Code.SCHEME_PAUSED


def test_without_the_edition_it_would_not_be(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading.Kept, "start", lambda kept, edition: None)
    assert isinstance(paused_by_another(process), Redeemed)


def test_a_limit_that_another_process_lowered_holds_here(process: Start) -> None:
    mine, theirs = process(), process()
    scheme = mine.desk.scheme(budget_fen=5_000)
    first, second = mine.desk.issue(scheme, 2)
    mine.desk.redeem(first.code)
    theirs.desk.revise(scheme, budget_fen=1_500)
    assert mine.desk.no(redeeming(second.code, a_bill())) is Code.BUDGET_EXHAUSTED


def test_a_shop_that_another_process_renamed_has_its_new_name_here(process: Start) -> None:
    mine, theirs = process(), process()
    code = mine.desk.coupon()
    mine.desk.redeem(code, a_bill("B1", shop_id=SHOP))
    theirs.desk.must(Put(merchant_id=MERCHANT, record=Shop(id=SHOP, merchant_id=MERCHANT, number="001", name="新名")))
    refused = mine.desk.refused(redeeming(code, a_bill("B2", shop_id=OTHER_SHOP)))
    assert refused.facts["shop"] == "新名"


def listed_after_another_renamed_the_shop(process: Start) -> list[str | None]:
    """The shop's name in the list of one process, before and after."""
    mine, theirs = process(), process()
    mine.desk.redeem(mine.desk.coupon(), a_bill("B1", shop_id=SHOP))
    wanted = RedemptionFilter(merchant_id=MERCHANT, shop_id=SHOP)
    before = mine.storage.redemption_page(wanted, 1, 10)[1]
    theirs.desk.must(Put(merchant_id=MERCHANT, record=Shop(id=SHOP, merchant_id=MERCHANT, number="001", name="新名")))
    after = mine.storage.redemption_page(wanted, 1, 10)[1]
    return [one.shop_name for one in (*before, *after)]


def test_a_list_shows_the_name_that_another_process_gave_a_shop(process: Start) -> None:
    before, after = listed_after_another_renamed_the_shop(process)
    assert before != after == "新名"


def test_without_the_edition_it_would_show_the_old_one(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading.Kept, "start", lambda kept, edition: None)
    before, after = listed_after_another_renamed_the_shop(process)
    assert before == after


def test_a_cashier_that_was_not_there_is_found_once_another_process_made_him(process: Start) -> None:
    mine, theirs = process(), process()
    code = mine.desk.coupon()
    bill = a_bill(cashier_id=77)
    assert mine.desk.no(redeeming(code, bill)) is Code.UNKNOWN_CASHIER
    theirs.desk.must(Put(merchant_id=MERCHANT, record=Cashier(id=77, merchant_id=MERCHANT, name="新人")))
    assert mine.desk.redeem(code, bill).redemption.cashier_id == 77


def test_a_change_that_was_not_saved_is_not_kept(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coupon is judged by its own version, which stands in memory beside the latest."""
    alone = process()
    scheme = alone.desk.scheme()
    first, second = alone.desk.issue(scheme, 2)
    alone.desk.revise(scheme, minimum_spend_fen=100)
    alone.desk.pause(scheme)
    assert alone.desk.no(redeeming(first.code, a_bill("B1"))) is Code.SCHEME_PAUSED
    save = alone.storage.save

    def full(*_: Any) -> None:
        raise StorageDown("disk full")

    monkeypatch.setattr(alone.storage, "save", full)
    resume = PauseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, paused=False)
    assert len(alone.commit(redeeming(first.code, a_bill("B2"), request_id="r"), resume)) == 2
    monkeypatch.setattr(alone.storage, "save", save)
    assert alone.desk.no(redeeming(second.code, a_bill("B3"))) is Code.SCHEME_PAUSED


def test_what_is_kept_is_bounded(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "KEPT_MAX", 3)
    alone = process()
    for _ in range(8):
        alone.desk.redeem(alone.desk.coupon())
    storage: Any = alone.storage
    assert len(storage._kept.schemes) <= 5
