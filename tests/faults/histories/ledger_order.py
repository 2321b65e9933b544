"""The ledger-order checker: the journal says in which order things happened; was that right, and what was told?

Linear in the length of the history. It believes the order of the journal and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from faults.histories.coupon import Coupon, Operation, step

ENTRY = {"redeem": "capture", "hold": "hold", "capture": "capture", "release": "release", "reverse": "reverse"}
FIRST_SEQ = 2
"""1 is the issue."""


class Entry(NamedTuple):
    """One row of the journal; `key` is the Idempotency-Key of whoever wrote it."""

    seq: int
    key: str
    entry: str
    use: str
    d_held: int
    d_captured: int
    d_held_uses: int
    d_captured_uses: int
    held_after: int
    captured_after: int


def ledger_faults(face: int, operations: Sequence[Operation], entries: Sequence[Entry]) -> list[str]:
    """All that is wrong; nothing when the history is in order."""
    entries = sorted(entries)
    asked = {one.key: one for one in operations}
    strangers = [f"entry {one.seq} belongs to nobody's request: {one.key}" for one in entries if one.key not in asked]
    entries = [one for one in entries if one.key in asked]
    return [
        *strangers,
        *_gaps(entries),
        *_miscounted(operations, entries),
        *_out_of_time(entries, asked),
        *_mistold(face, entries, asked),
    ]


def _gaps(entries: Sequence[Entry]) -> list[str]:
    return [f"entry {one.seq} is number {at}" for at, one in enumerate(entries, FIRST_SEQ) if one.seq != at]


def _miscounted(operations: Sequence[Operation], entries: Sequence[Entry]) -> list[str]:
    """An acknowledged change has one entry; a refusal and a read have none; the unknown has one or none."""
    written = Counter(one.key for one in entries)
    faults = []
    for one in operations:
        wanted = (0, 1) if one.told is None and one.changes else (int(one.done and one.changes),)
        if written[one.key] not in wanted:
            faults.append(f"{one.key} ({one.kind}) was told {one.told} and has {written[one.key]} entries")
    return faults


def _out_of_time(entries: Sequence[Entry], asked: dict[str, Operation]) -> list[str]:
    """Nothing may stand before what had returned when it was called."""
    faults = []
    latest = asked[entries[0].key] if entries else None
    for one in entries:
        operation = asked[one.key]
        assert latest is not None
        if operation.returned < latest.called:
            faults.append(f"{one.key} had returned when {latest.key} was called, and has the larger seq {one.seq}")
        if operation.called > latest.called:
            latest = operation
    return faults


def _mistold(face: int, entries: Sequence[Entry], asked: dict[str, Operation]) -> list[str]:
    """Replayed in order, each entry must be legal, move what it says, and be what was told."""
    coupon, faults = Coupon(face, {}), []
    for one in entries:
        operation = asked[one.key]
        after, told = step(coupon, operation, one.use)
        if told[0] != "use":
            faults.append(f"entry {one.seq}, {operation.kind}, is not allowed: {told}")
            continue
        moved = tuple(now - then for now, then in zip(after.numbers, coupon.numbers, strict=True))
        should = (ENTRY[operation.kind], told[1], *moved, after.held, after.captured)
        if one[2:] != should:
            faults.append(f"entry {one.seq} should be {should} and is {one[2:]}")
        if operation.done and operation.told != told:
            faults.append(f"{one.key} should have been told {told} and was told {operation.told}")
        coupon = after
    return faults
