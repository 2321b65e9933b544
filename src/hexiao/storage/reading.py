"""The read queries, the same for every engine: named queries in, domain objects out.

An engine gives `query`, `_run` and two contexts; it changes nothing else here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import msgspec

from hexiao.domain.chain import Block, Header
from hexiao.domain.coupon import Coupon
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.redemption import JournalEntry, ListedRedemption
from hexiao.domain.scheme import Scheme
from hexiao.storage import exporting, lists, loading, naming, newest, pages, rows
from hexiao.storage.base import (
    Broken,
    CouponFilter,
    Cursor,
    Damaged,
    DueHold,
    RedemptionFilter,
    RedemptionRow,
    breaking,
)
from hexiao.storage.snapshot import Count, Names, Snapshot

R = TypeVar("R")
Sealed = TypeVar("Sealed", JournalEntry, Block)


class Reading(ABC):
    """Implements storage.base.Reader on named queries."""

    _kept: loading.Kept
    _schemes_found: dict[tuple[int, str], rows.Row]
    _invariants: Mapping[str, str]

    @abstractmethod
    def query(self, name: str, **parameters: Any) -> Iterable[rows.Row]:
        """The rows of a named query; sets and lists go in as the engine takes them."""

    def _ask(self, asked: Sequence[loading.Asked]) -> Sequence[Iterable[rows.Row]]:
        """Several named queries at once."""
        return [list(self.query(name, **parameters)) for name, parameters in asked]

    @abstractmethod
    def _run(self, sql: str, parameters: Mapping[str, Any]) -> Iterable[rows.Row]:
        """The rows of a built query with `:name` parameters."""

    @abstractmethod
    def _run_named(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The rows of a query as column name → value. Raises Unanswerable."""

    @abstractmethod
    def _stream(self, sql: str, parameters: Mapping[str, Any], block: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query that is too large to hold, block by block."""

    @abstractmethod
    def _one_state(self) -> AbstractContextManager[None]:
        """Every read inside sees the same committed state."""

    @abstractmethod
    def _translating(self) -> AbstractContextManager[None]:
        """The engine's errors become StorageDown."""

    def load(self, names: Names) -> Snapshot:
        with self._one_state():
            return loading.load(self._ask, names, self._kept)

    def merchant(self, merchant_id: int) -> Merchant | None:
        return next(iter(self._records(Merchant, "merchants_by_id", ids=[merchant_id])), None)

    def credential(self, door: str, public_id: str) -> Credential | None:
        return next(iter(self._records(Credential, "credentials_by_key", keys=[(door, public_id)])), None)

    def credentials(self, merchant_id: int, door: str) -> list[Credential]:
        return self._records(Credential, "credentials_of", merchant_id=merchant_id, door=door)

    def one_sealed_credential(self) -> Credential | None:
        return next(iter(self._records(Credential, "one_sealed_credential")), None)

    def redemption(self, merchant_id: int, redemption_id: int) -> RedemptionRow | None:
        with self._one_state():
            found = [rows.redemption(row) for row in self.query("redemptions_by_id", ids=[redemption_id])]
            return next(iter(lists.fill(self.query, [r for r in found if r.merchant_id == merchant_id])), None)

    def redemptions(self, wanted: RedemptionFilter, after: Cursor | None, limit: int) -> list[RedemptionRow]:
        with self._one_state():
            listed = lists.RedemptionQuery(self.query, wanted)
            found: list[rows.Row] = []
            for sql, parameters in newest.statements(listed, lists.start(after)):
                if len(found) < limit:
                    found += self._run(sql, {**parameters, "limit": limit - len(found)})
            return lists.fill(self.query, [rows.redemption(row) for row in found])

    def redemption_page(
        self, wanted: RedemptionFilter, page: int, page_size: int
    ) -> tuple[int, list[ListedRedemption]]:
        with self._translating():  # one statement sees one state, and the ids that names stand for never change
            sought, parameters = lists.RedemptionQuery(self._query_or_remember, wanted).sought()
            sql = pages.statement(sought, page_size)
            found = self._run(sql, {**parameters, "offset": (page - 1) * page_size})
            (edition, count, *_), *rows_of_page = sorted(found, key=pages.place)
            if (count or 0) <= 0:  # in another merchant's shop nothing is counted, and from an end to a beginning less
                return 0, []
            return int(count), naming.named(self.query, rows_of_page, int(edition), self._kept)

    def exported(self, wanted: RedemptionFilter) -> Generator[list[tuple[Any, ...]], None, None]:
        with self._one_state():
            yield from self._stream(*exporting.statement(self.query, wanted), exporting.BLOCK)

    def _query_or_remember(self, name: str, **parameters: Any) -> Iterable[rows.Row]:
        """A scheme keeps its number for ever, so what was found once need not be asked for again."""
        if name != "scheme_ids":
            return self.query(name, **parameters)
        [key] = parameters["keys"]
        if key not in self._schemes_found:
            found = [tuple(row) for row in self.query(name, **parameters)]
            if not found or len(self._schemes_found) >= loading.KEPT_MAX:
                return found
            [self._schemes_found[key]] = found
        return [self._schemes_found[key]]

    def journal(self, coupon_id: int) -> list[JournalEntry]:
        with self._translating():
            return [_as_sealed(JournalEntry, row) for row in self.query("journal_of", coupon_id=coupon_id)]

    def block(self, lane: int, height: int) -> Block | None:
        with self._translating():
            found = self.query("block_at", lane=lane, height=height)
            return next((_as_sealed(Block, row) for row in found), None)

    def headers(self, lane: int, first: int, last: int) -> list[Header]:
        with self._translating():
            found = self.query("headers_of", lane=lane, first=first, last=last)
            return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in found]

    def scheme(self, merchant_id: int, scheme_id: int, version: int | None = None) -> Scheme | None:
        with self._one_state():
            found = lists.schemes_at(self.query, {(scheme_id, version or 0)})
        return next((s for s in found.values() if s.merchant_id == merchant_id), None)

    def scheme_by_number(self, merchant_id: int, number: str) -> Scheme | None:
        with self._translating():
            found = [row[2] for row in self.query("scheme_ids", keys=[(merchant_id, number)])]
        return self.scheme(merchant_id, found[0]) if found else None

    def schemes(self, merchant_id: int, after: Cursor | None, limit: int) -> list[Scheme]:
        at = lists.start(after)
        with self._one_state():
            listed = self.query("latest_schemes", merchant_id=merchant_id, at=at.at, id=at.id, limit=limit)
            found = lists.schemes_at(self.query, {(row[0], 0) for row in listed})
        return sorted(found.values(), key=lambda scheme: (scheme.created_at, scheme.id), reverse=True)

    def scheme_count(self, scheme_id: int) -> Count:
        with self._translating():
            return next((loading.count(row) for row in self.query("scheme_counts", ids=[scheme_id])), Count())

    def coupon_by_id(self, merchant_id: int, coupon_id: int) -> Coupon | None:
        with self._translating():
            found = [rows.coupon(row) for row in self.query("coupons_by_id", ids=[coupon_id])]
        return next((coupon for coupon in found if coupon.merchant_id == merchant_id), None)

    def coupons(self, wanted: CouponFilter, after: Cursor | None, limit: int) -> list[Coupon]:
        sql, parameters = lists.coupons_sql(wanted)
        greatest = lists.start(None).id if after is None else after.id - 1  # an imported coupon may have the greatest
        with self._translating():
            found = self._run(sql, {**parameters, "id": greatest, "limit": limit})
            return [rows.coupon(row) for row in found]

    def shops(self, merchant_id: int, after_id: int, limit: int) -> list[Shop]:
        return self._records(Shop, "shops_of", merchant_id=merchant_id, after_id=after_id, limit=limit)

    def shops_by_id(self, merchant_id: int, ids: Sequence[int]) -> list[Shop]:
        return [shop for shop in self._records(Shop, "shops_by_id", ids=ids) if shop.merchant_id == merchant_id]

    def cashiers(self, merchant_id: int, after_id: int, limit: int) -> list[Cashier]:
        return self._records(Cashier, "cashiers_of", merchant_id=merchant_id, after_id=after_id, limit=limit)

    def members(self, merchant_id: int, after_id: int, limit: int) -> list[Member]:
        return self._records(Member, "members_of", merchant_id=merchant_id, after_id=after_id, limit=limit)

    def items(self, merchant_id: int, after_id: int, limit: int) -> list[Item]:
        return self._records(Item, "items_of", merchant_id=merchant_id, after_id=after_id, limit=limit)

    def items_by_sku(self, merchant_id: int, skus: Sequence[str]) -> list[Item]:
        keys = [(merchant_id, sku) for sku in skus if "\0" not in sku]  # nobody keeps such a text
        return self._records(Item, "items_by_key", keys=keys)

    def due_holds(self, now: int, limit: int) -> list[DueHold]:
        with self._translating():
            return [DueHold(*row) for row in self.query("due_holds", now=now, limit=limit)]

    def broken(self, now: int, only: Collection[str] = ()) -> Iterator[Broken]:
        for name, sql in self._invariants.items():
            if only and name.split()[0] not in only:
                continue
            with self._translating():
                yield from breaking(name, self._run_named(sql, {"now": now}))

    def _records(self, kind: type[R], name: str, **parameters: Any) -> list[R]:
        with self._translating():
            return [rows.record(kind, row) for row in self.query(name, **parameters)]


def _as_sealed(kind: type[Sealed], row: rows.Row) -> Sealed:
    """What a hash of the chain covers. Raises Damaged for a value that is never written; SQLite keeps any."""
    try:
        return msgspec.convert(dict(zip(kind.__struct_fields__, row, strict=True)), kind)
    except msgspec.ValidationError as odd:
        raise Damaged(f"another hand changed the journal ({odd}): hexiao verify --chain names the row") from odd
