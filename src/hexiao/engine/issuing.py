"""Schemes and their coupons: create, revise, pause; issue, import, void. Limits are exact, versions immutable."""

from __future__ import annotations

from collections import Counter
from copy import copy
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hexiao.domain.coupon import CODE_MAX, Channel, Coupon
from hexiao.domain.errors import BadRequest, Code, Refused
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.scheme import Scheme, face_of, validity_window
from hexiao.domain.soundness import check_scheme
from hexiao.engine.commands import (
    CreateScheme,
    Found,
    Import,
    Imported,
    Issue,
    Issued,
    PauseScheme,
    Put,
    ReviseScheme,
    Saved,
    SchemeSaved,
    Void,
)
from hexiao.engine.ledger import Ledger
from hexiao.engine.mint import Mint
from hexiao.engine.redeeming import find_coupon, lapse_due
from hexiao.engine.views import coupon_view
from hexiao.storage.snapshot import Owned, Snapshot


def create_scheme(snapshot: Snapshot, command: CreateScheme, now: int, mint: Mint) -> SchemeSaved:
    check_scheme(command.terms, command.benefit)
    if (command.merchant_id, command.number) in snapshot.scheme_ids:
        raise BadRequest(Code.NUMBER_TAKEN, number=command.number)
    if command.id is not None and command.id in snapshot.latest:
        raise BadRequest(Code.ID_TAKEN, id=str(command.id))
    scheme = Scheme(
        id=mint.id(now) if command.id is None else command.id,
        merchant_id=command.merchant_id,
        number=command.number,
        version=1,
        latest=1,
        name=command.name,
        description=command.description,
        terms=command.terms,
        benefit=command.benefit,
        shown_in_list=command.shown_in_list,
        shown_on_goods=command.shown_on_goods,
        created_at=now,
        updated_at=now,
        seq=1,
    )
    snapshot.put_scheme(scheme, 0)
    return SchemeSaved(scheme=scheme)


def revise_scheme(snapshot: Snapshot, command: ReviseScheme, now: int) -> SchemeSaved:
    """A new version; its kind stays, for a scheme's number is one kind of coupon to everybody who knows it."""
    old = _scheme(snapshot, command.merchant_id, command.scheme_id)
    terms = old.terms if command.terms is None else command.terms
    benefit = old.benefit if command.benefit is None else command.benefit
    check_scheme(terms, benefit)
    if type(benefit) is not type(old.benefit):
        raise BadRequest(Code.BAD_SCHEME, reason="other_kind")
    if terms.limited != old.terms.limited:
        raise BadRequest(Code.BAD_SCHEME, reason="limit_come_or_gone")
    new = msgspec.structs.replace(
        old,
        version=old.latest + 1,
        latest=old.latest + 1,
        name=old.name if command.name is None else command.name,
        description=old.description if command.description is None else command.description,
        terms=terms,
        benefit=benefit,
        updated_at=now,
        seq=old.seq + 1,
    )
    snapshot.put_scheme(new, old.seq)
    return SchemeSaved(scheme=new)


def pause_scheme(snapshot: Snapshot, command: PauseScheme, now: int) -> SchemeSaved:
    old = _scheme(snapshot, command.merchant_id, command.scheme_id)
    new = msgspec.structs.replace(old, paused=command.paused, updated_at=now, seq=old.seq + 1)
    snapshot.put_scheme(new, old.seq)
    return SchemeSaved(scheme=new)


def issue(snapshot: Snapshot, command: Issue, now: int, mint: Mint) -> Issued:
    scheme = _scheme(snapshot, command.merchant_id, command.scheme_id)
    zone = _zone(snapshot, command.merchant_id)
    _may_issue(snapshot, scheme, command.quantity, now, zone)
    _may_receive(snapshot, scheme, command.member_id, command.quantity)
    form = scheme.terms.code_format
    coupons = [
        _new_coupon(scheme, mint.id(now), mint.code(form, now, zone), now, zone, command.member_id, command.channel)
        for _ in range(command.quantity)
    ]
    return _issue_all(Ledger(snapshot, command, now), scheme, coupons)


