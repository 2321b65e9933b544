"""Finds what was changed behind the program's back: blocks and journal rows as they are, against the chain.

Names each row and block; mends nothing. What it cannot see is the end of a lane that was cut off, or a chain that was
made anew from the first block: for that it is given heads that were signed earlier.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Any

import msgspec

from hexiao.domain.chain import NOTHING_BEFORE, Block, canonical, hash_of, leaf_of, root_of, seal, unpacked

Place = tuple[int, int]
"""(lane, height)"""
Row = Sequence[Any]
"""A journal row as the database gives it, in the order of JournalEntry's fields."""


class Sign(StrEnum):
    """What is wrong with it."""

    ROW_CHANGED = "row_changed"
    ROW_REMOVED = "row_removed"
    ROW_ADDED = "row_added"
    ROW_WITHOUT_BLOCK = "row_without_block"  # added, or its block was removed from the end of the lane
    BLOCK_CHANGED = "block_changed"
    BLOCK_REMOVED = "block_removed"
    BLOCK_NOT_LINKED = "block_not_linked"  # it, or the one before it, was made anew
    HEAD_GONE = "head_gone"  # it was there once, with another hash


class Problem(msgspec.Struct, frozen=True):
    """A sign of tampering: the journal row, or the block when no row can be told, and how many blocks from there on."""

    sign: Sign
    lane: int
    height: int
    coupon_id: Any = None
    seq: Any = None
    blocks: int = 1


class Audit:
    """One passage over the whole chain, in the order of lanes and heights; afterwards its numbers and its heads."""

    def __init__(self, known: Iterable[tuple[int, int, str]] = ()) -> None:
        """`known`: lane, height and hash of blocks that were there."""
        self.blocks = 0
        self.entries = 0
        self.heads: dict[int, tuple[int, str]] = {}
        """lane → (height, hash) of its newest block"""
        self._awaited = set(known)

    def problems(self, blocks: Iterable[Block], rows: Iterable[tuple[Place, Row]]) -> Iterator[Problem]:
        """Both in order of lane and height."""
        waiting = ((place, [row for _, row in group]) for place, group in groupby(rows, lambda pair: pair[0]))
        place, found = next(waiting, (None, []))
        for block in blocks:
            first_missing = yield from self._follow(block)
            while place is not None and place < (block.lane, block.height):
                if not (place[0] == block.lane and place[1] >= first_missing):
                    yield from self._without_block(place, found)
                place, found = next(waiting, (None, []))
            if place == (block.lane, block.height):
                yield from self._compare(block, found)
                place, found = next(waiting, (None, []))
            else:
                yield from self._compare(block, [])
        while place is not None:
            yield from self._without_block(place, found)
            place, found = next(waiting, (None, []))
        for lane, height, _ in sorted(self._awaited):
            yield Problem(Sign.HEAD_GONE, lane, height)

    def _follow(self, block: Block) -> Generator[Problem, None, int]:
        """Whether it is the next block of its lane; returns the height that should have come."""
        lane, height = block.lane, block.height
        before, hash_before = self.heads.get(lane, (-1, NOTHING_BEFORE))
        if height > before + 1:
            yield Problem(Sign.BLOCK_REMOVED, lane, before + 1, blocks=height - before - 1)
        elif height <= before or block.previous != hash_before:
            yield Problem(Sign.BLOCK_NOT_LINKED, lane, height)
        self._awaited.discard((lane, height, block.hash))
        self.heads[lane] = (height, block.hash)
        self.blocks += 1
        return before + 1

    def _without_block(self, place: Place, rows: list[Row]) -> Iterator[Problem]:
        for row in rows:
            yield Problem(Sign.ROW_WITHOUT_BLOCK, *place, row[0], row[1])

    def _compare(self, block: Block, rows: list[Row]) -> Iterator[Problem]:
        self.entries += len(rows)
        if _sealed_again(block, rows) != block:
            yield from _differences(block, rows)


def _sealed_again(block: Block, rows: list[Row]) -> Block | None:
    """The block as these rows make it; None when no block of ours could hold them."""
    try:
        return seal(block.lane, block.height, block.at, block.previous, map(_ours, rows)) if rows else None
    except (struct.error, TypeError):
        return None


def _ours(row: Row) -> Row:
    """Raises TypeError for a value that we never write; SQLite keeps any."""
    for value in row:
        if not (value is None or isinstance(value, (int, str))):
            raise TypeError(value)
    return row


def _differences(block: Block, rows: list[Row]) -> Iterator[Problem]:
    place = (block.lane, block.height)
    again = _sealed_again(block, rows)
    if again is not None and again.root == block.root:
        yield Problem(Sign.BLOCK_CHANGED, *place)
        return  # the rows are as they were
    kept = kept_leaves(block)
    if kept is None or not hash_fits(block):
        yield Problem(Sign.BLOCK_CHANGED, *place)
    if kept is None:
        kept = _listed(block)
    for row in rows:
        key = (row[0], row[1])
        if key not in kept:
            yield Problem(Sign.ROW_ADDED, *place, *key)
        elif kept.pop(key) != _leaf(row):
            yield Problem(Sign.ROW_CHANGED, *place, *key)
    for key in kept:
        yield Problem(Sign.ROW_REMOVED, *place, *key)


def hash_fits(block: Block) -> bool:
    return hash_of(block.header) == block.hash


def kept_leaves(block: Block) -> dict[tuple[Any, Any], bytes] | None:
    """(coupon_id, seq) → leaf hash of each entry; None when this is not what the block was sealed with."""
    listed = _listed(block)
    sound = len(listed) == block.entries and listed and root_of(list(listed.values())).hex() == block.root
    # The root does not cover whose leaves they are, but their order tells when two of them were exchanged.
    return listed if sound and list(listed) == sorted(listed) else None


def _listed(block: Block) -> dict[tuple[Any, Any], bytes]:
    try:
        return {(coupon_id, seq): leaf for coupon_id, seq, leaf in unpacked(block.leaves)}
    except (struct.error, TypeError):
        return {}


def _leaf(row: Row) -> bytes:
    try:
        return leaf_of(canonical(_ours(row)))
    except TypeError:
        return b""
