"""The only place that moves a coupon's balance: coupon, redemption, scheme count and journal change together.

Holds no rule: whether a step is right was decided before. A step never edits an earlier one.
"""

from __future__ import annotations

from hexiao.domain.coupon import Coupon
from hexiao.domain.redemption import Entry, JournalEntry, Move, Redemption, State
from hexiao.engine.commands import Command
from hexiao.storage.snapshot import Count, Snapshot


class Ledger:
    """Writes for one command at one moment."""

    def __init__(self, snapshot: Snapshot, command: Command, now: int) -> None:
        self.snapshot = snapshot
        self.command = command
        self.now = now

    def issue(self, coupon: Coupon) -> None:
        self.snapshot.add_coupon(coupon)
        self._write(coupon, Entry.ISSUE, None)

    def void(self, coupon: Coupon, reason: str) -> None:
        self.snapshot.touch_coupon(coupon)
        coupon.voided_at = self.now
        self._write(coupon, Entry.VOID, None, reason=reason)

    def hold(self, coupon: Coupon, redemption: Redemption) -> None:
        self._open(coupon, redemption)
        cashier = redemption.cashier_id
        self._write(coupon, Entry.HOLD, redemption, d_held_fen=redemption.held_fen, d_held_uses=1, cashier=cashier)

    def redeem(self, coupon: Coupon, redemption: Redemption) -> None:
        """Hold and capture in one step, one journal row."""
        self._open(coupon, redemption)
        redemption.captured_fen = redemption.held_fen
        redemption.captured_at = redemption.settled_at = self.now
        self._write(
            coupon, Entry.CAPTURE, redemption, cashier=redemption.cashier_id,
            d_captured_fen=redemption.captured_fen, d_captured_uses=1,
        )  # fmt: skip

    def capture(
        self, coupon: Coupon, redemption: Redemption, amount_fen: int, lines: list[int], cashier: int | None
    ) -> None:
        self._settle(redemption, redemption.require(Move.CAPTURE))
        redemption.captured_fen = amount_fen
        redemption.captured_at = self.now
        redemption.lines = lines
        if cashier is None:  # the sale goes on; what undoes it is nobody's who was not named
            cashier = redemption.cashier_id
        self._write(
            coupon, Entry.CAPTURE, redemption, cashier=cashier,
            d_held_fen=-redemption.held_fen, d_held_uses=-1, d_captured_fen=amount_fen, d_captured_uses=1,
        )  # fmt: skip

    def let_go(self, coupon: Coupon, redemption: Redemption, move: Move, cashier: int | None = None) -> None:
        """Release or lapse: everything that was held goes back."""
        self._settle(redemption, redemption.require(move))
        entry = Entry.RELEASE
        if move is Move.LAPSE:  # it ended at its deadline, whenever that is written down
            entry, redemption.settled_at = Entry.LAPSE, redemption.held_until_at
        self._write(coupon, entry, redemption, d_held_fen=-redemption.held_fen, d_held_uses=-1, cashier=cashier)

    def reverse(
        self, coupon: Coupon, redemption: Redemption, returned: list[int], cashier: int | None, reason: str
    ) -> None:
        """Give back part or all; the use itself comes back only with the last fen."""
        after = redemption.require(Move.REVERSE)
        self._touch(coupon, redemption)
        amount_fen = sum(returned)
        redemption.reversed_fen += amount_fen
        redemption.reversals += 1
        redemption.returned = [was + now for was, now in zip(redemption.returned, returned, strict=True)]
        in_full = redemption.reversed_fen == redemption.captured_fen
        if in_full:
            redemption.state = after
        self._write(
            coupon, Entry.REVERSE, redemption, part=redemption.reversals, cashier=cashier, reason=reason,
            d_captured_fen=-amount_fen, d_captured_uses=-1 if in_full else 0,
        )  # fmt: skip

    def _open(self, coupon: Coupon, redemption: Redemption) -> None:
        self.snapshot.touch_coupon(coupon)
        self.snapshot.add_redemption(redemption)
        self.snapshot.touch_bill((redemption.merchant_id, redemption.shop_id, redemption.bill_number))

    def _touch(self, coupon: Coupon, redemption: Redemption) -> None:
        self.snapshot.touch_coupon(coupon)
        self.snapshot.touch_redemption(redemption)
        self.snapshot.touch_bill((redemption.merchant_id, redemption.shop_id, redemption.bill_number))
        redemption.changed_at = max(self.now, redemption.changed_at)

    def _settle(self, redemption: Redemption, state: State) -> None:
        self._touch(self.snapshot.coupons[redemption.coupon_id], redemption)
        redemption.state = state
        redemption.settled_at = self.now

    def _write(
        self,
        coupon: Coupon,
        entry: Entry,
        redemption: Redemption | None,
        *,
        part: int = 0,
        d_held_fen: int = 0,
        d_captured_fen: int = 0,
        d_held_uses: int = 0,
        d_captured_uses: int = 0,
        cashier: int | None = None,
        reason: str = "",
    ) -> None:
        coupon.held_fen += d_held_fen
        coupon.captured_fen += d_captured_fen
        coupon.held_uses += d_held_uses
        coupon.captured_uses += d_captured_uses
        coupon.seq += 1
        coupon.changed_at = max(self.now, coupon.changed_at)  # time never goes back within a coupon's journal
        self.snapshot.changes.journal.append(
            JournalEntry(
                coupon_id=coupon.id,
                seq=coupon.seq,
                entry=entry,
                redemption_id=redemption.id if redemption else None,
                part=part,
                d_held_fen=d_held_fen,
                d_captured_fen=d_captured_fen,
                d_held_uses=d_held_uses,
                d_captured_uses=d_captured_uses,
                held_after_fen=coupon.held_fen,
                captured_after_fen=coupon.captured_fen,
                at=coupon.changed_at,
                request_id=self.command.request_id,
                actor=self.command.actor,
                cashier_id=cashier,
                reason=reason,
            )
        )
        issued = 1 if entry is Entry.ISSUE else 0
        self.snapshot.add_count(
            self.snapshot.scheme_of(coupon),
            Count(issued=issued, captured_uses=d_captured_uses, held_fen=d_held_fen, captured_fen=d_captured_fen),
        )
