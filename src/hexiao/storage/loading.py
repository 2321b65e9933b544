"""load: from Names to a Snapshot, in a few waves of set-based reads; a wave needs only what the one before it found.

Reads only what the commands name and what hangs on it; rows that nobody has made yet cost one index probe.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from hexiao.domain.coupon import Coupon
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.scheme import Scheme
from hexiao.storage import rows
from hexiao.storage.snapshot import Count, Names, Remembered, Snapshot

Asked = tuple[str, dict[str, Any]]
"""(query name, parameters); sets and lists of scalars or tuples become the query's `{list}` and `{keys}`."""

Ask = Callable[[Sequence[Asked]], Sequence[Iterable[rows.Row]]]
"""The rows of each query, in order; an engine may send them together."""

KEPT_MAX = 10_000
FORESEEN_MAX = 32


class Kept:
    """What seldom changes, kept between the loads of one connection: merchants, shops, cashiers and schemes.

    Every change of one of them raises their edition, which each load reads; another edition, and all is read anew.
    """

    def __init__(self) -> None:
        self.edition = -1
        self.merchants: dict[int, Merchant] = {}
        self.shops: dict[int, Shop] = {}
        self.cashiers: dict[int, Cashier] = {}
        self.heads: dict[int, rows.Row] = {}
        self.schemes: dict[tuple[int, int], Scheme] = {}
        self.counted: set[int] = set()
        """Schemes whose counts the loads needed: the next one asks for them at once, and saves itself a wave."""

    def start(self, edition: int) -> None:
        full = max(len(self.merchants), len(self.shops), len(self.cashiers), len(self.schemes)) > KEPT_MAX
        if edition != self.edition or full:
            self.__init__()  # type: ignore[misc]
            self.edition = edition


def load(ask: Ask, names: Names, kept: Kept) -> Snapshot:
    loader = _Loader(names, kept)
    for wave in loader.waves():
        loader.file(ask(wave))
    return loader.snapshot


def glance(ask: Ask, names: Names, kept: Kept) -> Snapshot | None:
    """The snapshot, when a single wave is enough for it."""
    loader = _Loader(names, kept)
    waves = loader.waves()
    loader.file(ask(next(waves)))
    return loader.snapshot if next(waves, None) is None else None


