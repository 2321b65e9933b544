"""Redemptions: the table of moves is total, every state can be reached, and a deadline is kept to the millisecond."""

from __future__ import annotations

from itertools import product

import pytest

from domain.conftest import MINUTE, NOW, a_redemption
from hexiao.domain.errors import Family, Refused
from hexiao.domain.redemption import MOVES, REASONS, Entry, Move, State

DEADLINE = NOW + 15 * MINUTE
FIRST = {State.HELD, State.CAPTURED}
"""States a redemption can begin in: held, or redeemed at once."""

pairs = pytest.mark.parametrize(("state", "move"), list(product(State, Move)), ids=lambda value: value.name.lower())


@pairs
def test_every_state_and_move_either_goes_on_or_is_refused_with_the_reason_of_the_state(
    state: State, move: Move
) -> None:
    redemption = a_redemption(state)
    if (state, move) in MOVES:
        assert redemption.require(move) is MOVES[state, move]
        return
    with pytest.raises(Refused) as refused:
        redemption.require(move)
    assert refused.value.code is REASONS[state]
    assert refused.value.facts["redemption_id"] == str(redemption.id)


@pytest.mark.parametrize(
    ("state", "move", "after"),
    [
        (State.HELD, Move.CAPTURE, State.CAPTURED),
        (State.HELD, Move.RELEASE, State.RELEASED),
        (State.HELD, Move.LAPSE, State.LAPSED),
        (State.CAPTURED, Move.REVERSE, State.REVERSED),
    ],
)
def test_these_are_the_moves_and_there_are_no_others(state: State, move: Move, after: State) -> None:
    assert MOVES[state, move] is after
    assert len(MOVES) == 4


def test_states_keep_their_numbers_because_they_are_stored() -> None:
    assert {state.name: state.value for state in State} == {
        "HELD": 1, "CAPTURED": 2, "RELEASED": 3, "LAPSED": 4, "REVERSED": 5,
    }  # fmt: skip


def test_asking_about_a_move_changes_nothing() -> None:
    redemption = a_redemption(State.HELD)
    redemption.require(Move.CAPTURE)
    assert redemption == a_redemption(State.HELD)


def test_every_state_has_a_reason_of_its_own() -> None:
    assert set(REASONS) == set(State)
    assert len(set(REASONS.values())) == len(State)
    assert {code.family for code in REASONS.values()} == {Family.REFUSED}


def test_every_state_can_be_reached_and_every_move_made() -> None:
    reached: set[State] = set()
    ahead = set(FIRST)
    while ahead:
        reached |= ahead
        ahead = {after for (state, _), after in MOVES.items() if state in reached} - reached
    assert reached == set(State)
    assert {move for _, move in MOVES} == set(Move)


def test_no_move_leads_back() -> None:
    assert all(after > state for (state, _), after in MOVES.items())
    assert not any(state in (State.RELEASED, State.LAPSED, State.REVERSED) for state, _ in MOVES)


def test_every_move_leaves_a_journal_row_of_its_name() -> None:
    assert {move.value for move in Move} <= {entry.value for entry in Entry}


@pytest.mark.parametrize(
    ("state", "now", "moves"),
    [
        pytest.param(State.HELD, NOW, [Move.CAPTURE, Move.RELEASE], id="held"),
        pytest.param(State.HELD, DEADLINE - 1, [Move.CAPTURE, Move.RELEASE], id="held, a millisecond to go"),
        pytest.param(State.HELD, DEADLINE, [], id="held, at its very deadline"),
        pytest.param(State.HELD, DEADLINE + 1, [], id="held, past its deadline"),
        pytest.param(State.CAPTURED, NOW, [Move.REVERSE], id="captured"),
        pytest.param(State.CAPTURED, DEADLINE + 1, [Move.REVERSE], id="captured in time, long ago"),
        pytest.param(State.RELEASED, NOW, [], id="released"),
        pytest.param(State.LAPSED, NOW, [], id="lapsed, even if the clock went back"),
        pytest.param(State.REVERSED, NOW, [], id="reversed"),
    ],
)
def test_the_moves_that_may_be_asked_for_next(state: State, now: int, moves: list[Move]) -> None:
    assert a_redemption(state, held_until_at=DEADLINE).allowed(now) == moves


def test_a_hold_without_a_deadline_never_lapses() -> None:
    forever = a_redemption(State.HELD, held_until_at=None)
    assert not forever.lapsed(2**53)
    assert forever.allowed(2**53) == [Move.CAPTURE, Move.RELEASE]


@pytest.mark.parametrize("state", State, ids=lambda state: state.name.lower())
def test_only_a_hold_lapses_and_it_does_so_at_its_deadline(state: State) -> None:
    redemption = a_redemption(state, held_until_at=DEADLINE)
    lapsed = [redemption.lapsed(now) for now in (0, DEADLINE - 1, DEADLINE, DEADLINE + 1)]
    assert lapsed == ([False, False, True, True] if state is State.HELD else [False] * 4)


@pairs
def test_no_caller_is_offered_a_move_that_is_then_refused(state: State, move: Move) -> None:
    redemption = a_redemption(state)
    if move in redemption.allowed(NOW):
        redemption.require(move)
    else:
        assert move is Move.LAPSE or (state, move) not in MOVES


@pytest.mark.parametrize(
    ("state", "amounts", "live", "live_fen"),
    [
        pytest.param(State.HELD, {"held_fen": 800}, True, 800, id="a hold takes what it holds"),
        pytest.param(State.CAPTURED, {"held_fen": 800, "captured_fen": 500}, True, 500, id="a capture of less"),
        pytest.param(State.CAPTURED, {"captured_fen": 500, "reversed_fen": 200}, True, 300, id="reversed in part"),
        pytest.param(State.REVERSED, {"captured_fen": 500, "reversed_fen": 500}, False, 0, id="reversed in full"),
        pytest.param(State.RELEASED, {"held_fen": 800, "captured_fen": 0}, False, 0, id="released"),
        pytest.param(State.LAPSED, {"held_fen": 800, "captured_fen": 0}, False, 0, id="lapsed"),
    ],
)
def test_what_a_redemption_takes_off_its_bill_now(
    state: State, amounts: dict[str, int], live: bool, live_fen: int
) -> None:
    redemption = a_redemption(state, **amounts)
    assert (redemption.live, redemption.live_fen) == (live, live_fen)
