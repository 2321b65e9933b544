"""What every storage offers: load and save for changes, and the named read queries of the doors.

A storage holds no rule and makes no id. `save` is one transaction, guarded row by row, and says GuardMissed when
somebody was faster; then nothing of the batch was written.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from hexiao.domain.chain import Block, Header
from hexiao.domain.coupon import Coupon
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.redemption import JournalEntry, ListedRedemption, Redemption, State
from hexiao.domain.scheme import Kind, Scheme
from hexiao.storage.snapshot import Changes, Count, Names, Snapshot


class GuardMissed(Exception):
    """A row was changed by somebody else since it was loaded: load again, decide again."""


class LaneTaken(GuardMissed):
    """Somebody else stands where the next block was to be: nothing may follow in this lane of the chain."""


class StorageError(Exception):
    """The database cannot be used as it is. The text says what to do about it."""


class Damaged(StorageError):
    """A row or a page is not what was written, nor will it be at the next try: others need not suffer by it."""


class StorageDown(Exception):
    """The database did not take or give anything this time; the same request may succeed later."""


class ConnectionLost(StorageDown):
    """The connection broke, perhaps after the database had committed: ask again, and read what it remembers."""


class RedemptionFilter(msgspec.Struct, kw_only=True, frozen=True):
    """Every filter of the redemption lists. Times are UTC ms; `from` is inclusive, `until` exclusive.

    With `now`, the states are those of that moment: a hold past its deadline is lapsed, written down or not.
    """

    merchant_id: int
    shop_id: int | None = None
    bill_number: str | None = None
    code: str | None = None
    coupon_id: int | None = None
    member_id: int | None = None
    member_card_id: str | None = None
    scheme_number: str | None = None
    kind: Kind | None = None
    states: tuple[State, ...] = ()
    now: int | None = None
    created_from_at: int | None = None
    created_until_at: int | None = None
    changed_from_at: int | None = None
    changed_until_at: int | None = None


class RedemptionRow(msgspec.Struct, kw_only=True):
    """A redemption with the names that stand beside it in a list."""

    redemption: Redemption
    coupon: Coupon
    scheme: Scheme
    shop: Shop | None
    cashier: Cashier | None
    member: Member | None


class DueHold(msgspec.Struct, frozen=True):
    """Whose lapse is to be written down: a row of which something else went bad keeps no other from it."""

    merchant_id: int
    id: int


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a keyset-paged list goes on: after the row made at `at` with this `id`."""

    at: int
    id: int


class CouponFilter(msgspec.Struct, kw_only=True, frozen=True):
    merchant_id: int
    scheme_id: int | None = None
    member_id: int | None = None


class Broken(msgspec.Struct, frozen=True):
    """A row that breaks an invariant: which, and the keys that find it."""

    invariant: str
    row: dict[str, int | str | None]


class Unanswerable(Exception):
    """A value that no program of ours writes keeps the database from answering: a text that is no JSON, a sum that no
    number holds."""


def breaking(invariant: str, rows: Iterable[dict[str, int | str | None]]) -> Iterator[Broken]:
    """Also when the rows cannot be found because of what stands in one of them."""
    try:
        for row in rows:
            yield Broken(invariant, row)
    except Unanswerable as reason:
        yield Broken(invariant, {"not_checked": str(reason)})


