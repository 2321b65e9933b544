"""Deciding once: the same request gets the same answer, other content under its id none, and mistakes are free."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import asdict, replace

from engine.desk import (
    MEMBER,
    MERCHANT,
    NOBODY,
    OTHER_MERCHANT,
    SHOP,
    Desk,
    a_bill,
    a_line,
    holding,
    issuing,
    redeeming,
    takes,
    terms,
)
from engine.process import Process
from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.errors import Code, Family
from hexiao.domain.party import Shop
from hexiao.domain.scheme import MoneyOff
from hexiao.engine import decide
from hexiao.engine.commands import (
    AnyCommand,
    Assess,
    Capture,
    CreateScheme,
    Failed,
    Import,
    Imported,
    Lapse,
    LookUp,
    PauseScheme,
    Put,
    Redeem,
    RedeemEach,
    Release,
    Reverse,
    ReviseScheme,
    Take,
    Void,
)
from hexiao.engine.committer import Engine

ID: Any = {"merchant_id": MERCHANT, "request_id": "r1"}

EVERY_CHANGE: dict[str, Callable[[Desk], AnyCommand]] = {
    "redeem": lambda desk: redeeming(desk.coupon(), request_id="r1"),
    "hold": lambda desk: holding(desk.coupon(), request_id="r1"),
    "redeem each": lambda desk: RedeemEach(items=(redeeming(desk.coupon(), request_id="r1"),), **ID),
    "capture": lambda desk: Capture(redemption_id=desk.hold(desk.coupon()).redemption.id, amount_fen=400, **ID),
    "release": lambda desk: Release(redemption_id=desk.hold(desk.coupon()).redemption.id, **ID),
    "reverse": lambda desk: Reverse(redemption_id=desk.redeem(desk.coupon()).redemption.id, amount_fen=300, **ID),
    "lapse": lambda desk: Lapse(redemption_id=desk.hold(desk.coupon()).redemption.id, **ID),
    "issue": lambda desk: issuing(desk.scheme(total=5), 2, MEMBER, request_id="r1"),
    "import": lambda desk: Import(scheme_id=desk.scheme().id, coupons=(Imported("OLD1"), Imported("OLD2")), **ID),
    "void": lambda desk: Void(code=desk.coupon(), **ID),
    "create a scheme": lambda desk: CreateScheme(number="N", name="n", terms=terms(), benefit=MoneyOff(1), **ID),
    "revise a scheme": lambda desk: ReviseScheme(scheme_id=desk.scheme().id, name="new", **ID),
    "pause a scheme": lambda desk: PauseScheme(scheme_id=desk.scheme().id, paused=True, **ID),
    "put": lambda desk: Put(record=Shop(id=0, merchant_id=MERCHANT, number="9", name="九店"), **ID),
}
EVERY_LOOK: dict[str, Callable[[Desk], AnyCommand]] = {
    "look up": lambda desk: LookUp(merchant_id=MERCHANT, code=desk.coupon()),
    "assess": lambda desk: Assess(merchant_id=MERCHANT, coupons=takes(desk.coupon()), bill=a_bill()),
}
every_change = pytest.mark.parametrize("command", EVERY_CHANGE.values(), ids=EVERY_CHANGE.keys())


def dump(process: Process) -> list[str]:
    """Everything that is in the file."""
    return list(process.storage._db.iterdump())  # type: ignore[attr-defined]


def test_these_are_all_the_commands(alone: Process) -> None:
    made = [make(alone.desk) for make in (*EVERY_CHANGE.values(), *EVERY_LOOK.values())]
    assert {type(command) for command in made} == set(get_args(AnyCommand))


@every_change
def test_the_same_request_gets_the_same_answer_and_changes_nothing_again(
    command: Callable[[Desk], AnyCommand], alone: Process
) -> None:
    asked = command(alone.desk)
    first = alone.call(asked)
    assert not isinstance(first.outcome, Failed) and not first.replayed
    before = dump(alone)
    again = alone.call(asked)
    assert again.outcome == first.outcome and again.replayed
    assert dump(alone) == before


@every_change
def test_another_content_under_the_same_request_id_is_refused_and_changes_nothing(
    command: Callable[[Desk], AnyCommand], alone: Process
) -> None:
    asked = command(alone.desk)
    first = alone.call(asked)
    before = dump(alone)
    assert alone.desk.no(replace(asked, actor="somebody else")) is Code.REQUEST_ID_REUSED
    assert alone.desk.no(redeeming("1" * 20, request_id="r1")) is Code.REQUEST_ID_REUSED
    assert dump(alone) == before
    assert alone.call(asked).outcome == first.outcome


@pytest.mark.parametrize("look", EVERY_LOOK.values(), ids=EVERY_LOOK.keys())
def test_looking_leaves_nothing_behind(look: Callable[[Desk], AnyCommand], alone: Process, clock: Any) -> None:
    asked = look(alone.desk)
    alone.desk.hold(alone.desk.coupon(hold_seconds=60), a_bill("B9"))
    clock.forward(61)
    before = dump(alone)
    assert not isinstance(alone.call(asked).outcome, Failed)
    assert dump(alone) == before


def test_a_refusal_is_remembered_even_when_its_reason_is_gone(desk: Desk) -> None:
    scheme = desk.scheme()
    code = desk.issue(scheme)[0].code
    desk.pause(scheme)
    asked = redeeming(code, request_id="r1")
    refused = desk.refused(asked)
    assert refused.code is Code.SCHEME_PAUSED
    desk.pause(scheme, paused=False)
    again = desk.answer(asked)
    assert again.outcome == refused and again.replayed
    assert desk.redeem(code).redemption.captured_fen == 1_000


def test_a_remembered_refusal_still_carries_every_verdict_of_every_coupon(desk: Desk) -> None:
    asked = redeeming([desk.coupon(scene="online"), desk.coupon(minimum_spend_fen=9_000)], request_id="r1")
    refused = desk.refused(asked)
    assert [len(one.verdicts) for one in refused.assessments] == [18, 18]
    again = desk.refused(asked)
    assert again == refused
    assert again.assessments[0].failure.code is Code.WRONG_SCENE


def test_the_answer_is_the_one_given_then_not_the_state_of_now(desk: Desk) -> None:
    asked = holding(desk.coupon(), request_id="r1")
    held = desk.do(asked)
    desk.capture(held.redemptions[0].redemption.id)
    assert desk.do(asked) == held


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (lambda desk, right: replace(right, bill=replace(right.bill, shop_id=NOBODY)), Code.UNKNOWN_SHOP),
        (lambda desk, right: replace(right, bill=replace(right.bill, cashier_id=NOBODY)), Code.UNKNOWN_CASHIER),
        (lambda desk, right: replace(right, bill=replace(right.bill, member_id=NOBODY)), Code.UNKNOWN_MEMBER),
        (lambda desk, right: replace(right, coupons=takes("nobody's")), Code.UNKNOWN_COUPON),
        (lambda desk, right: replace(right, coupons=right.coupons * 2), Code.DUPLICATE_COUPON),
        (lambda desk, right: replace(right, coupons=(Take(right.coupons[0].code, 0),)), Code.MALFORMED_REQUEST),
        (lambda desk, right: replace(right, merchant_id=NOBODY), Code.UNKNOWN_MERCHANT),
        (lambda desk, right: Capture(redemption_id=NOBODY, **ID), Code.UNKNOWN_REDEMPTION),
        (lambda desk, right: ReviseScheme(scheme_id=NOBODY, **ID), Code.UNKNOWN_SCHEME),
        (lambda desk, right: _create(desk, hold_seconds=0), Code.BAD_SCHEME),
        (lambda desk, right: _create(desk, number=desk.scheme().number), Code.NUMBER_TAKEN),
        (lambda desk, right: _import(desk, desk.coupon()), Code.CODE_TAKEN),
    ],
    ids=lambda value: value.value if isinstance(value, Code) else "",
)
def test_a_call_that_must_be_mended_may_keep_its_request_id(wrong: Any, code: Code, desk: Desk) -> None:
    assert code.family is Family.BAD_REQUEST
    right = redeeming(desk.coupon(), request_id="r1")
    assert desk.no(wrong(desk, right)) is code
    mended = desk.answer(right)
    assert not isinstance(mended.outcome, Failed) and not mended.replayed


def _create(desk: Desk, number: str = "N", **changes: Any) -> CreateScheme:
    return CreateScheme(number=number, name="n", terms=terms(**changes), benefit=MoneyOff(1), **ID)


def _import(desk: Desk, code: str) -> Import:
    return Import(scheme_id=desk.scheme().id, coupons=(Imported(code),), **ID)


def test_a_request_without_an_id_is_never_remembered(alone: Process) -> None:
    scheme = alone.desk.scheme()
    first, second = (alone.call(issuing(scheme)) for _ in range(2))
    assert first.outcome != second.outcome and not second.replayed
    assert alone.storage._db.execute("SELECT count(*) FROM request").fetchone() == (0,)  # type: ignore[attr-defined]


def test_the_same_request_twice_in_one_batch_is_done_once(alone: Process) -> None:
    asked = issuing(alone.desk.scheme(), 2, request_id="r1")
    first, second = alone.commit(asked, asked)
    assert first.outcome == second.outcome  # type: ignore[union-attr]
    assert (first.replayed, second.replayed) == (False, True)  # type: ignore[union-attr]


def test_two_processes_given_the_same_request_do_it_once(process: Callable[[], Process]) -> None:
    one, other = process(), process()
    asked = issuing(one.desk.scheme(), 2, request_id="r1")
    first, second = one.call(asked), other.call(asked)
    assert first.outcome == second.outcome and second.replayed


def test_a_request_is_remembered_across_a_restart(engine: Engine, desk: Desk, process: Callable[[], Process]) -> None:
    asked = redeeming(desk.coupon(), request_id="r1")
    first = desk.answer(asked)
    again = process().call(asked)
    assert again.outcome == first.outcome and again.replayed


NEWER_LINE = msgspec.defstruct("BillLine", [("weight_g", int, 0)], bases=(BillLine,), frozen=True)
NEWER_BILL = msgspec.defstruct("Bill", [("table", str, "")], bases=(Bill,), frozen=True)
NEWER_TAKE = msgspec.defstruct("Take", [("pin", str | None, None)], bases=(Take,), frozen=True)
NEWER_REDEEM = msgspec.defstruct(
    "Redeem", [("tip_fen", int, 0)], bases=(Redeem,), frozen=True, kw_only=True, tag="Redeem"
)


def test_a_retry_after_an_upgrade_that_brought_new_fields_finds_its_answer(alone: Process) -> None:
    command = redeeming(alone.desk.coupon(), a_bill(), request_id="before")
    first = alone.call(command)
    bill = NEWER_BILL(**asdict(command.bill) | {"lines": tuple(NEWER_LINE(**asdict(o)) for o in command.bill.lines)})
    takes = tuple(NEWER_TAKE(**asdict(one)) for one in command.coupons)
    same: Any = NEWER_REDEEM(**asdict(command) | {"bill": bill, "coupons": takes})
    other: Any = NEWER_REDEEM(**asdict(same) | {"tip_fen": 1})
    assert decide._fingerprint(same) == decide._fingerprint(command) != decide._fingerprint(other)
    again = alone.call(same)
    assert again.outcome == first.outcome and again.replayed


def test_another_merchant_does_not_see_an_answer_by_guessing_its_request_id(desk: Desk) -> None:
    asked = redeeming(desk.coupon(), request_id="r1")
    desk.must(asked)
    assert desk.no(replace(asked, merchant_id=OTHER_MERCHANT)) is Code.REQUEST_ID_REUSED


REFUSALS = "SELECT code, typed_code, coupon_id IS NOT NULL, shop_id, bill_number, request_id, actor FROM refusal"


def refusals(process: Process) -> list[tuple[Any, ...]]:
    return list(process.storage._db.execute(REFUSALS))  # type: ignore[attr-defined]


def test_a_refused_attempt_leaves_one_row_that_says_who_tried_what_where_and_why_not(alone: Process) -> None:
    code = alone.desk.coupon(scene="online")
    asked = replace(redeeming(code, a_bill("B7"), request_id="r1"), actor="till 3")
    for _ in range(2):  # a replay leaves no second one
        alone.call(asked)
    assert refusals(alone) == [("wrong_scene", code, 1, SHOP, "B7", "r1", "till 3")]


def test_an_unknown_coupon_leaves_a_row_with_what_was_typed(alone: Process) -> None:
    alone.desk.no(redeeming("NOBODYS" * 20))
    assert refusals(alone) == [("unknown_coupon", ("NOBODYS" * 20)[:64], 0, SHOP, "B1", "", "")]


def test_a_refused_move_leaves_a_row_on_its_coupon_and_bill(alone: Process) -> None:
    taken = alone.desk.redeem(alone.desk.coupon(), a_bill("B7")).redemption.id
    alone.desk.no(Release(merchant_id=MERCHANT, redemption_id=taken))
    assert refusals(alone) == [("already_captured", "", 1, SHOP, "B7", "", "")]


def test_a_mistake_in_the_call_leaves_no_row(alone: Process) -> None:
    code = alone.desk.coupon()
    before = dump(alone)
    for bill in (a_bill(shop_id=NOBODY), a_bill(member_id=NOBODY)):
        alone.desk.no(redeeming(code, bill, request_id="r1"))
    alone.desk.no(Capture(redemption_id=NOBODY, **ID))
    assert dump(alone) == before


def test_a_refused_move_shows_the_redemption_as_it_stands(desk: Desk) -> None:
    taken = desk.redeem(desk.coupon()).redemption.id
    refused = desk.refused(Capture(merchant_id=MERCHANT, redemption_id=taken))
    assert refused.redemption is not None
    assert refused.redemption.redemption.id == taken
    assert refused.redemption.allowed == ["reverse"]


def test_every_item_of_a_batch_has_its_own_outcome(desk: Desk) -> None:
    good, bad = desk.coupon(), desk.coupon(scene="online")
    items = tuple(redeeming(code, a_bill(f"B{n}"), "r1") for n, code in enumerate((good, bad, good, "nobody's")))
    each = desk.do(RedeemEach(items=items, **ID))
    codes = [one.code if isinstance(one, Failed) else None for one in each.outcomes]
    assert codes == [None, Code.WRONG_SCENE, Code.COUPON_USED_UP, Code.UNKNOWN_COUPON]
    assert desk.answer(RedeemEach(items=items, **ID)).outcome == each


def test_a_batch_may_hold_one_coupon_anew_for_a_basket_that_changed(alone: Process, clock: Any) -> None:
    code = alone.desk.coupon()
    baskets = (a_bill("B1", a_line(700)), a_bill("B1", a_line(800)))
    alone.desk.must(RedeemEach(items=tuple(holding(code, bill, "r1") for bill in baskets), **ID))
    assert alone.desk.balance(code) == (800, 0, 1, 0)
    assert alone.desk.broken(clock.now) == []
