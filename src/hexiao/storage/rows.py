"""Rows ↔ domain objects, the same for every engine: enums as their values, lists as JSON text. No SQL.

Raises Damaged for what no program of ours writes there. Does not look for it in what is a plain number or text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import astuple

from hexiao.domain.bill import Scene
from hexiao.domain.chain import Block
from hexiao.domain.coupon import Channel, Coupon
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Role, Shop
from hexiao.domain.redemption import JournalEntry, ListedRedemption, Redemption, State
from hexiao.domain.scheme import Benefit, Kind, Scheme, Terms
from hexiao.storage.base import Damaged

Row = Sequence[Any]

_ODD = (KeyError, TypeError, ValueError, msgspec.DecodeError)
"""How a value says that it is none of those that are written."""

_encode = msgspec.json.Encoder().encode
_decode_fen = msgspec.json.Decoder(list[int]).decode
# Both are frozen, and the same texts come again and again.
_decode_terms = lru_cache(1024)(msgspec.json.Decoder(Terms).decode)
_decode_benefit = lru_cache(1024)(msgspec.json.Decoder(Benefit).decode)

# Looking a value up is much cheaper than asking the enum for it.
_CHANNELS = {channel.value: channel for channel in Channel}
_KINDS = {kind.value: kind for kind in Kind}
_STATES = {state.value: state for state in State}
_SCENES = {scene.value: scene for scene in Scene}

_COUPON = Coupon.__struct_fields__
_REDEMPTION = Redemption.__struct_fields__
_JOURNAL = JournalEntry.__struct_fields__


def _damaged(what: str, odd: Exception) -> Damaged:
    return Damaged(f"{what} cannot be read ({type(odd).__name__}: {odd}): another hand changed it, see hexiao verify")


def _text(amounts: list[int]) -> str:
    return _encode(amounts).decode()


# Field by its place → how it is stored. SQLite's driver takes an enum too, but looks long for what it might be.
_COUPON_FORMS = ((_COUPON.index("channel"), int),)
_REDEMPTION_FORMS = tuple(
    (_REDEMPTION.index(name), form)
    for name, form in (("kind", int), ("scene", str), ("state", int), ("lines", _text), ("returned", _text))
)
_JOURNAL_FORMS = ((_JOURNAL.index("entry"), str),)


def _stored(struct: msgspec.Struct, forms: Iterable[tuple[int, Callable[[Any], Any]]]) -> tuple[Any, ...]:
    values = list(astuple(struct))
    for place, form in forms:
        values[place] = form(values[place])
    return tuple(values)


def coupon(row: Row) -> Coupon:
    coupon = Coupon(**dict(zip(_COUPON, row, strict=True)))
    try:
        coupon.channel = _CHANNELS[coupon.channel]
    except _ODD as odd:
        raise _damaged(f"coupon {coupon.id}", odd) from odd
    return coupon


def coupon_row(coupon: Coupon) -> tuple[Any, ...]:
    return _stored(coupon, _COUPON_FORMS)


def redemption(row: Row) -> Redemption:
    redemption: Any = Redemption(**dict(zip(_REDEMPTION, row, strict=True)))
    try:
        redemption.kind = _KINDS[redemption.kind]
        redemption.state = _STATES[redemption.state]
        redemption.scene = _SCENES[redemption.scene]
        redemption.lines = _decode_fen(redemption.lines)
        redemption.returned = _decode_fen(redemption.returned)
    except _ODD as odd:
        raise _damaged(f"redemption {redemption.id}", odd) from odd
    made: Redemption = redemption
    return made


def listed(row: Row, scheme_number: str, shop: Shop | None, cashier: Cashier | None) -> ListedRedemption:
    """From the fields that pages.statement reads, and the names that belong to them."""
    shop_number, shop_name = (None, None) if shop is None else (shop.number, shop.name)
    names = (scheme_number, shop_number, shop_name, None if cashier is None else cashier.name)
    listed = ListedRedemption(*(*row, *names))
    try:
        listed.kind = _KINDS[listed.kind]
        listed.state = _STATES[listed.state]
    except _ODD as odd:
        raise _damaged(f"redemption {listed.id}", odd) from odd
    return listed


def redemption_row(redemption: Redemption) -> tuple[Any, ...]:
    return _stored(redemption, _REDEMPTION_FORMS)


def journal_row(entry: JournalEntry) -> tuple[Any, ...]:
    return _stored(entry, _JOURNAL_FORMS)


def block(row: Row) -> Block:
    return Block(**dict(zip(Block.__struct_fields__, row, strict=True)))


def record(kind: type[Any], row: Row) -> Any:
    """A merchant, shop, cashier, member, item or credential."""
    fields = dict(zip(kind.__struct_fields__, row, strict=True))
    if kind is Credential:
        try:
            fields["role"] = Role(fields["role"])
        except _ODD as odd:
            raise _damaged(f"credential {fields['id']}", odd) from odd
    return kind(**fields)


def record_row(record: Merchant | Shop | Cashier | Member | Item | Credential) -> tuple[Any, ...]:
    return astuple(record)


def scheme(head: Row, version: Row) -> Scheme:
    """From a scheme row and one of its version rows, in the column order of queries.sql."""
    id_, merchant_id, number, latest, paused, in_list, on_goods, created_at, updated_at, seq = head
    _, number_of_version, name, description, terms, benefit = version
    try:
        terms, benefit = _decode_terms(terms), _decode_benefit(benefit)
    except _ODD as odd:
        raise _damaged(f"version {number_of_version} of scheme {id_}", odd) from odd
    return Scheme(
        id=id_,
        merchant_id=merchant_id,
        number=number,
        version=number_of_version,
        latest=latest,
        name=name,
        description=description,
        terms=terms,
        benefit=benefit,
        paused=bool(paused),
        shown_in_list=bool(in_list),
        shown_on_goods=bool(on_goods),
        created_at=created_at,
        updated_at=updated_at,
        seq=seq,
    )


def scheme_row(scheme: Scheme) -> tuple[Any, ...]:
    return (
        scheme.id, scheme.merchant_id, scheme.number, int(scheme.kind), scheme.latest, int(scheme.paused),
        int(scheme.shown_in_list), int(scheme.shown_on_goods), scheme.created_at, scheme.updated_at, scheme.seq,
    )  # fmt: skip


def scheme_version_row(scheme: Scheme) -> tuple[Any, ...]:
    return (
        scheme.id, scheme.version, scheme.name, scheme.description,
        _encode(scheme.terms).decode(), _encode(scheme.benefit).decode(),
    )  # fmt: skip