class Reader(Protocol):
    """The read queries. Each call sees one consistent state; lists are bounded by their `limit`."""

    def load(self, names: Names) -> Snapshot:
        """Everything the names stand for, and what hangs on it."""
        ...

    def merchant(self, merchant_id: int) -> Merchant | None: ...

    def credential(self, door: str, public_id: str) -> Credential | None: ...

    def credentials(self, merchant_id: int, door: str) -> list[Credential]: ...

    def one_sealed_credential(self) -> Credential | None:
        """Any credential with secrets: to find out at the start whether the master key fits."""
        ...

    def redemption(self, merchant_id: int, redemption_id: int) -> RedemptionRow | None: ...

    def redemptions(self, wanted: RedemptionFilter, after: Cursor | None, limit: int) -> list[RedemptionRow]:
        """Newest first, keyset-paged."""
        ...

    def redemption_page(
        self, wanted: RedemptionFilter, page: int, page_size: int
    ) -> tuple[int, list[ListedRedemption]]:
        """(count of all, the rows of this page), oldest first, so that pages do not shift under a reader."""
        ...

    def exported(self, wanted: RedemptionFilter) -> Generator[list[tuple[Any, ...]], None, None]:
        """All of them, oldest first, of one committed state, in blocks of rows as exporting.Exported names them."""
        ...

    def journal(self, coupon_id: int) -> list[JournalEntry]: ...

    def block(self, lane: int, height: int) -> Block | None: ...

    def headers(self, lane: int, first: int, last: int) -> list[Header]:
        """What the hashes of these blocks of one lane cover, in order of height."""
        ...

    def scheme(self, merchant_id: int, scheme_id: int, version: int | None = None) -> Scheme | None: ...

    def scheme_by_number(self, merchant_id: int, number: str) -> Scheme | None: ...

    def schemes(self, merchant_id: int, after: Cursor | None, limit: int) -> list[Scheme]:
        """Latest versions, newest first."""
        ...

    def scheme_count(self, scheme_id: int) -> Count: ...

    def coupon_by_id(self, merchant_id: int, coupon_id: int) -> Coupon | None: ...

    def coupons(self, wanted: CouponFilter, after: Cursor | None, limit: int) -> list[Coupon]:
        """Newest id first."""
        ...

    def shops(self, merchant_id: int, after_id: int, limit: int) -> list[Shop]: ...

    def shops_by_id(self, merchant_id: int, ids: Sequence[int]) -> list[Shop]: ...

    def cashiers(self, merchant_id: int, after_id: int, limit: int) -> list[Cashier]: ...

    def members(self, merchant_id: int, after_id: int, limit: int) -> list[Member]: ...

    def items(self, merchant_id: int, after_id: int, limit: int) -> list[Item]: ...

    def items_by_sku(self, merchant_id: int, skus: Sequence[str]) -> list[Item]: ...

    def due_holds(self, now: int, limit: int) -> list[DueHold]:
        """Holds past their deadline that nobody has written down yet, the longest due first."""
        ...

    def broken(self, now: int, only: Collection[str] = ()) -> Iterator[Broken]:
        """Run every invariant, or only those of these numbers; yields the offending rows."""
        ...

    def writable(self) -> bool:
        """Whether the database says that it takes changes now. Changes nothing to find out. Raises StorageError when it
        would take them and might lose them."""
        ...


class Storage(Reader, Protocol):
    """A database. Threads must not share a Storage object: each takes its own by `open_again`."""

    def save(self, changes: Changes, now: int, node: int) -> None:
        """Write it all in one transaction, then COMMIT. Raises GuardMissed; then nothing was written."""
        ...

    def confirm(self) -> None:
        """Return when everything that can be read is as durable as what `save` wrote.

        A COMMIT whose session ended while it waited for a standby is there for all to see, and may not be there yet
        when the standby takes over.
        """
        ...

    def tally(self, now: int) -> Iterator[bool]:
        """Count the past ahead for the lists, a little at a time; True after some work, False while it must wait."""
        ...

    def forget(self, before: int, limit: int) -> int:
        """Remove up to `limit` remembered answers given before then, in a transaction of its own; how many."""
        ...

    def take_node(self) -> int:
        """A number that no other running process has; keeps ids apart."""
        ...

    def take_lane(self) -> int:
        """A lane of the chain that nobody has ever used, and that no process start will use either."""
        ...

    def open_again(self) -> Storage:
        """The same database on a connection of its own, for another thread."""
        ...

    def close(self) -> None: ...
