"""save: from Changes to guarded rows. Each statement names its key and its guard; a miss undoes the whole batch.

Written for engines that run a statement over many rows in one call; the order of statements is the same everywhere,
so that two processes can wait for each other but never in a circle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from msgspec.structs import astuple

from hexiao.domain.redemption import Redemption
from hexiao.storage import rows
from hexiao.storage.base import GuardMissed
from hexiao.storage.snapshot import KEPT, Changes, CountChange, Record
from hexiao.storage.texts import COLUMNS

SLOTS = 16
"""Slot 0 of a scheme's count is exact; the others only count, one for each node, so that nobody waits for anybody."""


class Writer(Protocol):
    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> int:
        """Run the statement for each row; the number of rows that were changed in all."""
        ...

    def perhaps(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """The same where nobody counts what was changed."""
        ...


def _insert(table: str, columns: tuple[str, ...], conflict: str = "") -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}){conflict}"


_UNLESS_THERE = " ON CONFLICT DO NOTHING"
_REQUEST = _insert("request", ("id", "fingerprint", "answer", "at"), _UNLESS_THERE)
_CODE = _insert("coupon_code", ("merchant_id", "code", "coupon_id"), _UNLESS_THERE)
_COUPON = _insert("coupon", COLUMNS["coupon"], _UNLESS_THERE)
_COUPON_UPDATE = (
    "UPDATE coupon SET held_fen = ?, captured_fen = ?, held_uses = ?, captured_uses = ?, seq = ?, voided_at = ?,"
    " changed_at = ? WHERE id = ? AND seq = ?"
)
_REDEMPTION = _insert("redemption", COLUMNS["redemption"], _UNLESS_THERE)
_REDEMPTION_UPDATE = (
    "UPDATE redemption SET state = ?, captured_fen = ?, reversed_fen = ?, lines = ?, returned = ?, reversals = ?,"
    " captured_at = ?, settled_at = ?, changed_at = ? WHERE coupon_id = ? AND id = ? AND state = ? AND reversals = ?"
)
# Who adds to the past says so: tallies that count it are sound no more, and who counts just now misses the guard.
_LATE = (
    "INSERT INTO tallied (shop_id, sound_until_at, seq) SELECT ?, ?, 1"
    " WHERE ? < (SELECT until_at FROM past WHERE name = 'redemption')"
    " ON CONFLICT (shop_id) DO UPDATE SET seq = tallied.seq + 1, sound_until_at = CASE"
    " WHEN excluded.sound_until_at < tallied.sound_until_at THEN excluded.sound_until_at"
    " ELSE tallied.sound_until_at END"
)
_JOURNAL = _insert("journal", COLUMNS["journal"], _UNLESS_THERE)
_BLOCK = _insert("block", COLUMNS["block"])  # fails by its key, which says that the lane is taken
_REFUSAL_COLUMNS = (
    "id", "merchant_id", "coupon_id", "typed_code", "code", "shop_id", "bill_number", "cashier_id", "at",
    "request_id", "actor", "verdicts",
)  # fmt: skip
_REFUSAL = _insert("refusal", _REFUSAL_COLUMNS, _UNLESS_THERE)
_BILL = _insert("bill", ("merchant_id", "shop_id", "number", "seq"), _UNLESS_THERE)
_BILL_UPDATE = "UPDATE bill SET seq = seq + 1 WHERE merchant_id = ? AND shop_id = ? AND number = ? AND seq = ?"
_COUNT = (
    "INSERT INTO scheme_count (scheme_id, slot, issued, captured_uses, held_fen, captured_fen)"
    " VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (scheme_id, slot) DO UPDATE SET issued = scheme_count.issued + excluded.issued,"
    " captured_uses = scheme_count.captured_uses + excluded.captured_uses,"
    " held_fen = scheme_count.held_fen + excluded.held_fen,"
    " captured_fen = scheme_count.captured_fen + excluded.captured_fen"
    " WHERE (? = 0 OR scheme_count.issued + excluded.issued <= ?)"
    " AND (? = 0 OR scheme_count.held_fen + scheme_count.captured_fen + excluded.held_fen + excluded.captured_fen <= ?)"
)
_RECEIPT = (
    "INSERT INTO receipt_count (scheme_id, member_id, received) VALUES (?, ?, ?)"
    " ON CONFLICT (scheme_id, member_id) DO UPDATE SET received = receipt_count.received + excluded.received"
    " WHERE ? = 0 OR receipt_count.received + excluded.received <= ?"
)
_SCHEME_COLUMNS = (
    "id", "merchant_id", "number", "kind", "latest", "paused", "shown_in_list", "shown_on_goods", "created_at",
    "updated_at", "seq",
)  # fmt: skip
_SCHEME = _insert("scheme", _SCHEME_COLUMNS, _UNLESS_THERE)
_SCHEME_UPDATE = "UPDATE scheme SET latest = ?, paused = ?, updated_at = ?, seq = ? WHERE id = ? AND seq = ?"
_EDITION = (
    "INSERT INTO node (name, last) VALUES ('records', 1)"
    " ON CONFLICT (name) DO UPDATE SET last = node.last + 1"
)  # what other processes keep in memory is out of date
_VERSION = _insert("scheme_version", ("scheme_id", "version", "name", "description", "terms", "benefit"), _UNLESS_THERE)


