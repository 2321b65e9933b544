"""What happens to a redemption afterwards: capture, release, lapse, reverse. Legal moves are those of domain MOVES."""

from __future__ import annotations

from hexiao.domain.errors import BadRequest, Code, Refused
from hexiao.domain.money import split
from hexiao.domain.redemption import Move, Redemption
from hexiao.engine.commands import Capture, Lapse, Nothing, Redeemed, Release, Reverse
from hexiao.engine.ledger import Ledger
from hexiao.engine.redeeming import known_cashier
from hexiao.engine.views import view
from hexiao.storage.snapshot import Snapshot


def capture(snapshot: Snapshot, command: Capture, now: int) -> Redeemed:
    """Take what was held, or less of it; the rest goes back. Never more."""
    _positive(command.amount_fen)
    ledger, redemption = _begin(snapshot, command, now)
    known_cashier(snapshot, command.merchant_id, command.cashier_id)
    redemption.require(Move.CAPTURE)
    amount_fen = redemption.held_fen if command.amount_fen is None else command.amount_fen
    if amount_fen > redemption.held_fen:
        raise Refused(Code.CAPTURE_TOO_LARGE, needed_fen=redemption.held_fen, actual_fen=amount_fen)
    coupon = snapshot.coupons[redemption.coupon_id]
    ledger.capture(coupon, redemption, amount_fen, split(amount_fen, redemption.lines), command.cashier_id)
    return Redeemed(redemptions=[view(snapshot, redemption, now)])


def release(snapshot: Snapshot, command: Release, now: int) -> Redeemed:
    """Give back a hold."""
    ledger, redemption = _begin(snapshot, command, now)
    known_cashier(snapshot, command.merchant_id, command.cashier_id)
    redemption.require(Move.RELEASE)
    ledger.let_go(snapshot.coupons[redemption.coupon_id], redemption, Move.RELEASE, command.cashier_id)
    return Redeemed(redemptions=[view(snapshot, redemption, now)])


def reverse(snapshot: Snapshot, command: Reverse, now: int) -> Redeemed:
    """Give back a capture in part or in full, within the scheme's window. Parts always add up to what was taken."""
    _positive(command.amount_fen)
    if command.lines is not None:
        _positive(sum(command.lines))
        if command.amount_fen not in (None, sum(command.lines)):
            raise BadRequest(Code.MALFORMED_REQUEST, reason="amounts_differ")
    ledger, redemption = _begin(snapshot, command, now)
    known_cashier(snapshot, command.merchant_id, command.cashier_id)
    redemption.require(Move.REVERSE)
    coupon = snapshot.coupons[redemption.coupon_id]
    window = snapshot.scheme_of(coupon).terms.reverse_within_seconds
    if window is not None and not redemption.reversible(now, window):
        raise Refused(Code.REVERSE_TOO_LATE, until_at=(redemption.captured_at or 0) + window * 1000)
    returned = _returned(redemption, command)
    ledger.reverse(coupon, redemption, returned, command.cashier_id, command.reason)
    return Redeemed(redemptions=[view(snapshot, redemption, now)])


def lapse(snapshot: Snapshot, command: Lapse, now: int) -> Nothing:
    """`_begin` has written the lapse if it was due; there is nothing else to do."""
    _begin(snapshot, command, now)
    return Nothing()


def _begin(snapshot: Snapshot, command: Capture | Release | Reverse | Lapse, now: int) -> tuple[Ledger, Redemption]:
    redemption = snapshot.redemptions.get(command.redemption_id)
    if redemption is None or redemption.merchant_id != command.merchant_id:
        raise BadRequest(Code.UNKNOWN_REDEMPTION, redemption_id=str(command.redemption_id))
    ledger = Ledger(snapshot, command, now)
    if redemption.lapsed(now):
        ledger.let_go(snapshot.coupons[redemption.coupon_id], redemption, Move.LAPSE)
    return ledger, redemption


def _positive(amount_fen: int | None) -> None:
    if amount_fen is not None and amount_fen <= 0:
        raise BadRequest(Code.MALFORMED_REQUEST, reason="amount_not_positive")


def _returned(redemption: Redemption, command: Reverse) -> list[int]:
    """How much goes back on each line: as the caller says, or in proportion to what each line still keeps."""
    kept = [off - back for off, back in zip(redemption.lines, redemption.returned, strict=True)]
    left_fen = sum(kept)
    if command.lines is None:
        amount_fen = left_fen if command.amount_fen is None else command.amount_fen
        if amount_fen > left_fen:
            raise _too_large(left_fen, amount_fen)
        return split(amount_fen, kept)
    if len(command.lines) != len(kept) or min(command.lines) < 0:
        raise BadRequest(Code.MALFORMED_REQUEST, reason="wrong_lines", lines=len(kept))
    for line, (wanted, possible) in enumerate(zip(command.lines, kept, strict=True), 1):
        if wanted > possible:
            raise _too_large(possible, wanted, line)
    return list(command.lines)


def _too_large(possible_fen: int, wanted_fen: int, line: int | None = None) -> Refused:
    """`line` says which one, from 1, where the caller named them: all of them may have more left than it has."""
    where = {} if line is None else {"line": line}
    return Refused(Code.REVERSE_TOO_LARGE, needed_fen=possible_fen, actual_fen=wanted_fen, **where)