def import_coupons(snapshot: Snapshot, command: Import, now: int, mint: Mint) -> Issued:
    """Take over coupons made elsewhere, all or none; the first one that cannot be taken is named."""
    scheme = _scheme(snapshot, command.merchant_id, command.scheme_id)
    zone = _zone(snapshot, command.merchant_id)
    _may_issue(snapshot, scheme, len(command.coupons), now, zone)
    for member_id, quantity in Counter(item.member_id for item in command.coupons).items():
        _may_receive(snapshot, scheme, member_id, quantity)
    codes: set[str] = set()
    ids: set[int] = set()
    coupons = []
    for item in command.coupons:
        if item.code in codes:
            raise BadRequest(Code.DUPLICATE_COUPON, code=item.code)
        if (command.merchant_id, item.code) in snapshot.coupon_ids:
            raise BadRequest(Code.CODE_TAKEN, code=item.code)
        if item.id is not None and (item.id in ids or item.id in snapshot.coupons):
            raise BadRequest(Code.ID_TAKEN, id=str(item.id))
        coupon = _imported(scheme, item, now, zone, mint)
        codes.add(coupon.code)
        ids.add(coupon.id)
        coupons.append(coupon)
    return _issue_all(Ledger(snapshot, command, now), scheme, coupons)


def _issue_all(ledger: Ledger, scheme: Scheme, coupons: list[Coupon]) -> Issued:
    for coupon in coupons:
        ledger.issue(coupon)
        if coupon.member_id is not None:  # counted without a limit too: a later version may set one
            ledger.snapshot.add_receipt(scheme, coupon.member_id, 1)
    return Issued(coupons=[copy(coupon) for coupon in coupons])


def _imported(scheme: Scheme, item: Imported, now: int, zone: ZoneInfo, mint: Mint) -> Coupon:
    if not item.code or len(item.code) > CODE_MAX:
        raise BadRequest(Code.MALFORMED_REQUEST, reason="wrong_code_length", most=CODE_MAX, code=item.code[:CODE_MAX])
    id = mint.id(now) if item.id is None else item.id
    received_at = now if item.received_at is None else min(item.received_at, now)
    coupon = _new_coupon(scheme, id, item.code, received_at, zone, item.member_id, item.channel)
    if item.record_id is not None:
        coupon.record_id = item.record_id
    if item.face_fen is not None:
        if coupon.face_fen is None or not 0 < item.face_fen <= coupon.face_fen:
            raise BadRequest(Code.MALFORMED_REQUEST, reason="wrong_face", code=item.code)
        coupon.face_fen = item.face_fen
    return coupon


def void(snapshot: Snapshot, command: Void, now: int) -> Found:
    """Take a coupon out of use for good; what was captured stays, what is held must be released first."""
    coupon = find_coupon(snapshot, command.merchant_id, command.code)
    ledger = Ledger(snapshot, command, now)
    lapse_due(ledger, coupon)
    if coupon.voided_at is not None:
        raise Refused(Code.COUPON_VOIDED)
    if coupon.held_uses:
        raise Refused(Code.COUPON_IN_USE)
    ledger.void(coupon, command.reason)
    return Found(coupon=coupon_view(snapshot, coupon))


def put(snapshot: Snapshot, command: Put, now: int, mint: Mint) -> Saved:
    """Create or replace master data. What belongs to another merchant is taken, and stays untouched."""
    record = copy(command.record)
    if isinstance(record, Merchant):
        _demand_zone(record.time_zone)
        record.id = record.id or mint.id(now)
        snapshot.merchants[record.id] = record
        snapshot.changes.records.append(record)
        return Saved(id=record.id)
    record.merchant_id = command.merchant_id
    earlier = _earlier(snapshot, record)
    if earlier is not None and earlier.merchant_id != command.merchant_id:
        raise BadRequest(Code.ID_TAKEN, id=str(record.id))
    if record.id == 0:
        record.id = mint.id(now) if earlier is None else earlier.id
    if isinstance(record, Credential):
        # The id and the public id name the same credential, or neither is taken.
        holder = snapshot.credentials_by_id.get(record.id, earlier)
        if holder != earlier or (earlier is not None and earlier.id != record.id):
            raise BadRequest(Code.ID_TAKEN, id=str(record.id))
    if isinstance(record, Item):
        namesake = snapshot.items.get((record.merchant_id, record.sku), record)
        if namesake.id != record.id:
            raise BadRequest(Code.NUMBER_TAKEN, number=record.sku)
    if isinstance(record, Cashier) and record.shop_id is not None:
        shop = snapshot.shops.get(record.shop_id)
        if shop is None or shop.merchant_id != command.merchant_id:
            raise BadRequest(Code.UNKNOWN_SHOP, shop_id=str(record.shop_id))
    snapshot.put_record(record)
    return Saved(id=record.id)


