"""What happens to a redemption afterwards: every move from every state, parts that add up, and the deadlines."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.desk import CASHIER, MERCHANT, NOBODY, OTHER_MERCHANT, Desk, a_bill, a_line, redeeming
from hexiao.domain.errors import Code, sentences
from hexiao.domain.redemption import MOVES, REASONS, Entry, Move, Redemption, State
from hexiao.domain.scheme import Balance, DaysFromReceipt, MoneyOff, RateOff, RateUses
from hexiao.engine.commands import AnyCommand, Capture, Lapse, Nothing, Redeemed, RedemptionView, Release, Reverse, Take

HOLD_SECONDS = 60
ASKING: dict[Move, Callable[[int], AnyCommand]] = {
    Move.CAPTURE: lambda id: Capture(merchant_id=MERCHANT, redemption_id=id),
    Move.RELEASE: lambda id: Release(merchant_id=MERCHANT, redemption_id=id),
    Move.LAPSE: lambda id: Lapse(merchant_id=MERCHANT, redemption_id=id),
    Move.REVERSE: lambda id: Reverse(merchant_id=MERCHANT, redemption_id=id),
}


def brought_to(state: State, desk: Desk, clock: Any) -> int:
    """The id of a redemption in that state, all written down."""
    held = desk.hold(desk.coupon(MoneyOff(1_000), hold_seconds=HOLD_SECONDS)).redemption.id
    if state in (State.CAPTURED, State.REVERSED):
        desk.capture(held)
    if state is State.REVERSED:
        desk.reverse(held)
    if state is State.RELEASED:
        desk.release(held)
    if state is State.LAPSED:
        clock.forward(HOLD_SECONDS)
        desk.lapse(held)
    return held


def as_stored(desk: Desk, redemption_id: int) -> Redemption:
    row = desk.read(lambda reader: reader.redemption(MERCHANT, redemption_id))
    assert row is not None
    return row.redemption


@pytest.mark.parametrize(
    ("state", "move"),
    [pair for pair in product(State, Move) if pair[1] is not Move.LAPSE],
    ids=lambda value: value.name.lower(),
)
def test_every_move_from_every_state_goes_where_the_table_says_or_is_refused_for_its_reason(
    state: State, move: Move, desk: Desk, clock: Any
) -> None:
    id = brought_to(state, desk, clock)
    before = as_stored(desk, id)
    outcome = desk.do(ASKING[move](id))
    if (state, move) in MOVES:
        assert isinstance(outcome, Redeemed)
        assert as_stored(desk, id).state is outcome.redemptions[0].redemption.state is MOVES[state, move]
    else:
        assert outcome.code is REASONS[state]
        assert outcome.redemption.redemption == before == as_stored(desk, id)


@pytest.mark.parametrize("state", State, ids=lambda state: state.name.lower())
def test_a_lapse_that_is_not_due_leaves_everything_alone(state: State, desk: Desk, clock: Any) -> None:
    id = brought_to(state, desk, clock)
    before = as_stored(desk, id)
    assert desk.do(ASKING[Move.LAPSE](id)) == Nothing()
    assert as_stored(desk, id) == before


@pytest.mark.parametrize("move", Move, ids=lambda move: move.name.lower())
def test_another_merchants_redemption_does_not_exist(move: Move, desk: Desk) -> None:
    id = desk.hold(desk.coupon()).redemption.id
    command = ASKING[move](id)
    theirs = type(command)(merchant_id=OTHER_MERCHANT, redemption_id=id)  # type: ignore[call-arg]
    assert desk.no(theirs) is Code.UNKNOWN_REDEMPTION
    assert as_stored(desk, id).state is State.HELD


def test_a_hold_that_lapsed_ended_at_its_deadline_whenever_that_is_written_down(desk: Desk, clock: Any) -> None:
    held = desk.hold(desk.coupon(hold_seconds=HOLD_SECONDS)).redemption
    clock.forward(HOLD_SECONDS + 5)
    desk.lapse(held.id)
    lapsed = as_stored(desk, held.id)
    assert (lapsed.state, lapsed.settled_at, lapsed.changed_at) == (State.LAPSED, held.held_until_at, clock.now)


def test_who_did_it_is_written_down(desk: Desk) -> None:
    code = desk.coupon()
    held = desk.hold(code).redemption
    desk.must(Capture(merchant_id=MERCHANT, redemption_id=held.id, cashier_id=CASHIER, actor="till 1", request_id="c"))
    desk.must(Reverse(merchant_id=MERCHANT, redemption_id=held.id, cashier_id=CASHIER, actor="till 2", reason="退货"))
    rows = desk.read(lambda reader: reader.journal(held.coupon_id))
    assert [(row.entry, row.actor, row.cashier_id, row.reason) for row in rows] == [
        (Entry.ISSUE, "", None, ""),
        (Entry.HOLD, "", None, ""),
        (Entry.CAPTURE, "till 1", CASHIER, ""),
        (Entry.REVERSE, "till 2", CASHIER, "退货"),
    ]
    assert [row.request_id for row in rows] == ["", "", "c", ""]


@pytest.mark.parametrize(
    ("moves", "by"),
    [
        ([Move.CAPTURE, Move.REVERSE], [CASHIER, None]),
        ([Move.RELEASE], [None]),
        ([Move.LAPSE], [None]),
    ],
    ids=["captured and reversed", "released", "lapsed"],
)
def test_a_sale_goes_on_in_its_cashiers_name_but_nobody_undid_it_who_was_not_named(
    moves: list[Move], by: list[int | None], desk: Desk, clock: Any
) -> None:
    held = desk.hold(desk.coupon(hold_seconds=HOLD_SECONDS), replace(desk.new_bill(), cashier_id=CASHIER)).redemption
    if Move.LAPSE in moves:
        clock.forward(HOLD_SECONDS)
    for move in moves:
        desk.must(ASKING[move](held.id))
    rows = desk.read(lambda reader: reader.journal(held.coupon_id))
    assert [row.cashier_id for row in rows] == [None, CASHIER, *by]


@pytest.mark.parametrize("move", [Capture, Release, Reverse])
def test_an_unknown_cashier_changes_nothing(move: Any, desk: Desk) -> None:
    held = desk.hold(desk.coupon()).redemption
    command = move(merchant_id=MERCHANT, redemption_id=held.id, cashier_id=NOBODY)
    assert desk.no(command) is Code.UNKNOWN_CASHIER
    assert as_stored(desk, held.id) == held


@pytest.mark.parametrize("move", [Capture, Reverse])
@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_of_nothing_is_malformed(move: Any, amount: int, desk: Desk) -> None:
    held = desk.hold(desk.coupon()).redemption.id
    if move is Reverse:
        desk.capture(held)
    before = as_stored(desk, held)
    assert desk.no(move(merchant_id=MERCHANT, redemption_id=held, amount_fen=amount)) is Code.MALFORMED_REQUEST
    assert as_stored(desk, held) == before


# Capture.


def test_a_capture_may_take_less_and_the_rest_goes_back_at_once(desk: Desk) -> None:
    code = desk.coupon(Balance(5_000))
    held = desk.hold(Take(code, 900), a_bill("B1", a_line(2_000), a_line(1_000)))
    taken = desk.capture(held.redemption.id, 500)
    assert (taken.redemption.held_fen, taken.redemption.captured_fen, taken.redemption.lines) == (900, 500, [333, 167])
    assert taken.coupon_left_fen == 4_500
    assert desk.balance(code) == (0, 500, 0, 1)


def test_a_capture_of_a_part_uses_up_a_single_use_coupon(desk: Desk) -> None:
    code = desk.coupon(MoneyOff(1_000))
    taken = desk.capture(desk.hold(code).redemption.id, 1)
    assert (taken.coupon_left_fen, taken.coupon_left_uses) == (0, 0)
    assert desk.no(redeeming(code)) is Code.COUPON_USED_UP


def test_a_capture_never_takes_more_than_was_held(desk: Desk) -> None:
    held = desk.hold(Take(desk.coupon(Balance(5_000)), 900)).redemption.id
    refused = desk.refused(Capture(merchant_id=MERCHANT, redemption_id=held, amount_fen=901))
    assert refused.code is Code.CAPTURE_TOO_LARGE
    assert (refused.facts["needed_fen"], refused.facts["actual_fen"]) == (900, 901)
    assert desk.capture(held, 900).redemption.captured_fen == 900


@pytest.mark.parametrize(("after_ms", "code"), [(-1, None), (0, Code.HOLD_LAPSED), (1, Code.HOLD_LAPSED)])
def test_a_hold_can_be_captured_until_the_last_millisecond_before_its_deadline(
    after_ms: int, code: Code | None, desk: Desk, clock: Any
) -> None:
    coupon = desk.coupon(hold_seconds=HOLD_SECONDS)
    held = desk.hold(coupon).redemption
    assert held.held_until_at is not None
    clock.now = held.held_until_at + after_ms
    outcome = desk.do(Capture(merchant_id=MERCHANT, redemption_id=held.id))
    assert getattr(outcome, "code", None) is code
    assert desk.balance(coupon) == ((0, 0, 0, 0) if code else (0, 1_000, 0, 1))
    assert as_stored(desk, held.id).state is (State.LAPSED if code else State.CAPTURED)


def test_a_hold_past_its_deadline_shows_no_moves_before_anybody_wrote_it_down(desk: Desk, clock: Any) -> None:
    held = desk.hold(desk.coupon(hold_seconds=HOLD_SECONDS)).redemption
    clock.forward(HOLD_SECONDS)
    stored = as_stored(desk, held.id)
    assert stored.state is State.HELD and stored.allowed(clock.now) == []


def test_a_hold_taken_in_time_may_be_captured_after_the_coupon_expired_was_paused_or_revised(
    desk: Desk, clock: Any
) -> None:
    scheme = desk.scheme(MoneyOff(1_000), validity=DaysFromReceipt(1), hold_seconds=86_400)
    held = desk.hold(desk.issue(scheme)[0].code).redemption.id
    clock.forward(13 * 3600)
    desk.revise(scheme, MoneyOff(1), minimum_spend_fen=9_000)
    desk.pause(scheme)
    assert desk.capture(held).redemption.captured_fen == 1_000


def test_a_clock_that_goes_back_never_takes_the_journal_back(desk: Desk, clock: Any) -> None:
    held = desk.hold(desk.coupon()).redemption
    clock.forward(-600)
    desk.capture(held.id)
    clock.forward(-600)
    desk.reverse(held.id)
    at = [row.at for row in desk.read(lambda reader: reader.journal(held.coupon_id))]
    assert at == sorted(at) and len(at) == 4


# Reversal.


def test_a_partial_reversal_gives_money_back_but_not_the_use(desk: Desk) -> None:
    code = desk.coupon(MoneyOff(1_000))
    taken = desk.redeem(code).redemption.id
    part = desk.reverse(taken, 400)
    assert (part.redemption.state, part.redemption.reversed_fen, part.allowed) == (State.CAPTURED, 400, [Move.REVERSE])
    assert desk.balance(code) == (0, 600, 0, 1)
    assert desk.no(redeeming(code)) is Code.COUPON_USED_UP
    rest = desk.reverse(taken)
    assert (rest.redemption.state, rest.redemption.reversed_fen, rest.allowed) == (State.REVERSED, 1_000, [])
    assert desk.balance(code) == (0, 0, 0, 0)
    assert desk.redeem(code).redemption.captured_fen == 1_000


@pytest.mark.parametrize("benefit", [RateOff(1_000), RateUses(1_000, 2), Balance(5_000)], ids=str)
def test_every_kind_comes_back_whole(benefit: Any, desk: Desk) -> None:
    code = desk.coupon(benefit)
    for parts in ([None], [1, None]):
        taken = desk.redeem(code).redemption.id
        for part in parts:
            desk.reverse(taken, part)
        assert desk.balance(code) == (0, 0, 0, 0)


def test_more_than_is_left_cannot_be_reversed(desk: Desk) -> None:
    taken = desk.redeem(desk.coupon(MoneyOff(1_000))).redemption.id
    desk.reverse(taken, 400)
    refused = desk.refused(Reverse(merchant_id=MERCHANT, redemption_id=taken, amount_fen=601))
    assert refused.code is Code.REVERSE_TOO_LARGE
    assert refused.facts == {"needed_fen": 600, "actual_fen": 601}
    assert not any("?" in sentence for sentence in sentences(refused.code, refused.facts))


@pytest.fixture
def on_two_lines(desk: Desk) -> RedemptionView:
    """900 off a bill of 20.00 and 10.00: 600 and 300."""
    return desk.redeem(desk.coupon(MoneyOff(900)), a_bill("B1", a_line(2_000), a_line(1_000)))


def test_a_reversal_by_amount_goes_to_the_lines_in_proportion_to_what_they_keep(
    desk: Desk, on_two_lines: RedemptionView
) -> None:
    id = on_two_lines.redemption.id
    assert desk.reverse(id, 100).redemption.returned == [67, 33]
    assert desk.reverse(id, 100).redemption.returned == [134, 66]
    assert desk.reverse(id).redemption.returned == [600, 300]


def test_of_lines_that_give_back_too_much_the_first_is_named(desk: Desk, on_two_lines: RedemptionView) -> None:
    id = on_two_lines.redemption.id
    refused = desk.refused(Reverse(merchant_id=MERCHANT, redemption_id=id, lines=(1, 301)))
    assert refused.code is Code.REVERSE_TOO_LARGE
    assert (refused.facts["line"], refused.facts["needed_fen"], refused.facts["actual_fen"]) == (2, 300, 301)
    assert all(
        "2" in sentence for sentence in sentences(refused.code, {**refused.facts, "needed_fen": 0, "actual_fen": 1})
    )


@pytest.mark.parametrize(("amount", "lines"), [(2, (1, 0)), (None, (0, 0))], ids=["two sums", "nothing"])
def test_a_reversal_that_contradicts_itself_is_malformed_whatever_became_of_the_redemption(
    amount: int | None, lines: tuple[int, ...], desk: Desk, on_two_lines: RedemptionView
) -> None:
    id = on_two_lines.redemption.id
    desk.reverse(id)
    wrong = Reverse(merchant_id=MERCHANT, redemption_id=id, amount_fen=amount, lines=lines)
    assert desk.no(wrong) is Code.MALFORMED_REQUEST


def test_a_reversal_by_lines_gives_back_exactly_those(desk: Desk, on_two_lines: RedemptionView) -> None:
    id = on_two_lines.redemption.id
    assert desk.reverse(id, lines=(0, 1)).redemption.returned == [0, 1]
    seen = desk.reverse(id, lines=(0, 299))
    assert (seen.redemption.returned, seen.redemption.reversed_fen) == ([0, 300], 300)
    assert desk.reverse(id, 300).redemption.returned == [300, 300]
    assert desk.reverse(id, 300, lines=(300, 0)).redemption.state is State.REVERSED


@pytest.mark.parametrize(
    ("amount", "lines", "code"),
    [
        (None, (601, 0), Code.REVERSE_TOO_LARGE),
        (None, (0, 301), Code.REVERSE_TOO_LARGE),
        (None, (0, 0), Code.MALFORMED_REQUEST),
        (None, (-1, 2), Code.MALFORMED_REQUEST),
        (None, (1,), Code.MALFORMED_REQUEST),
        (None, (1, 1, 1), Code.MALFORMED_REQUEST),
        (None, (), Code.MALFORMED_REQUEST),
        (3, (1, 1), Code.MALFORMED_REQUEST),
    ],
)
def test_lines_that_do_not_fit_the_redemption_change_nothing(
    amount: int | None, lines: tuple[int, ...], code: Code, desk: Desk, on_two_lines: RedemptionView
) -> None:
    id = on_two_lines.redemption.id
    assert desk.no(Reverse(merchant_id=MERCHANT, redemption_id=id, amount_fen=amount, lines=lines)) is code
    assert as_stored(desk, id) == on_two_lines.redemption


@given(
    prices=st.lists(st.integers(1, 5_000), min_size=1, max_size=5),
    parts=st.lists(st.integers(1, 1_000), max_size=6),
    taken=st.integers(1, 3_000),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_parts_are_captured_and_reversed_the_lines_add_up(
    prices: list[int], parts: list[int], taken: int, desk: Desk
) -> None:
    bill = desk.new_bill()
    bill = a_bill(bill.number, *(a_line(price) for price in prices))
    held = desk.hold(desk.coupon(Balance(3_000)), bill).redemption
    redemption = desk.capture(held.id, min(taken, held.held_fen)).redemption
    assert sum(redemption.lines) == redemption.captured_fen
    assert all(0 <= off <= most for off, most in zip(redemption.lines, held.lines, strict=True))
    for part in parts:
        left = redemption.captured_fen - redemption.reversed_fen
        if not left:
            break
        before = redemption
        redemption = desk.reverse(redemption.id, min(part, left)).redemption
        assert sum(redemption.returned) == redemption.reversed_fen == before.reversed_fen + min(part, left)
        assert all(was <= now <= off for was, now, off in zip(before.returned, redemption.returned, redemption.lines))  # noqa: B905
    assert (redemption.state is State.REVERSED) == (redemption.returned == redemption.lines)


@pytest.mark.parametrize(("after_ms", "code"), [(-1, None), (0, Code.REVERSE_TOO_LATE)])
def test_a_capture_can_be_reversed_until_its_window_ends(
    after_ms: int, code: Code | None, desk: Desk, clock: Any
) -> None:
    held = desk.hold(desk.coupon(reverse_within_seconds=600)).redemption.id
    clock.forward(30)  # the window begins with the capture, not with the hold
    taken = desk.capture(held).redemption
    assert taken.captured_at == clock.now
    until_at = clock.now + 600_000
    clock.now = until_at + after_ms
    outcome = desk.do(Reverse(merchant_id=MERCHANT, redemption_id=held, amount_fen=1))
    assert getattr(outcome, "code", None) is code
    if code:
        assert outcome.facts["until_at"] == until_at
        assert outcome.redemption.allowed == []


def test_a_scheme_without_a_window_lets_reverse_for_ever(desk: Desk, clock: Any) -> None:
    taken = desk.redeem(desk.coupon()).redemption.id
    clock.forward(3 * 365 * 86_400)
    assert desk.reverse(taken).redemption.state is State.REVERSED


def test_a_voided_coupon_gives_its_money_back_but_not_its_use(desk: Desk) -> None:
    code = desk.coupon(Balance(5_000))
    taken = desk.redeem(code).redemption.id
    desk.void(code)
    desk.reverse(taken)
    assert desk.balance(code) == (0, 0, 0, 0)
    assert desk.no(redeeming(code)) is Code.COUPON_VOIDED


# Sweeping.


def test_a_sweep_writes_down_every_lapse_that_is_due_and_no_other(engine: Any, desk: Desk, clock: Any) -> None:
    due = [desk.hold(desk.coupon(hold_seconds=HOLD_SECONDS)).redemption.id for _ in range(3)]
    later = desk.hold(desk.coupon(hold_seconds=HOLD_SECONDS + 1)).redemption.id
    clock.forward(HOLD_SECONDS)
    assert engine.sweeper.sweep() == 3
    assert [as_stored(desk, id).state for id in due] == [State.LAPSED] * 3
    assert as_stored(desk, later).state is State.HELD
    assert engine.sweeper.sweep() == 0
    assert list(engine.read_now(lambda reader: list(reader.broken(clock.now)))) == []
