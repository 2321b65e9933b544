"""SQLite: WAL and synchronous=FULL, nothing weaker. Loads outside the write transaction, so the guards do the work.

One object is one connection, for one thread at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hexiao.domain.coupon import Coupon
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.redemption import JournalEntry, Redemption
from hexiao.domain.scheme import Scheme
from hexiao.storage import lists, loading, rows, saving
from hexiao.storage.base import (
    Broken,
    CouponFilter,
    Cursor,
    GuardMissed,
    RedemptionFilter,
    RedemptionRow,
    StorageDown,
    StorageError,
)
from hexiao.storage.snapshot import Changes, Count, Names, Snapshot
from hexiao.storage.texts import read_queries

R = TypeVar("R")
_json = msgspec.json.Encoder().encode

WAIT_FOR_LOCK_MS = 10_000
NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "glusterfs", "ceph")

MACROS = {
    "list": lambda name: f"(SELECT value FROM json_each(:{name}))",
    "keys": lambda name: (
        "(SELECT json_extract(value, '$[0]') a, json_extract(value, '$[1]') b, json_extract(value, '$[2]') c"
        f" FROM json_each(:{name}))"
    ),
    "sum": lambda column: f"(SELECT coalesce(sum(value), 0) FROM json_each({column}))",
}
QUERIES = read_queries("queries.sql", MACROS)
INVARIANTS = read_queries("invariants.sql", MACROS)


class SqliteStorage:
    """Implements storage.base.Storage on one file."""

    def __init__(self, path: Path, versions: loading.VersionCache | None = None) -> None:
        self.path = path
        self._versions: loading.VersionCache = {} if versions is None else versions
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
            self._db.execute(f"PRAGMA busy_timeout = {WAIT_FOR_LOCK_MS}")
            self._demand_durability()
        except sqlite3.Error as failed:
            raise StorageError(f"cannot open the SQLite database {path}: {failed}") from failed

    def _demand_durability(self) -> None:
        """An answer may leave after COMMIT only if COMMIT outlives a power cut."""
        refuse_network_file_system(self.path)
        journal_mode = self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        self._db.execute("PRAGMA synchronous = FULL")
        synchronous = self._db.execute("PRAGMA synchronous").fetchone()[0]
        if journal_mode != "wal" or synchronous < 2:
            raise StorageError(
                f"{self.path}: journal_mode is {journal_mode} and synchronous {synchronous};"
                " hexiao needs wal and FULL, so that no acknowledged redemption is lost at a power cut"
            )
        self._db.execute("PRAGMA cache_size = -65536")
        self._db.execute("PRAGMA temp_store = MEMORY")

    # Changes.

    def save(self, changes: Changes, now: int, node: int) -> None:
        with _as_ours():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                saving.write(self, changes, now, node)
                self._db.execute("COMMIT")
            except sqlite3.IntegrityError as clash:
                self._undo()
                raise GuardMissed(str(clash)) from clash
            except BaseException:
                self._undo()
                raise

    def many(self, sql: str, values: list[tuple[Any, ...]]) -> int:
        return self._db.executemany(sql, values).rowcount

    def _undo(self) -> None:
        if self._db.in_transaction:  # after a full disk SQLite has rolled back by itself
            self._db.execute("ROLLBACK")

    def take_node(self) -> int:
        with _as_ours():
            # Fetched whole: an open RETURNING cursor would keep the write transaction open.
            return int(self._db.execute(QUERIES["take_node"]).fetchall()[0][0])

    def open_again(self) -> SqliteStorage:
        return SqliteStorage(self.path, self._versions)

    def close(self) -> None:
        self._db.close()

    # Reads.

    def query(self, name: str, **parameters: Any) -> Iterable[rows.Row]:
        for key, value in parameters.items():
            if not isinstance(value, (int, str)):
                parameters[key] = _json(list(value)).decode()
        return self._db.execute(QUERIES[name], parameters)

    def load(self, names: Names) -> Snapshot:
        with self._one_state():
            return loading.load(self.query, names, self._versions)

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        """Every read inside sees the same committed state."""
        with _as_ours():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._undo()

    def merchant(self, merchant_id: int) -> Merchant | None:
        return next(iter(self._records(Merchant, "merchants_by_id", ids=[merchant_id])), None)

    def credential(self, door: str, public_id: str) -> Credential | None:
        return next(iter(self._records(Credential, "credentials_by_key", keys=[(door, public_id)])), None)

    def credentials(self, merchant_id: int, door: str) -> list[Credential]:
        return self._records(Credential, "credentials_of", merchant_id=merchant_id, door=door)

    def redemption(self, merchant_id: int, redemption_id: int) -> RedemptionRow | None:
        with self._one_state():
            found = [rows.redemption(row) for row in self.query("redemptions_by_id", ids=[redemption_id])]
            return next(iter(lists.fill(self.query, [r for r in found if r.merchant_id == merchant_id])), None)

    def redemptions(self, wanted: RedemptionFilter, after: Cursor | None, limit: int) -> list[RedemptionRow]:
        with self._one_state():
            listed = lists.RedemptionQuery(self.query, wanted)
            at = lists.start(after)
            found = self._db.execute(
                listed.newest_sql(), {**listed.parameters, "at": at.at, "id": at.id, "limit": limit}
            )
            return lists.fill(self.query, [rows.redemption(row) for row in found])

    def redemption_page(self, wanted: RedemptionFilter, page: int, page_size: int) -> tuple[int, list[RedemptionRow]]:
        with self._one_state():
            listed = lists.RedemptionQuery(self.query, wanted)
            count: int = self._db.execute(listed.count_sql(), listed.parameters).fetchone()[0]
            offset = (page - 1) * page_size
            if offset >= count:
                return count, []
            found = self._db.execute(listed.page_sql(), {**listed.parameters, "limit": page_size, "offset": offset})
            return count, lists.fill(self.query, [rows.redemption(row) for row in found])

    def journal(self, coupon_id: int) -> list[JournalEntry]:
        with _as_ours():
            return [rows.journal_entry(row) for row in self.query("journal_of", coupon_id=coupon_id)]

    def scheme(self, merchant_id: int, scheme_id: int, version: int | None = None) -> Scheme | None:
        with self._one_state():
            found = lists.schemes_at(self.query, {(scheme_id, version or 0)})
        return next((s for s in found.values() if s.merchant_id == merchant_id), None)

    def scheme_by_number(self, merchant_id: int, number: str) -> Scheme | None:
        with _as_ours():
            found = [row[2] for row in self.query("scheme_ids", keys=[(merchant_id, number)])]
        return self.scheme(merchant_id, found[0]) if found else None

    def schemes(self, merchant_id: int, after: Cursor | None, limit: int) -> list[Scheme]:
        at = lists.start(after)
        with self._one_state():
            listed = self.query("latest_schemes", merchant_id=merchant_id, at=at.at, id=at.id, limit=limit)
            found = lists.schemes_at(self.query, {(row[0], 0) for row in listed})
        return sorted(found.values(), key=lambda scheme: (scheme.created_at, scheme.id), reverse=True)

    def scheme_count(self, scheme_id: int) -> Count:
        with _as_ours():
            return loading.counts(self.query, [scheme_id]).get(scheme_id, Count())

    def coupon_by_id(self, merchant_id: int, coupon_id: int) -> Coupon | None:
        with _as_ours():
            found = [rows.coupon(row) for row in self.query("coupons_by_id", ids=[coupon_id])]
        return next((coupon for coupon in found if coupon.merchant_id == merchant_id), None)

    def coupons(self, wanted: CouponFilter, after: Cursor | None, limit: int) -> list[Coupon]:
        sql, parameters = lists.coupons_sql(wanted)
        with _as_ours():
            found = self._db.execute(sql, {**parameters, "id": lists.start(after).id, "limit": limit})
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
        return self._records(Item, "items_by_key", keys=[(merchant_id, sku) for sku in skus])

    def due_holds(self, now: int, limit: int) -> list[Redemption]:
        with _as_ours():
            return [rows.redemption(row) for row in self.query("due_holds", now=now, limit=limit)]

    def broken(self, now: int) -> Iterator[Broken]:
        for name, sql in INVARIANTS.items():
            with _as_ours():
                cursor = self._db.execute(sql, {"now": now} if ":now" in sql else {})
                columns = [column[0] for column in cursor.description]
                for row in cursor:
                    yield Broken(name, dict(zip(columns, row, strict=True)))

    def _records(self, kind: type[R], name: str, **parameters: Any) -> list[R]:
        with _as_ours():
            return [rows.record(kind, row) for row in self.query(name, **parameters)]


@contextmanager
def _as_ours() -> Iterator[None]:
    """A lock that never came, a full disk, a read-only file: the caller may try again with the same request id."""
    try:
        yield
    except sqlite3.OperationalError as failed:
        raise StorageDown(f"SQLite: {failed}") from failed


def refuse_network_file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """SQLite's WAL needs shared memory, which network file systems do not have. Raises StorageError there."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:  # no such list on this system: nothing to go by
        return
    place = path.resolve()
    holding = [(fields[1], fields[2]) for fields in lines if place.is_relative_to(fields[1])]
    kind = max(holding, key=lambda mount: len(mount[0]), default=("", ""))[1]
    if kind in NETWORK_FILE_SYSTEMS:
        raise StorageError(f"{path} lies on a network file system ({kind}); SQLite is not safe there, use a local disk")
