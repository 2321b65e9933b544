"""Blocks, leaves and Merkle paths: any change in an entry changes its leaf, and only true paths lead to the root."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from hexiao.domain.chain import (
    NOTHING_BEFORE,
    Chain,
    canonical,
    hash_of,
    leaf_of,
    path_of,
    root_from,
    root_of,
    unpacked,
)
from hexiao.domain.redemption import Entry, JournalEntry

LEAVES_MAX = 70
INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(max_size=20)


def leaves(count: int) -> list[bytes]:
    return [leaf_of(b"%d" % number) for number in range(count)]


def an_entry(**fields: Any) -> JournalEntry:
    known: dict[str, Any] = {
        "coupon_id": 7, "seq": 1, "entry": Entry.ISSUE, "redemption_id": None, "part": 0, "d_held_fen": 0,
        "d_captured_fen": 0, "d_held_uses": 0, "d_captured_uses": 0, "held_after_fen": 0, "captured_after_fen": 0,
        "at": 1_763_784_000_000, "request_id": "r1", "actor": "till-7", "cashier_id": None, "reason": "",
    }  # fmt: skip
    return JournalEntry(**{**known, **fields})


def values(kind: str) -> st.SearchStrategy[Any]:
    """Anything that a field of this kind could hold."""
    by_kind: dict[str, st.SearchStrategy[Any]] = {
        "int": INTEGERS, "int | None": st.none() | INTEGERS, "str": TEXTS, "Entry": st.sampled_from(Entry),
    }  # fmt: skip
    return by_kind[kind]


@pytest.mark.parametrize("field", JournalEntry.__struct_fields__)
def test_any_change_in_any_field_changes_the_leaf(field: str) -> None:
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        strategies = {name: values(str(kind)) for name, kind in JournalEntry.__annotations__.items()}
        entry = JournalEntry(**{name: data.draw(strategy) for name, strategy in strategies.items()})
        other = replace(entry, **{field: data.draw(strategies[field])})
        same = getattr(entry, field) == getattr(other, field)
        assert (leaf_of(canonical(astuple(entry))) == leaf_of(canonical(astuple(other)))) == same

    holds()


@given(TEXTS, TEXTS, INTEGERS | st.none())
def test_the_canonical_text_is_json_without_white_space_that_any_reader_understands(
    actor: str, reason: str, cashier: int | None
) -> None:
    entry = an_entry(actor=actor, reason=reason, cashier_id=cashier)
    text = canonical(astuple(entry)).decode()
    read = json.loads(text)
    assert dict(zip(JournalEntry.__struct_fields__, read, strict=True))["reason"] == reason
    assert json.dumps(read, separators=(",", ":"), ensure_ascii=False) == text


def test_the_canonical_text_of_every_control_character_is_that_of_rfc_8785() -> None:
    text = "".join(map(chr, range(0x20))) + '"\\/\x7f\u2028é€😀'
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    expected = "".join(short.get(one) or (one if one >= " " else f"\\u{ord(one):04x}") for one in text)
    assert canonical([text]).decode() == f'["{expected}"]'


@pytest.mark.parametrize("count", range(1, LEAVES_MAX + 1))
class TestATree:
    def test_has_the_root_of_rfc_6962(self, count: int) -> None:
        def root(part: list[bytes]) -> bytes:
            """As the RFC defines it: the left half is the greatest power of two that is smaller than all."""
            if len(part) == 1:
                return part[0]
            half = 1 << (len(part) - 1).bit_length() - 1
            return sha256(b"\x01" + root(part[:half]) + root(part[half:])).digest()

        assert root_of(leaves(count)) == root(leaves(count))

    def test_proves_every_leaf(self, count: int) -> None:
        tree = leaves(count)
        for index, leaf in enumerate(tree):
            assert root_from(leaf, index, count, path_of(tree, index)) == root_of(tree)

    def test_proves_nothing_else(self, count: int) -> None:
        tree, stranger = leaves(count), leaf_of(b"stranger")
        root = root_of(tree)
        for index, leaf in enumerate(tree):
            path = path_of(tree, index)
            assert root_from(stranger, index, count, path) != root
            assert root_from(leaf, index, count, [*path, stranger]) is None
            assert root_from(leaf, count, count, path) is None
            assert root_from(leaf, index - count - 1, count, path) is None
            for step in range(len(path)):
                assert root_from(leaf, index, count, [*path[:step], stranger, *path[step + 1 :]]) != root
                assert root_from(leaf, index, count, path[:step] + path[step + 1 :]) is None
            for other in range(count):
                if other != index:
                    assert root_from(leaf, other, count, path) != root


def test_an_inner_node_is_never_taken_for_a_leaf() -> None:
    tree = leaves(4)
    inner = sha256(b"\x01" + tree[0] + tree[1]).digest()
    assert root_of([inner, sha256(b"\x01" + tree[2] + tree[3]).digest()]) == root_of(tree)  # the count tells them apart
    assert leaf_of(tree[0] + tree[1]) != inner


class TestAChain:
    def test_names_in_each_block_the_one_before(self) -> None:
        chain = Chain(5)
        before = NOTHING_BEFORE
        for height in range(4):
            _, block = chain.seal([an_entry(seq=height + 1)], at=height)
            assert block is not None
            assert (block.lane, block.height, block.at, block.entries, block.previous) == (5, height, height, 1, before)
            assert block.hash == hash_of(block.header)
            chain.advance(block)
            before = block.hash

    def test_places_each_entry_in_its_block_by_coupon_and_seq(self) -> None:
        entries = [an_entry(coupon_id=9, seq=2), an_entry(coupon_id=3, seq=8), an_entry(coupon_id=9, seq=1)]
        chain = Chain(5)
        chain.advance(chain.seal(entries[:1], at=0)[1])
        placed, block = chain.seal(entries, at=1)
        assert block is not None
        assert [(one.coupon_id, one.seq, one.lane, one.height) for one in placed] == [
            (3, 8, 5, 1), (9, 1, 5, 1), (9, 2, 5, 1),
        ]  # fmt: skip
        assert list(unpacked(block.leaves)) == [
            (one.coupon_id, one.seq, leaf_of(canonical(astuple(one)))) for one in placed
        ]

    def test_stays_where_it_is_while_a_block_is_not_committed(self) -> None:
        chain = Chain(5)
        assert chain.seal([an_entry()], at=0) == chain.seal([an_entry()], at=0)

    def test_makes_no_block_of_nothing(self) -> None:
        chain = Chain(5)
        entries, block = chain.seal([], at=0)
        chain.advance(block)
        assert (entries, block, chain.height) == ([], None, 0)

    def test_begins_anew_in_another_lane(self) -> None:
        chain = Chain(5)
        chain.advance(chain.seal([an_entry()], at=0)[1])
        chain.lose()
        assert chain.lost
        chain.begin(6)
        _, block = chain.seal([an_entry()], at=0)
        assert block is not None
        assert (block.lane, block.height, block.previous, chain.lost) == (6, 0, NOTHING_BEFORE, False)


@pytest.mark.parametrize("field", ["lane", "height", "at", "entries", "root", "previous"])
def test_the_hash_of_a_block_covers(field: str) -> None:
    _, block = Chain(5).seal([an_entry()], at=0)
    assert block is not None
    value = getattr(block, field)
    other = replace(block, **{field: value + 1 if isinstance(value, int) else "f" * 64})
    assert hash_of(other.header) != hash_of(block.header)
