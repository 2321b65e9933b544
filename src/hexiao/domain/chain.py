"""The journal as a chain: each committed batch is a block with the Merkle root of its entries and the block before it.

Pure: bytes in, hashes out. Nothing here prevents a change; it makes one visible to whoever has an earlier hash. The
trees are those of RFC 6962: a leaf is SHA-256 of 0x00 and the entry, an inner node SHA-256 of 0x01 and its children.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import astuple, replace

from hexiao.domain.redemption import JournalEntry

NOTHING_BEFORE = "0" * 64
"""Stands where the first block of a lane would name the one before it."""

canonical = msgspec.json.Encoder().encode
"""A JSON array without white space. Of integers, null and text it is what RFC 8785 prescribes."""

Header = tuple[int, int, int, int, str, str]
"""What a block's hash covers: lane, height, at, entries, root, previous; through these, all entries up to here."""

_LEAF = struct.Struct(">qi32s")
_in_order = attrgetter("coupon_id", "seq")


class Block(msgspec.Struct, kw_only=True, frozen=True):
    """One committed batch of one lane. `leaves` holds coupon_id, seq and leaf hash of each entry, by coupon and seq."""

    lane: int
    height: int
    at: int
    entries: int
    root: str
    previous: str
    hash: str
    leaves: bytes

    @property
    def header(self) -> Header:
        return self.lane, self.height, self.at, self.entries, self.root, self.previous


def seal(lane: int, height: int, at: int, previous: str, entries: Iterable[Sequence[Any]]) -> Block:
    """The block of these entries, given as the values of their columns, in order of coupon and seq."""
    leaves, packed = [], []
    for values in entries:
        leaf = leaf_of(canonical(values))
        leaves.append(leaf)
        packed.append(_LEAF.pack(values[0], values[1], leaf))
    block = Block(
        lane=lane, height=height, at=at, entries=len(leaves), root=root_of(leaves).hex(), previous=previous, hash="",
        leaves=b"".join(packed),
    )  # fmt: skip
    return replace(block, hash=hash_of(block.header))


def hash_of(header: Header) -> str:
    return sha256(canonical(header)).hexdigest()


def unpacked(leaves: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(coupon_id, seq, leaf hash) of each entry. Raises struct.error for bytes that are no list of leaves."""
    return _LEAF.iter_unpack(leaves)


class Chain:
    """One lane as its only committer knows it: a process start, until it lost sight of what was committed."""

    def __init__(self, lane: int) -> None:
        self.begin(lane)

    def begin(self, lane: int) -> None:
        """Go on in a lane that nobody has ever used."""
        self.lane = lane
        self.height = 0
        self.head = NOTHING_BEFORE
        self.lost = False

    def seal(self, entries: Sequence[JournalEntry], at: int) -> tuple[list[JournalEntry], Block | None]:
        """The entries with their place in the chain, and the block to be saved with them; none without entries."""
        if not entries:
            return [], None
        placed = [replace(one, lane=self.lane, height=self.height) for one in sorted(entries, key=_in_order)]
        return placed, seal(self.lane, self.height, at, self.head, map(astuple, placed))

    def advance(self, block: Block | None) -> None:
        """The block was committed."""
        if block is not None:
            self.height, self.head = block.height + 1, block.hash

    def lose(self) -> None:
        """Perhaps the last block was committed, perhaps not: nothing may follow it in this lane."""
        self.lost = True


# Merkle trees.


def leaf_of(text: bytes) -> bytes:
    return sha256(b"\x00" + text).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What else is needed to come from this leaf to the root."""
    path, level = [], list(leaves)
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        level, index = _above(level), index // 2
    return path


def root_from(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which the path leads from the leaf at `index` of `count`; None when no path has such a form."""
    if not 0 <= index < count:
        return None
    beside = iter(path)
    while count > 1:
        if index ^ 1 < count:
            other = next(beside, None)
            if other is None:
                return None
            leaf = _node(other, leaf) if index % 2 else _node(leaf, other)
        index, count = index // 2, (count + 1) // 2
    return leaf if next(beside, None) is None else None


def _above(level: list[bytes]) -> list[bytes]:
    above = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    if len(level) % 2:
        above.append(level[-1])  # the last one without a neighbour goes up as it is
    return above


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
