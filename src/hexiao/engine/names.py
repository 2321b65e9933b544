"""Which names a command needs loaded. Every command has its line; there is no default."""

from __future__ import annotations

from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.scheme import Terms
from hexiao.engine.commands import (
    AnyCommand,
    Assess,
    Capture,
    CreateScheme,
    Import,
    Issue,
    Lapse,
    LookUp,
    PauseScheme,
    Put,
    Redeem,
    RedeemEach,
    Release,
    Reverse,
    ReviseScheme,
    Void,
)
from hexiao.storage.snapshot import Names, Record


def collect(names: Names, command: AnyCommand) -> None:
    """Add to `names` all that `command` needs."""
    merchant_id = command.merchant_id
    names.merchants.add(merchant_id)
    if command.request_id:
        names.requests.add(command.request_id)
    match command:
        case Redeem() | Assess():
            _bill(names, command)
        case RedeemEach():
            for item in command.items:
                _bill(names, item)
        case LookUp():
            names.codes.add((merchant_id, command.code))
            if command.spelled_out:
                names.spelled_out.add((merchant_id, command.code))
        case Void():
            names.codes.add((merchant_id, command.code))
        case Capture() | Release() | Reverse():
            names.redemptions.add(command.redemption_id)
            if command.cashier_id is not None:
                names.cashiers.add(command.cashier_id)
        case Lapse():
            names.redemptions.add(command.redemption_id)
        case Issue():
            names.schemes.add(command.scheme_id)
            if command.member_id is not None:
                names.members.add(command.member_id)
                names.receipts.add((command.scheme_id, command.member_id))
        case Import():
            names.schemes.add(command.scheme_id)
            for coupon in command.coupons:
                names.codes.add((merchant_id, coupon.code))
                if coupon.id is not None:
                    names.coupons.add(coupon.id)
                if coupon.member_id is not None:
                    names.members.add(coupon.member_id)
                    names.receipts.add((command.scheme_id, coupon.member_id))
        case CreateScheme():
            names.scheme_numbers.add((merchant_id, command.number))
            if command.id is not None:
                names.schemes.add(command.id)
            _terms(names, command.terms)
        case ReviseScheme():
            names.schemes.add(command.scheme_id)
            _terms(names, command.terms)
        case PauseScheme():
            names.schemes.add(command.scheme_id)
        case Put():
            _record(names, merchant_id, command.record)


def _bill(names: Names, command: Redeem | Assess) -> None:
    merchant_id, bill = command.merchant_id, command.bill
    for take in command.coupons:
        names.codes.add((merchant_id, take.code))
    names.bills.add((merchant_id, bill.shop_id, bill.number))
    names.shops.add(bill.shop_id)
    if bill.cashier_id is not None:
        names.cashiers.add(bill.cashier_id)
    if bill.member_id is not None:
        names.members.add(bill.member_id)
    for line in bill.lines:
        if not line.category:
            names.items.add((merchant_id, line.sku))


def _terms(names: Names, terms: Terms | None) -> None:
    if terms is not None and terms.goods.mode == "categories":
        names.categories = True


def _record(names: Names, merchant_id: int, record: Record) -> None:
    match record:
        case Merchant():
            names.merchants.add(record.id)
        case Shop():
            names.shops.add(record.id)
        case Cashier():
            names.cashiers.add(record.id)
            if record.shop_id is not None:
                names.shops.add(record.shop_id)
        case Member():
            names.members.add(record.id)
        case Item():
            names.items.add((merchant_id, record.sku))
            names.item_ids.add(record.id)
        case Credential():
            names.credentials.add((record.door, record.public_id))
            names.credential_ids.add(record.id)
