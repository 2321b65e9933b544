"""load: from Names to a Snapshot, in a few waves of set-based reads; a wave needs only what the one before it found.

Reads only what the commands name and what hangs on it; rows that nobody has made yet cost one index probe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.storage import rows
from hexiao.storage.snapshot import Count, Names, Remembered, Snapshot

Asked = tuple[str, dict[str, Any]]
"""(query name, parameters); sets and lists of scalars or tuples become the query's `{list}` and `{keys}`."""

Ask = Callable[[Sequence[Asked]], Sequence[Iterable[rows.Row]]]
"""The rows of each query, in order; an engine may send them together."""

VersionCache = dict[tuple[int, int], rows.Row]
"""Version rows by (scheme_id, version). They are immutable, so they are read once for each process."""
VERSIONS_CACHED_MAX = 10_000


def load(ask: Ask, names: Names, versions: VersionCache) -> Snapshot:
    return _Loader(ask, names, versions).load()


class _Loader:
    """Collects what a wave wants, asks for it at once, and files every row where it belongs."""

    def __init__(self, ask: Ask, names: Names, versions: VersionCache) -> None:
        self._ask = ask
        self._names = names
        self._versions = versions
        self._wanted: list[Asked] = []
        self._filing: list[Callable[[rows.Row], None]] = []
        self._coupon_ids = set(names.coupons)
        self._scheme_ids = set(names.schemes)
        self._heads: dict[int, rows.Row] = {}
        self.snapshot = Snapshot()

    def load(self) -> Snapshot:
        self._want_what_is_named()
        self._go()
        self._want("coupons_by_id", self._file_coupon, ids=self._coupon_ids)
        in_use = [key for key in self._names.bills if key in self.snapshot.bill_seqs]
        self._want("live_of_bills", self._file_redemption, keys=in_use)
        self._go()
        coupons = self.snapshot.coupons.values()
        self._want(
            "live_of_coupons", self._file_redemption, ids=[c.id for c in coupons if c.held_uses or c.captured_uses]
        )
        self._scheme_ids.update(c.scheme_id for c in coupons)
        self._scheme_ids.update(r.scheme_id for r in self.snapshot.redemptions.values())
        self._want("schemes_by_id", self._file_scheme_head, ids=self._scheme_ids)
        # The other coupons on the bills: each is judged by the version it was issued under.
        beside = {r.coupon_id for r in self.snapshot.redemptions.values()} - self.snapshot.coupons.keys()
        self._want("coupons_by_id", self._file_coupon, ids=beside)
        self._go()
        self._want_missing_versions()
        # A hold that lapses, or is released, changes its own bill, which nobody may have named.
        bills = {(r.merchant_id, r.shop_id, r.bill_number) for r in self.snapshot.redemptions.values()}
        self._want("bills", self._file_bill, keys=bills - self._names.bills)
        self._want_who_used_them()
        self._go()
        self._file_schemes()
        self._want_what_schemes_ask_for()
        self._go()
        return self.snapshot

    def _want(self, name: str, file: Callable[[rows.Row], None], **parameters: Any) -> None:
        """Nothing is asked for an empty list."""
        if all(parameters.values()):
            self._wanted.append((name, parameters))
            self._filing.append(file)

    def _go(self) -> None:
        if self._wanted:
            wanted, filing = self._wanted, self._filing
            self._wanted, self._filing = [], []
            for file, found in zip(filing, self._ask(wanted), strict=True):
                for row in found:
                    file(row)

    def _want_what_is_named(self) -> None:
        names, snapshot = self._names, self.snapshot
        self._want("requests", self._file_request, ids=names.requests)
        self._want("coupon_ids", self._file_coupon_id, keys=names.codes)
        self._want("redemptions_by_id", self._file_redemption, ids=names.redemptions)
        self._want("bills", self._file_bill, keys=names.bills)
        self._want("scheme_ids", self._file_scheme_id, keys=names.scheme_numbers)
        self._want("receipts", self._file_receipt, keys=names.receipts)
        self._want("merchants_by_id", _by_id(Merchant, snapshot.merchants), ids=names.merchants)
        self._want("shops_by_id", _by_id(Shop, snapshot.shops), ids=names.shops)
        self._want("cashiers_by_id", _by_id(Cashier, snapshot.cashiers), ids=names.cashiers)
        self._want("members_by_id", _by_id(Member, snapshot.members), ids=names.members)
        self._want("items_by_id", _by_id(Item, snapshot.items_by_id), ids=names.item_ids)
        self._want("credentials_by_id", _by_id(Credential, snapshot.credentials_by_id), ids=names.credential_ids)
        self._want("credentials_by_key", self._file_credential, keys=names.credentials)

    def _want_missing_versions(self) -> None:
        if len(self._versions) > VERSIONS_CACHED_MAX:
            self._versions.clear()
        self._want("scheme_versions", self._file_version, keys=[p for p in self._pairs() if p not in self._versions])

    def _want_who_used_them(self) -> None:
        """Shops, cashiers and holders that stand on what was found, and were not named."""
        snapshot = self.snapshot
        used = snapshot.redemptions.values()
        shops = {r.shop_id for r in used} - snapshot.shops.keys()
        cashiers = {r.cashier_id for r in used if r.cashier_id is not None} - snapshot.cashiers.keys()
        holders = {c.member_id for c in snapshot.coupons.values() if c.member_id is not None}
        self._want("shops_by_id", _by_id(Shop, snapshot.shops), ids=shops)
        self._want("cashiers_by_id", _by_id(Cashier, snapshot.cashiers), ids=cashiers)
        self._want("members_by_id", _by_id(Member, snapshot.members), ids=holders - snapshot.members.keys())

    def _want_what_schemes_ask_for(self) -> None:
        """Counts where a limit decides; goods where a scheme asks for their category, or where goods are put."""
        limited = [s.id for s in self.snapshot.latest.values() if s.terms.limited]
        self._want("scheme_counts", self._file_count, ids=limited)
        by_category = any(s.terms.goods.mode == "categories" for s in self.snapshot.schemes.values())
        if by_category or self._names.item_ids:
            self._want("items_by_key", self._file_item, keys=self._names.items)

    def _pairs(self) -> set[tuple[int, int]]:
        """(scheme, version) of every coupon, and the latest version of every scheme."""
        pairs = {(c.scheme_id, c.scheme_version) for c in self.snapshot.coupons.values()}
        return pairs | {(scheme_id, head[3]) for scheme_id, head in self._heads.items()}

    def _file_schemes(self) -> None:
        for pair in self._pairs():
            scheme = rows.scheme(self._heads[pair[0]], self._versions[pair])
            self.snapshot.schemes[pair] = scheme
            if scheme.version == scheme.latest:
                self.snapshot.latest[scheme.id] = scheme
                self.snapshot.scheme_ids[scheme.merchant_id, scheme.number] = scheme.id

    def _file_request(self, row: rows.Row) -> None:
        self.snapshot.requests[row[0]] = Remembered(row[1], row[2])

    def _file_coupon_id(self, row: rows.Row) -> None:
        merchant_id, code, coupon_id = row
        self.snapshot.coupon_ids[merchant_id, code] = coupon_id
        self._coupon_ids.add(coupon_id)

    def _file_coupon(self, row: rows.Row) -> None:
        coupon = rows.coupon(row)
        self.snapshot.coupons[coupon.id] = coupon

    def _file_redemption(self, row: rows.Row) -> None:
        redemption = rows.redemption(row)
        self.snapshot.index(redemption)
        self._coupon_ids.add(redemption.coupon_id)

    def _file_bill(self, row: rows.Row) -> None:
        merchant_id, shop_id, number, seq = row
        self.snapshot.bill_seqs[merchant_id, shop_id, number] = seq

    def _file_scheme_id(self, row: rows.Row) -> None:
        merchant_id, number, scheme_id = row
        self.snapshot.scheme_ids[merchant_id, number] = scheme_id
        self._scheme_ids.add(scheme_id)

    def _file_scheme_head(self, row: rows.Row) -> None:
        self._heads[row[0]] = row

    def _file_version(self, row: rows.Row) -> None:
        self._versions[row[0], row[1]] = row

    def _file_receipt(self, row: rows.Row) -> None:
        self.snapshot.received[row[0], row[1]] = row[2]

    def _file_count(self, row: rows.Row) -> None:
        self.snapshot.counts[row[0]] = count(row)

    def _file_item(self, row: rows.Row) -> None:
        item: Item = rows.record(Item, row)
        self.snapshot.items[item.merchant_id, item.sku] = item

    def _file_credential(self, row: rows.Row) -> None:
        credential: Credential = rows.record(Credential, row)
        self.snapshot.credentials[credential.door, credential.public_id] = credential


def count(row: rows.Row) -> Count:
    """What a scheme has given out, from a row of `scheme_counts`; the database may give sums as decimals."""
    return Count(*map(int, row[1:]))


def _by_id(kind: type[Any], table: dict[int, Any]) -> Callable[[rows.Row], None]:
    def file(row: rows.Row) -> None:
        table[row[0]] = rows.record(kind, row)

    return file
