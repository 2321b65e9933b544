"""load: from Names to a Snapshot, in a few set-based reads. The same order of reads for every engine.

Reads only what the commands name and what hangs on it; rows that nobody has made yet cost one index probe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.scheme import Scheme
from hexiao.storage import rows
from hexiao.storage.snapshot import Count, Names, Remembered, Snapshot

Query = Callable[..., Iterable[rows.Row]]
"""query(name, **parameters) → rows; sets and lists of scalars or tuples become the query's `{list}` and `{keys}`."""

VersionCache = dict[tuple[int, int], rows.Row]
"""Version rows by (scheme_id, version). They are immutable, so they are read once for each process."""
VERSIONS_CACHED_MAX = 10_000


def load(query: Query, names: Names, versions: VersionCache) -> Snapshot:
    snapshot = Snapshot()
    if names.requests:
        for request_id, fingerprint, answer in query("requests", ids=names.requests):
            snapshot.requests[request_id] = Remembered(fingerprint, answer)
    _load_coupons(query, names, snapshot)
    _load_bills(query, names, snapshot)
    _load_schemes(query, names, snapshot, versions)
    _load_parties(query, names, snapshot)
    return snapshot


def _load_coupons(query: Query, names: Names, snapshot: Snapshot) -> None:
    coupon_ids = set(names.coupons)
    if names.codes:
        for merchant_id, code, coupon_id in query("coupon_ids", keys=names.codes):
            snapshot.coupon_ids[merchant_id, code] = coupon_id
            coupon_ids.add(coupon_id)
    if names.redemptions:
        for row in query("redemptions_by_id", ids=names.redemptions):
            redemption = rows.redemption(row)
            snapshot.index(redemption)
            coupon_ids.add(redemption.coupon_id)
    if coupon_ids:
        for row in query("coupons_by_id", ids=coupon_ids):
            coupon = rows.coupon(row)
            snapshot.coupons[coupon.id] = coupon
    in_use = [c.id for c in snapshot.coupons.values() if c.held_uses or c.captured_uses]
    if in_use:
        for row in query("live_of_coupons", ids=in_use):
            snapshot.index(rows.redemption(row))


def _load_bills(query: Query, names: Names, snapshot: Snapshot) -> None:
    bills = names.bills | {(r.merchant_id, r.shop_id, r.bill_number) for r in snapshot.redemptions.values()}
    if bills:
        for merchant_id, shop_id, number, seq in query("bills", keys=bills):
            snapshot.bill_seqs[merchant_id, shop_id, number] = seq
    in_use = [key for key in names.bills if key in snapshot.bill_seqs]
    if in_use:
        for row in query("live_of_bills", keys=in_use):
            snapshot.index(rows.redemption(row))


def _load_schemes(query: Query, names: Names, snapshot: Snapshot, versions: VersionCache) -> None:
    wanted = set(names.schemes)
    if names.scheme_numbers:
        for merchant_id, number, scheme_id in query("scheme_ids", keys=names.scheme_numbers):
            snapshot.scheme_ids[merchant_id, number] = scheme_id
            wanted.add(scheme_id)
    pairs = {(c.scheme_id, c.scheme_version) for c in snapshot.coupons.values()}
    wanted.update(scheme_id for scheme_id, _ in pairs)
    wanted.update(r.scheme_id for r in snapshot.redemptions.values())
    if not wanted:
        return
    heads = {head[0]: head for head in query("schemes_by_id", ids=wanted)}
    pairs.update((scheme_id, head[3]) for scheme_id, head in heads.items())
    missing = [pair for pair in pairs if pair not in versions]
    if missing:
        if len(versions) > VERSIONS_CACHED_MAX:
            versions.clear()
        for row in query("scheme_versions", keys=missing):
            versions[row[0], row[1]] = row
    for pair in pairs:
        scheme = rows.scheme(heads[pair[0]], versions[pair])
        snapshot.schemes[pair] = scheme
        if scheme.version == scheme.latest:
            snapshot.latest[scheme.id] = scheme
            snapshot.scheme_ids[scheme.merchant_id, scheme.number] = scheme.id
    limited = [s.id for s in snapshot.latest.values() if s.terms.limited]
    if limited:
        snapshot.counts.update(counts(query, limited))
    if names.receipts:
        for scheme_id, member_id, received in query("receipts", keys=names.receipts):
            snapshot.received[scheme_id, member_id] = received


def _load_parties(query: Query, names: Names, snapshot: Snapshot) -> None:
    used = snapshot.redemptions.values()
    shops = names.shops | {r.shop_id for r in used}
    cashiers = names.cashiers | {r.cashier_id for r in used if r.cashier_id is not None}
    members = names.members | {c.member_id for c in snapshot.coupons.values() if c.member_id is not None}
    by_id: list[tuple[str, type[Any], set[int], dict[int, Any]]] = [
        ("merchants_by_id", Merchant, names.merchants, snapshot.merchants),
        ("shops_by_id", Shop, shops, snapshot.shops),
        ("cashiers_by_id", Cashier, cashiers, snapshot.cashiers),
        ("members_by_id", Member, members, snapshot.members),
        ("items_by_id", Item, names.item_ids, snapshot.items_by_id),
    ]
    for name, kind, ids, table in by_id:
        if ids:
            for row in query(name, ids=ids):
                record = rows.record(kind, row)
                table[record.id] = record
    # Goods matter to a bill only where some scheme asks for their category.
    if names.items and (names.item_ids or any(_by_category(s) for s in snapshot.schemes.values())):
        for row in query("items_by_key", keys=names.items):
            item: Item = rows.record(Item, row)
            snapshot.items[item.merchant_id, item.sku] = item
    if names.credentials:
        for row in query("credentials_by_key", keys=names.credentials):
            credential: Credential = rows.record(Credential, row)
            snapshot.credentials[credential.door, credential.public_id] = credential


def counts(query: Query, scheme_ids: Iterable[int]) -> Mapping[int, Count]:
    """What these schemes have given out, summed over all slots."""
    return {row[0]: Count(*row[1:]) for row in query("scheme_counts", ids=list(scheme_ids))}


def _by_category(scheme: Scheme) -> bool:
    return scheme.terms.goods.mode == "categories"
