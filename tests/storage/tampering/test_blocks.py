"""Whatever is changed in the blocks behind the program's back is found, and no row is accused of it."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import Any

import pytest

from engine.desk import a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.chain import seal, unpacked
from hexiao.domain.tampering import Problem, Sign
from hexiao.storage import chain_side
from hexiao.storage.texts import COLUMNS
from hexiao.wiring import open_side
from storage.chains import JOURNAL, audited, blocks, plant, problems, reseal, told
from storage.postgres.tables import rows


@pytest.mark.parametrize("column", COLUMNS["block"])
def test_a_change_of_any_column_of_a_block_is_found(column: str, books: Settings) -> None:
    block = blocks(books)[2]
    value = block[column]
    other = (
        bytes(value)[:-1] + b"\x01"
        if isinstance(value, bytes)
        else value + 1000
        if isinstance(value, int)
        else "f" * 64
    )
    plant(books, f"UPDATE block SET {column} = ? WHERE height = 2", other)
    found = problems(books)
    assert found
    if column not in ("lane", "height"):  # the rows were not touched, and are not accused
        assert {one.sign for one in found} <= {Sign.BLOCK_CHANGED, Sign.BLOCK_NOT_LINKED}
        assert (Sign.BLOCK_CHANGED, block["lane"], 2) in told(found)
    else:
        assert Sign.BLOCK_REMOVED in {one.sign for one in found}
    if column != "lane":
        plant(books, f"UPDATE block SET {column} = ? WHERE {column} = ?", value, other)
        assert problems(books) == []


@pytest.mark.parametrize("leaves", [b"", b"\x00", b"\x00" * 44, b"\x00" * 43])
def test_a_list_of_leaves_that_is_none_is_found_and_no_row_is_accused(leaves: bytes, books: Settings) -> None:
    block = blocks(books)[2]
    plant(books, "UPDATE block SET leaves = ? WHERE height = 2", leaves)
    assert problems(books) == [Problem(Sign.BLOCK_CHANGED, block["lane"], 2)]


def test_leaves_that_were_given_to_other_rows_are_found_and_no_row_is_accused(books: Settings) -> None:
    """The root is made of the leaf hashes alone."""
    block = next(block for block in blocks(books) if block["entries"] > 1)
    leaves = list(unpacked(bytes(block["leaves"])))
    exchanged = [(*leaf[:2], other[2]) for leaf, other in zip(leaves, reversed(leaves), strict=True)]
    for made_up in ([(key, seq + 1_000, leaf) for key, seq, leaf in leaves], exchanged, leaves[::-1]):
        packed = b"".join(struct.pack(">qi32s", *leaf) for leaf in made_up)
        plant(books, "UPDATE block SET leaves = ? WHERE height = ?", packed, block["height"])
        assert problems(books) == [Problem(Sign.BLOCK_CHANGED, block["lane"], block["height"])]


def test_a_block_that_was_sealed_anew_in_another_order_is_found(books: Settings) -> None:
    block = next(block for block in blocks(books) if block["entries"] > 1)
    sealed = [tuple(row.values()) for row in rows(books, JOURNAL) if row["height"] == block["height"]]
    again = seal(block["lane"], block["height"], block["at"], block["previous"], reversed(sealed))
    plant(
        books, "UPDATE block SET root = ?, hash = ?, leaves = ? WHERE height = ?",
        again.root, again.hash, again.leaves, block["height"],
    )  # fmt: skip
    assert (Sign.BLOCK_CHANGED, block["lane"], block["height"]) in told(problems(books))


def test_a_removed_block_is_named_and_its_rows_are_not(books: Settings) -> None:
    block = blocks(books)[2]
    plant(books, "DELETE FROM block WHERE height = 2")
    assert problems(books) == [Problem(Sign.BLOCK_REMOVED, block["lane"], 2)]
    plant(books, "DELETE FROM block WHERE height = 3")
    assert problems(books) == [Problem(Sign.BLOCK_REMOVED, block["lane"], 2, blocks=2)]


def test_a_block_that_was_removed_with_its_rows_is_named(books: Settings) -> None:
    lane = blocks(books)[0]["lane"]
    for table in ("block", "journal"):
        plant(books, f"DELETE FROM {table} WHERE height = 0")
    assert problems(books) == [Problem(Sign.BLOCK_REMOVED, lane, 0)]


def test_a_newest_block_that_was_removed_leaves_its_rows_behind(books: Settings) -> None:
    last = blocks(books)[-1]
    plant(books, "DELETE FROM block WHERE height = ?", last["height"])
    found = problems(books)
    assert {one.sign for one in found} == {Sign.ROW_WITHOUT_BLOCK}
    assert len(found) == last["entries"]


def test_a_block_that_was_sealed_anew_over_a_changed_row_does_not_fit_the_next(books: Settings) -> None:
    plant(books, "UPDATE journal SET reason = 'x' WHERE height = 2")
    block = reseal(books, 2)
    assert problems(books) == [Problem(Sign.BLOCK_NOT_LINKED, block.lane, 3)]
    reseal(books, 3, block.hash)
    assert told(problems(books)) == [(Sign.BLOCK_NOT_LINKED, block.lane, 4)]


class TestWithHeadsKnownFromBefore:
    def known(self, settings: Settings) -> list[tuple[int, int, str]]:
        with closing(open_side(settings)) as side:
            return [(head.lane, head.height, head.hash) for head in chain_side.heads(side)]

    def test_a_chain_that_went_on_is_clean(self, books: Settings, clock: Any) -> None:
        known = self.known(books)
        with closing(Process(books, clock, 2)) as process:
            process.desk.must(redeeming(process.desk.coupon(number="S2"), a_bill("B9")))
        assert problems(books, known) == []
        assert len(audited(books)[0].heads) == 2

    def test_an_end_that_was_cut_off_is_found(self, books: Settings) -> None:
        known = self.known(books)
        [(lane, height, _)] = known
        for table in ("block", "journal"):
            plant(books, f"DELETE FROM {table} WHERE height = ?", height)
        assert problems(books) == []  # so much for the chain alone
        assert problems(books, known) == [Problem(Sign.HEAD_GONE, lane, height)]

    def test_a_chain_that_was_made_anew_is_found(self, books: Settings) -> None:
        known = self.known(books)
        [(lane, last, _)] = known
        plant(books, "UPDATE journal SET reason = 'x' WHERE height = 2")
        previous = reseal(books, 2).hash
        for height in range(3, last + 1):
            previous = reseal(books, height, previous).hash
        assert problems(books) == []
        assert problems(books, known) == [Problem(Sign.HEAD_GONE, lane, last)]