def _demand_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise BadRequest(Code.MALFORMED_REQUEST, reason="unknown_zone", zone=name) from unknown


def _earlier(snapshot: Snapshot, record: Owned) -> Owned | None:
    """The record that this one replaces: by its natural key where it has one, else by its id."""
    match record:
        case Shop():
            return snapshot.shops.get(record.id)
        case Cashier():
            return snapshot.cashiers.get(record.id)
        case Member():
            return snapshot.members.get(record.id)
        case Item():
            by_sku = snapshot.items.get((record.merchant_id, record.sku))
            return by_sku if record.id == 0 else snapshot.items_by_id.get(record.id)
        case Credential():
            return snapshot.credentials.get((record.door, record.public_id))


def _scheme(snapshot: Snapshot, merchant_id: int, scheme_id: int) -> Scheme:
    scheme = snapshot.latest.get(scheme_id)
    if scheme is None or scheme.merchant_id != merchant_id:
        raise BadRequest(Code.UNKNOWN_SCHEME, scheme=str(scheme_id))
    return scheme


def _zone(snapshot: Snapshot, merchant_id: int) -> ZoneInfo:
    return ZoneInfo(snapshot.merchants[merchant_id].time_zone)


def _may_issue(snapshot: Snapshot, scheme: Scheme, quantity: int, now: int, zone: ZoneInfo) -> None:
    if scheme.paused:
        raise Refused(Code.SCHEME_PAUSED)
    _, valid_until_at = validity_window(scheme.terms.validity, now, zone)
    if now >= valid_until_at:
        raise Refused(Code.SCHEME_ENDED, valid_until_at=valid_until_at)
    total, issued = scheme.terms.total, snapshot.count(scheme.id).issued
    if total and issued + quantity > total:
        left = max(0, total - issued)  # a stock that was lowered may be less than what is out
        raise Refused(Code.STOCK_EXHAUSTED, needed=total, actual=left)


def _may_receive(snapshot: Snapshot, scheme: Scheme, member_id: int | None, quantity: int) -> None:
    if member_id is None:
        if scheme.terms.holder == "member" or scheme.terms.per_member:
            raise Refused(Code.MEMBER_NEEDED, per_member=scheme.terms.per_member or None)
        return
    member = snapshot.members.get(member_id)
    if member is None or member.merchant_id != scheme.merchant_id:
        raise BadRequest(Code.UNKNOWN_MEMBER, member_id=str(member_id))
    limit = scheme.terms.per_member
    received = snapshot.received.get((scheme.id, member_id), 0)
    if limit and received + quantity > limit:
        raise Refused(Code.MEMBER_LIMIT_REACHED, needed=limit, actual=received)


def _new_coupon(
    scheme: Scheme, id: int, code: str, received_at: int, zone: ZoneInfo, member_id: int | None, channel: Channel
) -> Coupon:
    face_fen, uses_max = face_of(scheme.benefit)
    valid_from_at, valid_until_at = validity_window(scheme.terms.validity, received_at, zone)
    return Coupon(
        id=id,
        merchant_id=scheme.merchant_id,
        scheme_id=scheme.id,
        scheme_version=scheme.version,
        code=code,
        record_id=id,
        member_id=member_id,
        channel=channel,
        face_fen=face_fen,
        uses_max=uses_max,
        valid_from_at=valid_from_at,
        valid_until_at=valid_until_at,
        issued_at=received_at,
        changed_at=received_at,
    )