def write(writer: Writer, changes: Changes, now: int, node: int, *, tallied: bool = True) -> None:
    """Write everything inside the caller's transaction. Raises GuardMissed when any row was not as it was read.

    `tallied` unless this database never has tallies.
    """

    def guarded(sql: str, values: list[tuple[Any, ...]]) -> None:
        if values and writer.many(sql, values) != len(values):
            raise GuardMissed(sql.split(" WHERE ")[0][:60])

    guarded(_REQUEST, [(key, r.fingerprint, r.answer, now) for key, r in changes.requests.items()])
    _write_schemes(guarded, changes)
    new = changes.new_coupons.values()
    guarded(_CODE, [(c.merchant_id, c.code, c.id) for c in new])
    guarded(_COUPON, [rows.coupon_row(c) for c in new])
    guarded(
        _COUPON_UPDATE,
        [
            (c.held_fen, c.captured_fen, c.held_uses, c.captured_uses, c.seq, c.voided_at, c.changed_at, c.id, seq)
            for c, seq in ((changes.coupons[key], changes.coupon_seqs[key]) for key in sorted(changes.coupons))
        ],
    )
    guarded(_REDEMPTION, [rows.redemption_row(r) for r in changes.new_redemptions.values()])
    guarded(
        _REDEMPTION_UPDATE,
        [(*_redemption_update(r), *changes.redemption_guards[r.id]) for r in changes.redemptions.values()],
    )
    guarded(_JOURNAL, [rows.journal_row(entry) for entry in changes.journal])
    if changes.block is not None:
        guarded(_BLOCK, [astuple(changes.block)])
    guarded(
        _REFUSAL,
        [tuple(getattr(r, n) if n != "code" else r.code.value for n in _REFUSAL_COLUMNS) for r in changes.refusals],
    )
    bills = sorted(changes.bills.items())
    guarded(_BILL, [(*key, 1) for key, seq in bills if seq == 0])
    guarded(_BILL_UPDATE, [(*key, seq) for key, seq in bills if seq])
    # The rows that many batches share come last: they are locked for the shortest time.
    guarded(_RECEIPT, [(*key, n, limit, limit) for key, (n, limit) in sorted(changes.receipts.items())])
    guarded(_COUNT, [_count(key, changes, node) for key in sorted(changes.counts)])
    if tallied and changes.new_redemptions:
        writer.perhaps(_LATE, [(shop_id, at, at) for shop_id, at in earliest(changes)])


Guarded = Callable[[str, list[tuple[Any, ...]]], None]


def _write_schemes(guarded: Guarded, changes: Changes) -> None:
    for scheme, guard_seq in changes.schemes.values():
        if guard_seq == 0:
            guarded(_SCHEME, [rows.scheme_row(scheme)])
        else:
            values = (scheme.latest, int(scheme.paused), scheme.updated_at, scheme.seq, scheme.id, guard_seq)
            guarded(_SCHEME_UPDATE, [values])
    guarded(_VERSION, [rows.scheme_version_row(scheme) for scheme in changes.versions])
    for record in changes.records:
        guarded(_upsert(record), [rows.record_row(record)])
    if changes.schemes or any(isinstance(record, KEPT) for record in changes.records):
        guarded(_EDITION, [()])


def _redemption_update(r: Redemption) -> tuple[Any, ...]:
    row = dict(zip(COLUMNS["redemption"], rows.redemption_row(r), strict=True))
    names = ("state", "captured_fen", "reversed_fen", "lines", "returned", "reversals", "captured_at", "settled_at")
    return (*(row[name] for name in names), r.changed_at, r.coupon_id, r.id)


def earliest(changes: Changes) -> list[tuple[int, int]]:
    """(shop, when the earliest of its new redemptions was made), in order of shops."""
    found: dict[int, int] = {}
    for redemption in changes.new_redemptions.values():
        at = found.get(redemption.shop_id)
        if at is None or redemption.created_at < at:
            found[redemption.shop_id] = redemption.created_at
    return sorted(found.items())


def slot_of(change: CountChange, node: int) -> int:
    return 0 if change.limited else 1 + node % (SLOTS - 1)


def _count(scheme_id: int, changes: Changes, node: int) -> tuple[Any, ...]:
    change = changes.counts[scheme_id]
    add, total, budget = change.add, change.total, change.budget_fen
    return (
        scheme_id, slot_of(change, node), add.issued, add.captured_uses, add.held_fen, add.captured_fen,
        total, total, budget, budget,
    )  # fmt: skip


def _upsert(record: Record) -> str:
    """A record stays its merchant's: who chose an id that another merchant took meanwhile misses."""
    table = type(record).__name__.lower()
    columns = COLUMNS[table]
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "id")
    its_own = f" WHERE {table}.merchant_id = excluded.merchant_id" if "merchant_id" in columns else ""
    return _insert(table, columns, f" ON CONFLICT (id) DO UPDATE SET {updates}{its_own}")
