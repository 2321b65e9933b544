"""(snapshot, command, now) → outcome. Pure but for the snapshot it changes: no I/O, no clock, no lock.

Knows about remembered answers and refusal rows; the rules themselves stand in redeeming, settling and issuing.
"""

from __future__ import annotations

import hashlib

import msgspec

from hexiao.domain.errors import BadRequest, Code, Family, HexiaoError
from hexiao.domain.party import Merchant
from hexiao.engine import issuing, redeeming, settling
from hexiao.engine.commands import (
    Answer,
    AnyCommand,
    Assess,
    Capture,
    CreateScheme,
    Each,
    Failed,
    Import,
    Issue,
    Lapse,
    LookUp,
    Outcome,
    PauseScheme,
    Put,
    Redeem,
    RedeemEach,
    RedemptionView,
    Release,
    Reverse,
    ReviseScheme,
    Single,
    Void,
)
from hexiao.engine.mint import Mint
from hexiao.engine.views import view
from hexiao.storage.snapshot import Refusal, Remembered, Snapshot

_encode = msgspec.msgpack.Encoder().encode
_decode_outcome = msgspec.msgpack.Decoder(Outcome).decode


def answer(snapshot: Snapshot, command: AnyCommand, now: int, mint: Mint) -> Answer:
    """Decide once, remember, and give the same answer ever after to the same request id and content."""
    fingerprint = b""
    if command.request_id:
        fingerprint = _fingerprint(command)
        earlier = snapshot.requests.get(command.request_id)
        if earlier is not None:
            if earlier.fingerprint != fingerprint:
                return Answer(Failed(code=Code.REQUEST_ID_REUSED, facts={}))
            return Answer(_decode_outcome(earlier.answer), replayed=True)
    outcome = decide(snapshot, command, now, mint)
    if command.request_id and _is_final(outcome):
        snapshot.remember(command.request_id, Remembered(fingerprint, _encode(outcome)))
    return Answer(outcome)


def decide(snapshot: Snapshot, command: AnyCommand, now: int, mint: Mint) -> Outcome:
    """Carry out the command on the snapshot, or say why not; a refusal leaves a row of its own."""
    if isinstance(command, RedeemEach):
        outcomes: list[Single] = []
        for item in command.items:
            outcome = decide(snapshot, item, now, mint)
            assert not isinstance(outcome, Each)
            outcomes.append(outcome)
        return Each(outcomes=outcomes)
    try:
        founding = isinstance(command, Put) and isinstance(command.record, Merchant)
        if command.merchant_id not in snapshot.merchants and not founding:
            raise BadRequest(Code.UNKNOWN_MERCHANT, merchant_id=str(command.merchant_id))
        outcome = _carry_out(snapshot, command, now, mint)
    except HexiaoError as refusal:
        outcome = Failed(code=refusal.code, facts=refusal.facts, redemption=_named(snapshot, command, now))
    if isinstance(outcome, Failed):
        _note_refusal(snapshot, command, outcome, now, mint)
    return outcome


def _carry_out(snapshot: Snapshot, command: AnyCommand, now: int, mint: Mint) -> Single:
    match command:
        case Redeem():
            return redeeming.redeem(snapshot, command, now, mint)
        case Assess():
            return redeeming.assess_only(snapshot, command, now)
        case LookUp():
            return redeeming.look_up(snapshot, command, now)
        case Capture():
            return settling.capture(snapshot, command, now)
        case Release():
            return settling.release(snapshot, command, now)
        case Reverse():
            return settling.reverse(snapshot, command, now)
        case Lapse():
            return settling.lapse(snapshot, command, now)
        case Issue():
            return issuing.issue(snapshot, command, now, mint)
        case Import():
            return issuing.import_coupons(snapshot, command, now, mint)
        case Void():
            return issuing.void(snapshot, command, now)
        case CreateScheme():
            return issuing.create_scheme(snapshot, command, now, mint)
        case ReviseScheme():
            return issuing.revise_scheme(snapshot, command, now)
        case PauseScheme():
            return issuing.pause_scheme(snapshot, command, now)
        case Put():
            return issuing.put(snapshot, command, now, mint)
        case RedeemEach():
            raise AssertionError("its items are decided one by one")


def _fingerprint(command: AnyCommand) -> bytes:
    """Two requests are the same when everything but the request id is."""
    return hashlib.sha256(_encode(msgspec.structs.replace(command, request_id=""))).digest()


def _is_final(outcome: Outcome) -> bool:
    """A call that must be mended first (422, 404) is not remembered, so that the mended call may keep its id."""
    return not (isinstance(outcome, Failed) and outcome.code.family is not Family.REFUSED)


def _named(snapshot: Snapshot, command: AnyCommand, now: int) -> RedemptionView | None:
    """The redemption that the command is about, as it stands, so that the caller sees the actual state."""
    if not isinstance(command, (Capture, Release, Reverse)):
        return None
    redemption = snapshot.redemptions.get(command.redemption_id)
    if redemption is None or redemption.merchant_id != command.merchant_id:
        return None
    return view(snapshot, redemption, now)


def _note_refusal(snapshot: Snapshot, command: AnyCommand, failed: Failed, now: int, mint: Mint) -> None:
    """Who tried what, where, and why not: what support needs when the customer stands at the till."""
    if failed.code.family is not Family.REFUSED and failed.code is not Code.UNKNOWN_COUPON:
        return
    code, coupon_id, shop_id, bill_number, cashier_id = "", None, None, "", None
    match command:
        case Redeem():
            refused = next((a for a in failed.assessments if not a.ok), None)
            code = str(failed.facts.get("code", "")) if refused is None else refused.code
            coupon_id = refused.coupon_id if refused else None
            bill = command.bill
            shop_id, bill_number, cashier_id = bill.shop_id, bill.number, bill.cashier_id
        case Capture() | Release() | Reverse():
            redemption = snapshot.redemptions[command.redemption_id]
            coupon_id, shop_id, bill_number = redemption.coupon_id, redemption.shop_id, redemption.bill_number
            cashier_id = command.cashier_id
        case Void():
            code = command.code
        case _:
            return
    snapshot.changes.refusals.append(
        Refusal(
            id=mint.id(now), merchant_id=command.merchant_id, coupon_id=coupon_id, typed_code=code[:64],
            code=failed.code, shop_id=shop_id, bill_number=bill_number, cashier_id=cashier_id, at=now,
            request_id=command.request_id, actor=command.actor, verdicts=_encode(failed.assessments),
        )
    )  # fmt: skip
