"""A Redemption (核销单): one use of one coupon on one bill; the table of its moves; the journal of what happened.

A later step never edits an earlier one: it adds a journal row, and the state follows from MOVES.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from hexiao.domain.bill import Scene
from hexiao.domain.errors import Code, Refused
from hexiao.domain.scheme import Kind


class State(IntEnum):
    HELD = 1  # 预核销中
    CAPTURED = 2  # 已核销
    RELEASED = 3  # 已取消
    LAPSED = 4  # 已超时
    REVERSED = 5  # 已全部撤销


class Move(StrEnum):
    CAPTURE = "capture"
    RELEASE = "release"
    LAPSE = "lapse"
    REVERSE = "reverse"


MOVES: dict[tuple[State, Move], State] = {
    (State.HELD, Move.CAPTURE): State.CAPTURED,
    (State.HELD, Move.RELEASE): State.RELEASED,
    (State.HELD, Move.LAPSE): State.LAPSED,
    (State.CAPTURED, Move.REVERSE): State.REVERSED,  # in full; a partial reversal stays CAPTURED
}

ASKED_FOR: dict[State, tuple[Move, ...]] = {
    state: tuple(move for since, move in MOVES if since is state and move is not Move.LAPSE) for state in State
}
"""The moves that a caller may ask for; a lapse happens by itself."""

REASONS: dict[State, Code] = {
    State.HELD: Code.STILL_HELD,
    State.CAPTURED: Code.ALREADY_CAPTURED,
    State.RELEASED: Code.ALREADY_RELEASED,
    State.LAPSED: Code.HOLD_LAPSED,
    State.REVERSED: Code.ALREADY_REVERSED,
}
"""Why every other pair of state and move is refused."""


def lapsed(state: int, held_until_at: int | None, now: int) -> bool:
    """For rows of which no Redemption is made."""
    return held_until_at is not None and now >= held_until_at and state == State.HELD


class Redemption(msgspec.Struct, kw_only=True):
    """`lines` is the discount in fen, one number for each line of the bill; `returned` is what of it went back.

    Each of the two adds up to its amount.
    """

    id: int
    coupon_id: int
    merchant_id: int
    scheme_id: int
    kind: Kind
    bill_number: str
    shop_id: int
    cashier_id: int | None
    member_id: int | None
    scene: Scene
    state: State
    held_fen: int
    captured_fen: int = 0
    reversed_fen: int = 0
    lines: list[int]
    returned: list[int]
    reversals: int = 0
    held_until_at: int | None = None
    created_at: int
    captured_at: int | None = None
    settled_at: int | None = None
    changed_at: int
    request_id: str

    @property
    def live(self) -> bool:
        """Whether it keeps something of the coupon."""
        return self.state in (State.HELD, State.CAPTURED)

    @property
    def live_fen(self) -> int:
        """What it takes off the bill now."""
        return live_fen(self.state, self.held_fen, self.captured_fen, self.reversed_fen)

    def lapsed(self, now: int) -> bool:
        """A hold past its deadline is lapsed, whether or not a sweeper ran."""
        return lapsed(self.state, self.held_until_at, now)

    def reversible(self, now: int, within_seconds: int | None) -> bool:
        """Whether the scheme's window for reversals, counted from the capture, is still open."""
        return within_seconds is None or self.captured_at is None or now < self.captured_at + within_seconds * 1000

    def allowed(self, now: int, reverse_within_seconds: int | None = None) -> list[Move]:
        """The moves a caller may ask for next."""
        moves = ASKED_FOR[State.LAPSED if self.lapsed(now) else self.state]
        if Move.REVERSE in moves and not self.reversible(now, reverse_within_seconds):
            return [move for move in moves if move is not Move.REVERSE]
        return list(moves)

    def require(self, move: Move) -> State:
        """The state after `move` in full. Raises Refused with the reason of the present state."""
        after = MOVES.get((self.state, move))
        if after is None:
            raise Refused(REASONS[self.state], redemption_id=str(self.id), held_until_at=self.held_until_at)
        return after


class ListedRedemption(msgspec.Struct):
    """A redemption as a numbered list shows it: flat, and no more than is shown.

    Its fields but for the last four stand in storage.pages.
    """

    id: int
    created_at: int
    coupon_id: int
    bill_number: str
    shop_id: int
    kind: Kind
    state: State
    held_fen: int
    captured_fen: int
    reversed_fen: int
    held_until_at: int | None
    captured_at: int | None
    cashier_id: int | None
    member_id: int | None
    code: str
    record_id: int
    face_fen: int | None
    uses_max: int | None
    coupon_captured_fen: int
    coupon_captured_uses: int
    member_name: str | None
    member_mobile: str | None
    member_card_id: str | None
    member_card_number: str | None
    scheme_number: str
    shop_number: str | None
    shop_name: str | None
    cashier_name: str | None


def live_fen(state: State, held_fen: int, captured_fen: int, reversed_fen: int) -> int:
    return held_fen if state is State.HELD else captured_fen - reversed_fen


class Entry(StrEnum):
    """Kinds of journal rows."""

    ISSUE = "issue"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    LAPSE = "lapse"
    REVERSE = "reverse"
    VOID = "void"


class JournalEntry(msgspec.Struct, kw_only=True, frozen=True):
    """One fact about one coupon. Balances are the sums of the `d_` columns; rows are never changed or removed.

    `lane` and `height` name the block that seals it; they are given when its batch is about to be saved.
    """

    coupon_id: int
    seq: int
    entry: Entry
    redemption_id: int | None
    part: int
    d_held_fen: int
    d_captured_fen: int
    d_held_uses: int
    d_captured_uses: int
    held_after_fen: int
    captured_after_fen: int
    at: int
    request_id: str
    actor: str
    cashier_id: int | None
    reason: str
    lane: int = 0
    height: int = 0
