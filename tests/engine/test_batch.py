"""One transaction for all that is waiting: in order, all saved before any is answered, and nobody pays for another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.desk import MERCHANT, a_bill, a_line, issuing, redeeming
from engine.process import Process
from engine.saves import Saves, codes_of, poison
from hexiao.domain.errors import Code
from hexiao.domain.party import Item
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Balance, Goods, MoneyOff
from hexiao.engine.commands import (
    Answer,
    AnyCommand,
    Assess,
    Capture,
    Failed,
    Found,
    Import,
    Imported,
    LookUp,
    PauseScheme,
    Put,
    Redeemed,
    Release,
    Reverse,
    ReviseScheme,
    Take,
    Void,
)
from hexiao.storage.base import GuardMissed

pytestmark = pytest.mark.usefixtures("no_pauses")


# One after the other, in one transaction.


def test_all_that_is_waiting_is_one_transaction(alone: Process, saves: Saves) -> None:
    codes = [alone.desk.coupon() for _ in range(40)]
    saves.count = 0
    results = alone.commit(*(redeeming(code, a_bill(code)) for code in codes))
    assert codes_of(results) == [None] * 40
    assert saves.count == 1


def test_each_command_sees_what_the_ones_before_it_did(alone: Process) -> None:
    scheme = alone.desk.scheme(MoneyOff(1_000))
    held = alone.desk.hold(alone.desk.issue(scheme)[0].code).redemption.id
    results = alone.commit(
        Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=(Imported("NEW"),)),
        redeeming("NEW", a_bill("B1")),
        redeeming("NEW", a_bill("B2")),
        Capture(merchant_id=MERCHANT, redemption_id=held),
        Capture(merchant_id=MERCHANT, redemption_id=held),
        Reverse(merchant_id=MERCHANT, redemption_id=held, amount_fen=1),
        Void(merchant_id=MERCHANT, code="NEW"),
        redeeming("NEW", a_bill("B3")),
    )
    assert codes_of(results) == [
        None,
        None,
        Code.COUPON_USED_UP,
        None,
        Code.ALREADY_CAPTURED,
        None,
        None,
        Code.COUPON_VOIDED,
    ]


def test_an_answer_shows_the_moment_it_was_given_not_what_later_commands_of_the_batch_did(alone: Process) -> None:
    held = alone.desk.hold(alone.desk.coupon()).redemption.id
    captured, reversed_ = alone.outcomes(
        Capture(merchant_id=MERCHANT, redemption_id=held), Reverse(merchant_id=MERCHANT, redemption_id=held)
    )
    assert isinstance(captured, Redeemed) and isinstance(reversed_, Redeemed)
    assert captured.redemptions[0].redemption.state is State.CAPTURED
    assert reversed_.redemptions[0].redemption.state is State.REVERSED


@pytest.mark.parametrize("change", [{"name": "二版"}, {"paused": True}], ids=["revised", "paused"])
def test_a_coupon_of_an_older_version_is_shown_as_a_batch_of_its_own_would_show_it(
    change: dict[str, Any], alone: Process, clock: Any
) -> None:
    scheme = alone.desk.scheme()
    together, later = alone.desk.issue(scheme, 2)
    alone.desk.revise(scheme)
    clock.forward(1)
    kind = PauseScheme if "paused" in change else ReviseScheme
    _, beside = alone.outcomes(
        kind(merchant_id=MERCHANT, scheme_id=scheme.id, **change), Void(merchant_id=MERCHANT, code=together.code)
    )
    [apart] = alone.outcomes(Void(merchant_id=MERCHANT, code=later.code))
    assert isinstance(beside, Found) and isinstance(apart, Found)
    assert beside.coupon.scheme == apart.coupon.scheme


def test_goods_have_their_category_for_a_scheme_that_asks_for_it_since_the_same_batch(alone: Process) -> None:
    scheme = alone.desk.scheme()
    tea = Item(id=0, merchant_id=MERCHANT, sku="tea", name="茶", category="drinks")
    alone.desk.must(Put(merchant_id=MERCHANT, record=tea))
    by_category = replace(scheme.terms, goods=Goods("categories", ("drinks",)))
    results = alone.commit(
        ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, terms=by_category),
        Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=(Imported("NEW"),)),
        redeeming("NEW", a_bill("B1", a_line(sku="tea", category=""))),
    )
    assert codes_of(results) == [None] * 3


def test_a_use_before_the_one_that_a_batch_reverses_is_the_latest(alone: Process, clock: Any) -> None:
    code = alone.desk.coupon(Balance(1_000))
    alone.desk.redeem(Take(code, 100), a_bill("B1"))
    clock.forward(1)
    latest = alone.desk.redeem(Take(code, 200), a_bill("B2")).redemption.id
    _, voided = alone.outcomes(
        Reverse(merchant_id=MERCHANT, redemption_id=latest), Void(merchant_id=MERCHANT, code=code)
    )
    assert isinstance(voided, Found) and voided.coupon.last_use is not None
    assert voided.coupon.last_use.bill_number == "B1"


def test_a_batch_of_nothing_but_looks_saves_nothing(alone: Process, saves: Saves) -> None:
    code = alone.desk.coupon()
    saves.count = 0
    looks: list[AnyCommand] = [
        LookUp(merchant_id=MERCHANT, code=code),
        Assess(merchant_id=MERCHANT, coupons=(), bill=a_bill()),
    ]
    assert codes_of(alone.look(*looks)) == [None, None]
    assert saves.count == 0


def test_stock_and_budget_are_exact_within_one_batch(alone: Process) -> None:
    desk = alone.desk
    stocked = desk.scheme(total=3)
    assert codes_of(alone.commit(*[issuing(stocked)] * 5)) == [None] * 3 + [Code.STOCK_EXHAUSTED] * 2
    budgeted = desk.scheme(MoneyOff(1_000), budget_fen=2_500)
    coupons = desk.issue(budgeted, 3)
    asked = [redeeming(coupon.code, a_bill(coupon.code)) for coupon in coupons]
    assert codes_of(alone.commit(*asked)) == [None, None, Code.BUDGET_EXHAUSTED]


def test_a_limit_that_is_raised_in_the_same_batch_counts_at_once(alone: Process) -> None:
    scheme = alone.desk.scheme(total=2)
    alone.desk.issue(scheme)
    raised = ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, total=3))
    assert codes_of(alone.commit(issuing(scheme), raised, issuing(scheme))) == [None, None, None]


def test_a_limit_that_is_lowered_in_the_same_batch_spoils_nothing_before_it(alone: Process, saves: Saves) -> None:
    scheme = alone.desk.scheme(MoneyOff(1_000), total=5, budget_fen=5_000)
    codes = [coupon.code for coupon in alone.desk.issue(scheme, 2)]
    lowered = ReviseScheme(
        merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, total=2, budget_fen=1_500)
    )
    saves.count = 0
    results = alone.commit(
        issuing(scheme, 3),
        redeeming(codes[0], a_bill("B1")),
        lowered,
        redeeming(codes[1], a_bill("B2")),
        issuing(scheme),
    )
    assert codes_of(results) == [None, None, None, Code.BUDGET_EXHAUSTED, Code.STOCK_EXHAUSTED]
    assert saves.count == 1


def test_what_is_given_back_after_a_limit_was_lowered_spoils_nothing_either(alone: Process, saves: Saves) -> None:
    scheme = alone.desk.scheme(MoneyOff(1_000), budget_fen=5_000)
    codes = [coupon.code for coupon in alone.desk.issue(scheme, 3)]
    held = alone.desk.hold(codes[0], a_bill("B0")).redemption.id
    lowered = ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, budget_fen=500))
    saves.count = 0
    results = alone.commit(
        redeeming(codes[1], a_bill("B1")), lowered, Release(merchant_id=MERCHANT, redemption_id=held)
    )
    assert codes_of(results) == [None, None, None]
    assert saves.count == 1


def test_a_budget_that_a_batch_lowers_guards_what_the_batch_takes_after_that(
    process: Callable[[], Process], clock: Any
) -> None:
    """Also when the batch began with giving some of it back, under the higher one."""
    one, other = process(), process()
    scheme = one.desk.scheme(MoneyOff(1_000), budget_fen=5_000)
    codes = [coupon.code for coupon in one.desk.issue(scheme, 3)]
    held = one.desk.hold(codes[0], a_bill("B0")).redemption.id
    saves = Saves(one)

    def intrude(changes: Any) -> None:
        if saves.count == 1:
            other.desk.redeem(codes[1], a_bill("B1"))

    saves.before = intrude
    results = one.commit(
        Release(merchant_id=MERCHANT, redemption_id=held),
        ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, budget_fen=1_500)),
        redeeming(codes[2], a_bill("B2")),
    )
    assert codes_of(results) == [None, None, Code.BUDGET_EXHAUSTED]
    assert one.storage.scheme_count(scheme.id).captured_fen == 1_000
    assert one.desk.broken(clock.now) == []


def test_a_stock_is_exact_after_a_batch_in_which_its_scheme_had_a_budget_instead(
    process: Callable[[], Process], clock: Any
) -> None:
    """What is counted meanwhile must stay where the limit is guarded, or two processes give out the last one each."""
    one, other = process(), process()
    scheme = one.desk.scheme(total=5)
    budget_instead = ReviseScheme(
        merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, total=0, budget_fen=90_000)
    )
    assert codes_of(one.commit(issuing(scheme), budget_instead, issuing(scheme, 3))) == [None, None, None]
    one.desk.revise(scheme, total=5)
    saves = Saves(one)

    def intrude(changes: Any) -> None:
        if saves.count == 1:
            other.desk.issue(scheme)

    saves.before = intrude
    assert codes_of(one.commit(issuing(scheme))) == [Code.STOCK_EXHAUSTED]
    assert one.desk.read(lambda reader: reader.scheme_count(scheme.id)).issued == 5
    assert one.desk.broken(clock.now) == []


def _with(terms: Any, **changes: Any) -> Any:
    return replace(terms, **changes)


# One that spoils it for all.


def test_a_command_that_breaks_the_batch_fails_alone_and_the_others_succeed(alone: Process, clock: Any) -> None:
    codes = [alone.desk.coupon() for _ in range(9)]
    asked: list[Any] = [redeeming(code, a_bill(code), f"r{n}") for n, code in enumerate(codes)]
    asked.insert(5, poison(alone.desk))
    results = alone.commit(*asked)
    assert codes_of(results) == [None] * 5 + [Code.INTERNAL_ERROR] + [None] * 4
    failed = results[5]
    assert isinstance(failed, Answer) and isinstance(failed.outcome, Failed)
    assert len(str(failed.outcome.facts["error_id"])) == 12
    assert [alone.desk.balance(code)[1] for code in codes] == [1_000] * 9
    assert alone.desk.broken(clock.now) == []


def test_the_number_that_the_caller_is_told_leads_to_the_fault_in_the_log(alone: Process) -> None:
    with capture_logs() as lines:
        [result] = alone.commit(poison(alone.desk))
    assert isinstance(result, Answer) and isinstance(result.outcome, Failed)
    [line] = [line for line in lines if line["event"] == "command_failed"]
    assert line["log_level"] == "error"
    assert line["error_id"] == result.outcome.facts["error_id"]
    assert isinstance(line["exc_info"], Exception)


def test_two_that_break_it_are_both_found(alone: Process) -> None:
    asked: list[Any] = [issuing(alone.desk.scheme()) for _ in range(6)]
    asked[0], asked[5] = poison(alone.desk, "p1"), poison(alone.desk, "p2")
    assert codes_of(alone.commit(*asked)) == [Code.INTERNAL_ERROR, None, None, None, None, Code.INTERNAL_ERROR]


def test_what_failed_unexpectedly_is_not_remembered_so_that_it_can_be_asked_again(alone: Process) -> None:
    broken = poison(alone.desk)
    for _ in range(2):
        [result] = alone.commit(broken)
        assert codes_of([result]) == [Code.INTERNAL_ERROR]
        assert isinstance(result, Answer) and not result.replayed


def test_a_command_that_can_never_be_saved_does_not_make_its_neighbours_busy(alone: Process, saves: Saves) -> None:
    def clash(changes: Any) -> None:
        if "poison" in changes.requests:
            raise GuardMissed("a unique key or a CHECK that no new decision can heal")

    scheme = alone.desk.scheme()
    saves.before = clash
    with capture_logs() as lines:
        results = alone.commit(issuing(scheme), issuing(scheme, request_id="poison"), issuing(scheme))
    assert codes_of(results) == [None, Code.BUSY, None]
    told = [(line["event"], line["command"]) for line in lines if line["log_level"] == "warning"]
    assert told == [("too_contended", "Issue")]