class _Loader:
    """Collects what a wave wants, and files every row that is found where it belongs."""

    def __init__(self, names: Names, kept: Kept) -> None:
        self._names = names
        self._kept = kept
        self._wanted: list[Asked] = []
        self._filing: list[Callable[[rows.Row], None]] = []
        self._coupon_ids: set[int] = set()
        self._scheme_ids = set(names.schemes)
        self._foreseen: set[int] = set()
        self.snapshot = Snapshot()

    def file(self, found: Sequence[Iterable[rows.Row]]) -> None:
        """The answer to the last wave."""
        filing, self._filing = self._filing, []
        for file, one in zip(filing, found, strict=True):
            for row in one:
                file(row)

    def waves(self) -> Iterator[Sequence[Asked]]:
        names, snapshot = self._names, self.snapshot
        self._want_what_is_named()
        yield self._wave()
        missing = self._coupon_ids - snapshot.coupons.keys()
        self._want("coupons_by_id", self._file_coupon, ids=missing)
        in_use = [key for key in names.bills if key in snapshot.bill_seqs]
        self._want("live_of_bills", self._file_redemption, keys=in_use)
        if self._wanted:
            yield self._wave()
        coupons = snapshot.coupons.values()
        self._want_uses(coupons)
        self._scheme_ids.update(c.scheme_id for c in coupons)
        self._scheme_ids.update(r.scheme_id for r in snapshot.redemptions.values())
        self._want("schemes_by_id", self._file_scheme_head, ids=self._scheme_ids - self._kept.heads.keys())
        # The other coupons on the bills: each is judged by the version it was issued under.
        beside = {r.coupon_id for r in snapshot.redemptions.values()} - snapshot.coupons.keys()
        self._want("coupons_by_id", self._file_coupon, ids=beside)
        if self._wanted:
            yield self._wave()
        pairs = self._pairs()
        self._want("scheme_versions", self._file_version, keys=pairs - self._kept.schemes.keys())
        # A hold that lapses, or is released, changes its own bill, which nobody may have named.
        bills = {(r.merchant_id, r.shop_id, r.bill_number) for r in snapshot.redemptions.values()}
        self._want("bills", self._file_bill, keys=bills - names.bills)
        self._want_who_they_are()
        if self._wanted:
            yield self._wave()
        for pair in pairs:
            self._take_scheme(self._kept.schemes[pair])
        self._want_what_schemes_ask_for()
        if self._wanted:
            yield self._wave()

    def _wave(self) -> Sequence[Asked]:
        wanted, self._wanted = self._wanted, []
        return wanted

    def _want(self, name: str, file: Callable[[rows.Row], None], **parameters: Any) -> None:
        """Nothing is asked for an empty list."""
        if parameters.get("ids") or parameters.get("keys"):
            self._wanted.append((name, parameters))
            self._filing.append(file)

    def _want_kept(
        self, name: str, kind: type[Any], ids: set[int], found: dict[int, Any], kept: dict[int, Any]
    ) -> None:
        """Into `found`: from what is kept, else from the database."""
        missing = set()
        for id in ids - found.keys():
            if id in kept:
                found[id] = kept[id]
            else:
                missing.add(id)

        def file(row: rows.Row) -> None:
            found[row[0]] = kept[row[0]] = rows.record(kind, row)

        self._want(name, file, ids=missing)

    def _want_what_is_named(self) -> None:
        names, snapshot = self._names, self.snapshot
        self._wanted.append(("edition", {}))  # first, so that what another edition left is gone before anything is kept
        self._filing.append(self._file_edition)
        self._want("requests", self._file_request, ids=names.requests)
        self._want("coupons_by_code", self._file_coupon, keys=names.codes)
        self._want("coupons_by_id", self._file_coupon, ids=names.coupons)
        self._want("redemptions_by_id", self._file_redemption, ids=names.redemptions)
        self._want("bills", self._file_bill, keys=names.bills)
        self._want("scheme_ids", self._file_scheme_id, keys=names.scheme_numbers)
        self._want("receipts", self._file_receipt, keys=names.receipts)
        self._want("members_by_id", _by_id(Member, snapshot.members), ids=names.members)
        self._want("items_by_id", _by_id(Item, snapshot.items_by_id), ids=names.item_ids)
        self._want("credentials_by_id", _by_id(Credential, snapshot.credentials_by_id), ids=names.credential_ids)
        self._want("credentials_by_key", self._file_credential, keys=names.credentials)
        if names.codes:
            self._foreseen = set(self._kept.counted)
            self._want("scheme_counts", self._file_count, ids=self._foreseen)

    def _want_uses(self, coupons: Collection[Coupon]) -> None:
        """Holds and captures. Of a coupon that can be used often: the holds that are over, the one that ends next, and
        the latest capture; and as many more as the same batch may settle or undo of these."""
        once, often = ([c for c in coupons if (c.uses_max == 1) is so] for so in (True, False))
        names = self._names
        undone = len(names.redemptions)
        self._want("holds_of_coupons", self._file_redemption, ids=[c.id for c in once if c.held_uses])
        self._want("captures_of_coupons", self._file_redemption, ids=[c.id for c in once if c.captured_uses])
        keys = [(c.id,) for c in often if c.held_uses]
        settled = undone + len(names.bills)  # who takes a coupon settles the hold that it has on this very bill
        self._want("first_holds", self._file_redemption, keys=keys, now=names.at, first=settled + 1)
        keys = [(c.id,) for c in often if c.captured_uses]
        self._want("latest_captures", self._file_redemption, keys=keys, latest=undone + 1)

    def _want_who_they_are(self) -> None:
        """Merchants, shops, cashiers and holders: those that were named, and those that stand on what was found."""
        names, snapshot, kept = self._names, self.snapshot, self._kept
        used = snapshot.redemptions.values()
        shops = names.shops | {r.shop_id for r in used}
        cashiers = names.cashiers | {r.cashier_id for r in used if r.cashier_id is not None}
        holders = {c.member_id for c in snapshot.coupons.values() if c.member_id is not None}
        self._want_kept("merchants_by_id", Merchant, names.merchants, snapshot.merchants, kept.merchants)
        self._want_kept("shops_by_id", Shop, shops, snapshot.shops, kept.shops)
        self._want_kept("cashiers_by_id", Cashier, cashiers, snapshot.cashiers, kept.cashiers)
        self._want("members_by_id", _by_id(Member, snapshot.members), ids=holders - snapshot.members.keys())
        uses = [(r.coupon_id, r.id) for c in self._spelled_out() for r in snapshot.by_coupon.get(c.id, ())]
        self._want("captors", self._file_captor, keys=uses)

    def _want_what_schemes_ask_for(self) -> None:
        """Counts where a limit decides; goods where a scheme asks for their category, or where goods are put."""
        names, snapshot = self._names, self.snapshot
        spelled_out = [snapshot.scheme_of(coupon) for coupon in self._spelled_out()]
        counted = {s.id for s in snapshot.latest.values() if s.terms.limited} | {s.id for s in spelled_out}
        self._want("scheme_counts", self._file_count, ids=counted - self._foreseen)
        if len(self._kept.counted | counted) <= FORESEEN_MAX:
            self._kept.counted |= counted
        by_category = names.categories or any(s.terms.goods.mode == "categories" for s in snapshot.schemes.values())
        items = set(names.items) if by_category or names.item_ids else set()
        items |= {(s.merchant_id, sku) for s in spelled_out for sku in s.terms.goods.skus}
        self._want("items_by_key", self._file_item, keys=items)
        shops = {int(id) for s in spelled_out for id in s.terms.shops.ids}
        self._want_kept("shops_by_id", Shop, shops, snapshot.shops, self._kept.shops)
        captors = set(snapshot.captors.values())
        self._want_kept("cashiers_by_id", Cashier, captors, snapshot.cashiers, self._kept.cashiers)

    def _spelled_out(self) -> list[Coupon]:
        found = (self.snapshot.coupon(*key) for key in self._names.spelled_out)
        return [coupon for coupon in found if coupon is not None]

    def _pairs(self) -> set[tuple[int, int]]:
        """(scheme, version) of every coupon, and the latest version of every scheme."""
        pairs = {(c.scheme_id, c.scheme_version) for c in self.snapshot.coupons.values()}
        heads = self._kept.heads
        return pairs | {(scheme_id, heads[scheme_id][3]) for scheme_id in self._scheme_ids if scheme_id in heads}

    def _take_scheme(self, scheme: Scheme) -> None:
        self.snapshot.schemes[scheme.id, scheme.version] = scheme
        if scheme.version == scheme.latest:
            self.snapshot.latest[scheme.id] = scheme
            self.snapshot.scheme_ids[scheme.merchant_id, scheme.number] = scheme.id

    def _file_edition(self, row: rows.Row) -> None:
        self._kept.start(row[0])

    def _file_request(self, row: rows.Row) -> None:
        self.snapshot.requests[row[0]] = Remembered(row[1], row[2])

    def _file_coupon(self, row: rows.Row) -> None:
        coupon = rows.coupon(row)
        self.snapshot.coupons[coupon.id] = coupon
        self.snapshot.coupon_ids[coupon.merchant_id, coupon.code] = coupon.id

    def _file_redemption(self, row: rows.Row) -> None:
        redemption = rows.redemption(row)
        self.snapshot.index(redemption)
        self._coupon_ids.add(redemption.coupon_id)

    def _file_bill(self, row: rows.Row) -> None:
        merchant_id, shop_id, number, seq = row
        self.snapshot.bill_seqs[merchant_id, shop_id, number] = seq

    def _file_captor(self, row: rows.Row) -> None:
        self.snapshot.captors[row[0]] = row[1]

    def _file_scheme_id(self, row: rows.Row) -> None:
        merchant_id, number, scheme_id, _ = row
        self.snapshot.scheme_ids[merchant_id, number] = scheme_id
        self._scheme_ids.add(scheme_id)

    def _file_scheme_head(self, row: rows.Row) -> None:
        self._kept.heads[row[0]] = row

    def _file_version(self, row: rows.Row) -> None:
        scheme = rows.scheme(self._kept.heads[row[0]], row)
        self._kept.schemes[scheme.id, scheme.version] = scheme

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
