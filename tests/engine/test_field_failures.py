"""Faults that other systems had in the field, each as the test that would have caught it.

The first four are from one ledger's tracker (numbers in the names), the others from shops and coupon systems: lost
counters, counters that were not given back, holds that leak or block their own payer, wrong reasons, double refunds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.desk import MEMBER, MERCHANT, Desk, a_bill, a_line, holding, issuing, redeeming, terms
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.domain.scheme import Balance, MoneyOff, RateOff, RateUses
from hexiao.engine.commands import (
    Answer,
    AnyCommand,
    Capture,
    CreateScheme,
    Failed,
    Redeemed,
    Release,
    Reverse,
    ReviseScheme,
    Take,
)
from hexiao.engine.committer import Engine
from hexiao.wiring import open_engine

THREADS = 16


@pytest.fixture
def ask_all(engine: Engine, settings: Settings, clock: Any) -> Iterator[Callable[[list[AnyCommand]], list[Answer]]]:
    """All the commands at once, from many threads, through two servers on one file."""
    second = open_engine(settings, clock=clock)

    def ask(commands: list[AnyCommand]) -> list[Answer]:
        with ThreadPoolExecutor(THREADS) as pool:
            asked = [pool.submit((engine, second)[n % 2].call, command) for n, command in enumerate(commands)]
            return [one.result() for one in asked]

    yield ask
    second.close()


def successes(answers: list[Answer]) -> int:
    return len([answer for answer in answers if isinstance(answer.outcome, Redeemed)])


def reasons(answers: list[Answer]) -> set[Code]:
    return {answer.outcome.code for answer in answers if isinstance(answer.outcome, Failed)}


# Four of one ledger.


def test_blnk_41_a_hold_is_not_given_back_more_than_once(desk: Desk, ask_all: Any) -> None:
    code = desk.coupon(Balance(5_000))
    desk.redeem(Take(code, 1_000))
    held = desk.hold(Take(code, 2_000)).redemption.id
    answers = ask_all([Release(merchant_id=MERCHANT, redemption_id=held, request_id=f"r{n}") for n in range(THREADS)])
    assert successes(answers) == 1
    assert reasons(answers) == {Code.ALREADY_RELEASED}
    assert desk.balance(code) == (0, 1_000, 0, 1)


def test_blnk_171_captures_at_the_same_moment_do_not_all_read_the_same_amount(desk: Desk, ask_all: Any) -> None:
    code = desk.coupon(Balance(5_000))
    held = desk.hold(Take(code, 1_000)).redemption.id
    parts = [
        Capture(merchant_id=MERCHANT, redemption_id=held, amount_fen=400, request_id=f"r{n}") for n in range(THREADS)
    ]
    answers = ask_all(parts)
    assert successes(answers) == 1
    assert reasons(answers) == {Code.ALREADY_CAPTURED}
    assert desk.balance(code) == (0, 400, 0, 1)


def test_blnk_181_six_holds_of_1000_do_not_fit_into_5000(desk: Desk, ask_all: Any) -> None:
    code = desk.coupon(Balance(5_000))
    answers = ask_all([holding(Take(code, 1_000), a_bill(f"B{n}"), f"r{n}") for n in range(6)])
    assert successes(answers) == 5
    assert reasons(answers) == {Code.HELD_ELSEWHERE}
    assert desk.balance(code) == (5_000, 0, 5, 0)


@pytest.mark.parametrize("ended", ["released", "lapsed"])
def test_blnk_182_a_hold_that_ended_is_not_captured_through_another_door(ended: str, desk: Desk, clock: Any) -> None:
    code = desk.coupon(MoneyOff(1_000), hold_seconds=60)
    asked = holding(code, a_bill("B1"), "r1")
    held = desk.must(asked).redemptions[0].redemption.id
    if ended == "released":
        desk.release(held)
    else:
        clock.forward(60)
    for _ in range(2):
        reason = desk.no(Capture(merchant_id=MERCHANT, redemption_id=held))
        assert reason is (Code.ALREADY_RELEASED if ended == "released" else Code.HOLD_LAPSED)
    assert desk.answer(asked).replayed  # the answer of then, not a hold of now
    assert desk.balance(code) == (0, 0, 0, 0)
    taken = desk.redeem(code, a_bill("B1"))
    assert taken.redemption.id != held
    assert desk.no(Capture(merchant_id=MERCHANT, redemption_id=held)) is not None
    assert desk.balance(code) == (0, 1_000, 0, 1)


# F2: counters that lose updates.


def test_f2_a_limit_of_fifty_is_fifty_and_the_counter_knows(desk: Desk, ask_all: Any) -> None:
    scheme = desk.scheme(MoneyOff(100), total=50)
    answers = ask_all([issuing(scheme, request_id=f"r{n}") for n in range(80)])
    assert len([one for one in answers if not isinstance(one.outcome, Failed)]) == 50
    assert reasons(answers) == {Code.STOCK_EXHAUSTED}
    assert desk.read(lambda reader: reader.scheme_count(scheme.id)).issued == 50


def test_f2_redeeming_and_reversing_at_the_same_moment_lose_nothing(desk: Desk, ask_all: Any, clock: Any) -> None:
    scheme = desk.scheme(MoneyOff(100), budget_fen=4_000)  # enough in any order
    codes = [coupon.code for coupon in desk.issue(scheme, 40)]
    taken = [desk.redeem(code).redemption.id for code in codes[:20]]
    asked: list[AnyCommand] = [
        command
        for n, (old, new) in enumerate(zip(taken, codes[20:], strict=True))
        for command in (
            Reverse(merchant_id=MERCHANT, redemption_id=old, request_id=f"v{n}"),
            redeeming(new, a_bill(f"F{n}"), f"r{n}"),
        )
    ]
    assert successes(ask_all(asked)) == 40
    count = desk.read(lambda reader: reader.scheme_count(scheme.id))
    assert (count.captured_uses, count.captured_fen, count.held_fen) == (20, 2_000, 0)
    assert desk.broken(clock.now) == []


def test_f2_a_limit_for_each_member_holds_against_requests_at_the_same_moment(desk: Desk, ask_all: Any) -> None:
    scheme = desk.scheme(per_member=3)
    answers = ask_all([issuing(scheme, 1, MEMBER, f"r{n}") for n in range(THREADS)])
    assert reasons(answers) == {Code.MEMBER_LIMIT_REACHED}
    assert len(answers) - sum(isinstance(one.outcome, Failed) for one in answers) == 3


# F4: what is not given back.


def let_lapse(desk: Desk, clock: Any, held: int) -> None:
    clock.forward(60)
    desk.lapse(held)


WAYS_BACK: dict[str, Callable[[Desk, Any, int], Any]] = {
    "release": lambda desk, clock, held: desk.release(held),
    "lapse": let_lapse,
    "capture and reverse": lambda desk, clock, held: (desk.capture(held), desk.reverse(held)),
    "capture a part and reverse it in two": lambda desk, clock, held: (
        desk.capture(held, 2),
        desk.reverse(held, 1),
        desk.reverse(held),
    ),
}


@pytest.mark.parametrize("way", WAYS_BACK)
@pytest.mark.parametrize("benefit", [MoneyOff(1_000), RateOff(1_000), RateUses(1_000, 2), Balance(1_000)], ids=str)
def test_f4_every_way_to_end_a_use_gives_back_fen_uses_and_budget(
    way: str, benefit: Any, desk: Desk, clock: Any
) -> None:
    scheme = desk.scheme(benefit, budget_fen=1_000, hold_seconds=60)
    code = desk.issue(scheme)[0].code
    for _ in range(3):  # again and again
        WAYS_BACK[way](desk, clock, desk.hold(code).redemption.id)
        assert desk.balance(code) == (0, 0, 0, 0)
        count = desk.read(lambda reader: reader.scheme_count(scheme.id))
        assert (count.issued, count.captured_uses, count.held_fen, count.captured_fen) == (1, 0, 0, 0)


def test_f4_an_attempt_that_was_refused_takes_nothing(desk: Desk) -> None:
    scheme = desk.scheme(MoneyOff(1_000), budget_fen=1_000, shareable=True)
    code = desk.issue(scheme)[0].code
    for asked in (redeeming([code, "nobody's"]), redeeming([code, desk.coupon(scene="online", shareable=True)])):
        desk.refused(asked)
        assert desk.balance(code) == (0, 0, 0, 0)
    assert desk.redeem(code).redemption.captured_fen == 1_000


# F5: holds that leak, and holds that block their own payer.


def test_f5_a_hold_that_nobody_ends_is_over_at_its_deadline(desk: Desk, clock: Any) -> None:
    code = desk.coupon(hold_seconds=60)
    desk.hold(code)
    clock.forward(59.999)
    assert desk.no(redeeming(code)) is Code.HELD_ELSEWHERE
    clock.forward(0.001)
    assert desk.redeem(code).redemption.captured_fen == 1_000


def test_f5_a_payer_is_not_refused_because_of_his_own_hold_at_the_limit(desk: Desk) -> None:
    scheme = desk.scheme(RateUses(10_000, 2), total=1, per_member=1, budget_fen=6_000, holder="member")
    code = desk.issue(scheme, 1, MEMBER)[0].code
    desk.redeem(code, a_bill("B0", member_id=MEMBER))
    bill = a_bill("B1", member_id=MEMBER)
    held = desk.hold(code, bill).redemption.id
    assert desk.hold(code, bill).redemption.id == held
    assert desk.redeem(code, bill).redemption.id == held


def test_f5_a_payer_whose_basket_changed_is_not_refused_because_of_his_own_hold(desk: Desk) -> None:
    code = desk.issue(desk.scheme(RateOff(10_000), budget_fen=3_000))[0].code
    desk.hold(code, a_bill("B1", a_line(3_000)))
    assert desk.redeem(code, a_bill("B1", a_line(1_500), a_line(1_500))).redemption.lines == [1_500, 1_500]


@pytest.mark.parametrize("seconds", [0, -1, 7 * 86_400 + 1])
def test_f5_a_scheme_without_a_sound_hold_time_is_refused(seconds: int, desk: Desk) -> None:
    unsound = terms(hold_seconds=seconds)
    command = CreateScheme(merchant_id=MERCHANT, number="A", name="n", terms=unsound, benefit=MoneyOff(1))
    assert desk.no(command) is Code.BAD_SCHEME
    revision = ReviseScheme(merchant_id=MERCHANT, scheme_id=desk.scheme().id, terms=unsound)
    assert desk.no(revision) is Code.BAD_SCHEME


def test_f5_a_budget_is_not_blocked_by_holds_that_are_over(desk: Desk, clock: Any) -> None:
    scheme = desk.scheme(MoneyOff(1_000), budget_fen=1_000, hold_seconds=60)
    first, second = (coupon.code for coupon in desk.issue(scheme, 2))
    desk.hold(first)
    clock.forward(60)
    assert desk.redeem(second).redemption.captured_fen == 1_000


# F6: the wrong reason.


def test_f6_spent_held_elsewhere_and_not_usable_are_three_different_answers(desk: Desk, clock: Any) -> None:
    spent, held, unusable = desk.coupon(), desk.coupon(), desk.coupon(scene="online")
    desk.redeem(spent)
    desk.hold(held)
    answers = [desk.refused(redeeming(code)) for code in (spent, held, unusable)]
    assert [one.code for one in answers] == [Code.COUPON_USED_UP, Code.HELD_ELSEWHERE, Code.WRONG_SCENE]
    assert answers[1].facts["held_until_at"] == clock.now + 900_000  # when to try again


def test_f6_a_coupon_that_is_spent_and_was_held_before_is_spent(desk: Desk) -> None:
    code = desk.coupon(Balance(2_000))
    desk.capture(desk.hold(Take(code, 1_000)).redemption.id)
    desk.redeem(Take(code, 1_000))
    assert desk.no(redeeming(code)) is Code.COUPON_USED_UP


# F7: refunds that are too large or come twice.


def test_f7_many_full_reversals_at_the_same_moment_give_back_once(desk: Desk, ask_all: Any) -> None:
    code = desk.coupon(Balance(5_000))
    taken = desk.redeem(code).redemption.id
    answers = ask_all([Reverse(merchant_id=MERCHANT, redemption_id=taken, request_id=f"r{n}") for n in range(THREADS)])
    assert successes(answers) == 1
    assert reasons(answers) == {Code.ALREADY_REVERSED}
    assert desk.balance(code) == (0, 0, 0, 0)


def test_f7_many_partial_reversals_at_the_same_moment_never_give_back_more_than_was_taken(
    desk: Desk, ask_all: Any
) -> None:
    taken = desk.redeem(desk.coupon(MoneyOff(1_000))).redemption.id
    answers = ask_all(
        [Reverse(merchant_id=MERCHANT, redemption_id=taken, amount_fen=300, request_id=f"r{n}") for n in range(THREADS)]
    )
    assert successes(answers) == 3
    assert reasons(answers) == {Code.REVERSE_TOO_LARGE}
    assert desk.reverse(taken).redemption.reversed_fen == 1_000


def test_f7_a_reversal_that_is_asked_again_is_made_once(desk: Desk, ask_all: Any) -> None:
    taken = desk.redeem(desk.coupon(MoneyOff(1_000))).redemption.id
    again = Reverse(merchant_id=MERCHANT, redemption_id=taken, amount_fen=300, request_id="same")
    answers = ask_all([again] * THREADS)
    assert successes(answers) == THREADS
    assert sum(not answer.replayed for answer in answers) == 1
    assert desk.reverse(taken).redemption.returned == [1_000]
