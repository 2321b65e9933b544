"""Each invariant finds the fault it is named after, planted with raw SQL, and names no other where none is broken."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from engine.desk import FOREIGN_SHOP, MEMBER, Desk, a_bill, holding, redeeming
from engine.process import Process
from hexiao.domain.scheme import Balance, DaysFromReceipt, RateUses
from hexiao.engine.commands import Take
from hexiao.storage import tallying
from hexiao.storage.sqlite import INVARIANTS
from thaw import thaw

GRACE_MS = 60_000


@pytest.fixture
def desk(alone: Process, clock: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A little of everything: held, captured, released, lapsed, reversed in part or whole, voided, refused, tallied."""
    desk = alone.desk
    desk.must(redeeming(desk.coupon(), a_bill("TAKEN"), "r-taken"))
    clock.forward(1)
    desk.hold(desk.coupon(), a_bill("HELD"))
    desk.release(desk.hold(desk.coupon(hold_seconds=60), a_bill("RELEASED")).redemption.id)
    lapsing = desk.hold(desk.coupon(hold_seconds=60), a_bill("LAPSED")).redemption.id
    clock.forward(60)
    desk.lapse(lapsing)
    desk.reverse(desk.redeem(desk.coupon(), a_bill("PARTLY")).redemption.id, 400)
    desk.reverse(desk.redeem(desk.coupon(), a_bill("REVERSED")).redemption.id)
    desk.void(desk.coupon(member_id=MEMBER))
    desk.no(redeeming("nobody's"))
    balance = desk.issue(desk.scheme(Balance(5_000), number="BALANCE"), member_id=MEMBER)[0].code
    for number in ("P1", "P2"):
        desk.must(redeeming(Take(balance, 700), a_bill(number), f"r-{number}"))
    desk.must(holding(Take(balance, 500), a_bill("P3"), "r-P3"))
    thrice = desk.issue(desk.scheme(RateUses(1_000, 3), number="THRICE"))[0].code
    for number in ("U1", "U2", "U3"):
        desk.redeem(thrice, a_bill(number))
    twice = desk.issue(desk.scheme(RateUses(1_000, 2), number="TWICE"))[0].code
    for number in ("V1", "V2"):
        desk.redeem(twice, a_bill(number))
    monkeypatch.setattr(tallying, "PAST_AFTER_MS", 0)
    monkeypatch.setattr(tallying, "STRETCH_ROWS", 1)
    assert any(alone.storage.tally(clock.now))
    return desk


def names(desk: Desk, now: int) -> set[str]:
    return {row.invariant.split()[0] for row in desk.read(lambda reader: list(reader.broken(now)))}


def test_nothing_is_broken_before_anything_is_planted(desk: Desk, clock: Any) -> None:
    assert names(desk, clock.now) == set()


OF = "(SELECT coupon_id FROM redemption WHERE bill_number = '{}')"
SCHEME = "(SELECT id FROM scheme WHERE number = '{}')"
CODED = "(SELECT id FROM coupon WHERE scheme_id = (SELECT id FROM scheme WHERE number = '{}'))"
ISSUE_ROW = f"coupon_id = {OF.format('TAKEN')} AND seq = 1"
LAST_ROW = f"coupon_id = {OF.format('TAKEN')} AND seq = 2"
ITS_BLOCK = f"(lane, height) = (SELECT lane, height FROM journal WHERE {LAST_ROW})"
COPY_OF_A_ROW = (
    "INSERT INTO journal SELECT 99, 1, entry, NULL, part, 0, 0, 0, 0, 0, 0, at, '', '', NULL, '', lane, height"
)
# P1 and P2 took 700 each from one coupon; 600 and 800 add up to the same.
SWAPPED_AMOUNTS = (
    "UPDATE redemption SET held_fen = n, captured_fen = n, lines = '[' || n || ']' FROM"
    " (SELECT 'P1' b, 600 n UNION ALL SELECT 'P2', 800) s WHERE bill_number = b"
)
PLANTS: list[tuple[str, str]] = [
    ("I1", f"UPDATE coupon SET face_fen = 999 WHERE id = {OF.format('TAKEN')}"),
    ("I1", f"UPDATE coupon SET face_fen = 999 WHERE id = {OF.format('HELD')}"),
    ("I2 I26", "UPDATE redemption SET held_fen = 1001, lines = '[1001]' WHERE bill_number = 'HELD'"),
    ("I3 I17", f"DELETE FROM journal WHERE {ISSUE_ROW}"),
    ("I3", f"UPDATE coupon SET seq = 9 WHERE id = {OF.format('TAKEN')}"),
    ("I4 I19", f"UPDATE coupon SET uses_max = 1 WHERE id = {CODED.format('TWICE')}"),
    ("I5 I26", f"UPDATE journal SET entry = 'hold' WHERE {LAST_ROW}"),
    ("I5", f"UPDATE journal SET entry = 'capture' WHERE coupon_id = {OF.format('RELEASED')} AND entry = 'release'"),
    ("I5 I32", f"UPDATE journal SET entry = 'void' WHERE coupon_id = {OF.format('PARTLY')} AND entry = 'reverse'"),
    ("I6", f"UPDATE journal SET redemption_id = 99 WHERE {ISSUE_ROW}"),
    ("I6 I17", f"{COPY_OF_A_ROW} FROM journal WHERE {ISSUE_ROW}"),
    ("I5 I6", "UPDATE redemption SET coupon_id = 99 WHERE bill_number = 'RELEASED'"),
    ("I7", f"UPDATE journal SET captured_after_fen = 1 WHERE {LAST_ROW}"),
    ("I7", f"UPDATE journal SET held_after_fen = 1 WHERE {LAST_ROW}"),
    ("I7", f"UPDATE journal SET at = at - 1 WHERE {LAST_ROW}"),
    ("I27 I30", "UPDATE redemption SET kind = 5 WHERE bill_number = 'TAKEN'"),
    ("I28", "UPDATE tally SET so_far = 99 WHERE facet = 1"),
    ("I28", "DELETE FROM tally WHERE facet = 2"),
    ("I8", "UPDATE redemption SET settled_at = NULL WHERE bill_number = 'TAKEN'"),
    ("I8", "UPDATE redemption SET settled_at = 1 WHERE bill_number = 'HELD'"),
    ("I8", "UPDATE redemption SET held_until_at = NULL WHERE bill_number = 'HELD'"),
    ("I8", "UPDATE redemption SET held_fen = 999 WHERE bill_number = 'TAKEN'"),
    ("I8 I26", "UPDATE redemption SET held_fen = 0, lines = '[0]' WHERE bill_number = 'RELEASED'"),
    *(
        ("I9", f"UPDATE scheme_count SET {column} = {column} + 1 WHERE scheme_id = {SCHEME.format('BALANCE')}")
        for column in ("issued", "captured_uses", "held_fen", "captured_fen")
    ),
    ("I9", f"DELETE FROM scheme_count WHERE scheme_id = {SCHEME.format('BALANCE')}"),
    ("I10", f"DELETE FROM coupon_code WHERE coupon_id = {OF.format('TAKEN')}"),
    ("I10 I23", f"UPDATE coupon_code SET code = 'OTHER' WHERE coupon_id = {OF.format('TAKEN')}"),
    ("I10 I23", f"INSERT INTO coupon_code VALUES (1, 'SECOND', {OF.format('TAKEN')})"),
    ("I11", "UPDATE request SET answer = x'' WHERE id = 'r-taken'"),
    ("I11", "UPDATE request SET fingerprint = x'00' WHERE id = 'r-taken'"),
    ("I12 I21 I26", "UPDATE redemption SET bill_number = 'P1', request_id = 'r-P1' WHERE bill_number = 'P2'"),
    ("I13", "DELETE FROM request WHERE id = 'r-taken'"),
    ("I15", f"UPDATE coupon SET valid_from_at = issued_at + 1 WHERE id = {OF.format('TAKEN')}"),
    ("I15", f"UPDATE coupon SET valid_until_at = issued_at WHERE id = {OF.format('TAKEN')}"),
    ("I17", f"UPDATE journal SET lane = 99 WHERE {LAST_ROW}"),
    ("I17", f"UPDATE journal SET height = 99 WHERE {LAST_ROW}"),
    ("I17", f"UPDATE block SET entries = 2 WHERE {ITS_BLOCK}"),
    ("I17 I18", f"DELETE FROM block WHERE {ITS_BLOCK}"),
    ("I18", f"UPDATE block SET hash = '' WHERE {ITS_BLOCK}"),
    ("I18", f"UPDATE block SET previous = '' WHERE {ITS_BLOCK}"),
    ("I19", f"UPDATE coupon SET uses_max = 2 WHERE id = {CODED.format('THRICE')}"),
    ("I20", "UPDATE receipt_count SET received = received + 1"),
    ("I21", "UPDATE redemption SET bill_number = 'P1' WHERE bill_number IN ('P2', 'P3')"),
    ("I22", "UPDATE redemption SET lines = '[999]' WHERE bill_number = 'TAKEN'"),
    ("I22", "UPDATE redemption SET lines = '[999]' WHERE bill_number = 'HELD'"),
    ("I22", "UPDATE redemption SET returned = '[399]' WHERE bill_number = 'PARTLY'"),
    ("I23", "INSERT INTO coupon_code VALUES (1, 'GHOST', 99)"),
    ("I23", f"UPDATE coupon_code SET merchant_id = 2 WHERE coupon_id = {OF.format('TAKEN')}"),
    ("I24", "DELETE FROM receipt_count"),
    ("I25", f"DELETE FROM scheme WHERE id = {SCHEME.format('BALANCE')}"),
    ("I25", f"DELETE FROM scheme_version WHERE scheme_id = {SCHEME.format('BALANCE')}"),
    ("I25", f"UPDATE scheme SET merchant_id = 2 WHERE id = {SCHEME.format('BALANCE')}"),
    ("I26", SWAPPED_AMOUNTS),
    ("I26", "UPDATE redemption SET held_fen = 999, lines = '[999]' WHERE bill_number = 'RELEASED'"),
    ("I26", f"UPDATE journal SET request_id = 'r-HELD' WHERE coupon_id = {OF.format('HELD')} AND entry = 'hold'"),
    ("I26", f"UPDATE journal SET request_id = '' WHERE {LAST_ROW}"),
    ("I5", "UPDATE redemption SET reversals = 2 WHERE bill_number = 'PARTLY'"),
    ("I29", f"INSERT INTO scheme_count VALUES ({SCHEME.format('BALANCE')}, 0, 0, 0, 0, 0)"),
    ("I30 I31", "UPDATE redemption SET merchant_id = 2 WHERE bill_number = 'TAKEN'"),
    ("I30", f"UPDATE redemption SET scheme_id = {SCHEME.format('THRICE')} WHERE bill_number = 'P1'"),
    ("I30", "UPDATE redemption SET kind = 5 WHERE bill_number = 'HELD'"),
    ("I30 I27 I31", f"UPDATE redemption SET shop_id = {FOREIGN_SHOP} WHERE bill_number = 'TAKEN'"),
    ("I30 I27 I31", "UPDATE redemption SET shop_id = 99 WHERE bill_number = 'TAKEN'"),
    ("I31", "DELETE FROM bill WHERE number = 'TAKEN'"),
    ("I32", f"UPDATE coupon SET changed_at = changed_at + 1 WHERE id = {OF.format('TAKEN')}"),
    ("I32", f"UPDATE coupon SET voided_at = changed_at WHERE id = {OF.format('TAKEN')}"),
    ("I32", "UPDATE coupon SET voided_at = NULL"),
    ("I32", f"UPDATE journal SET entry = 'void' WHERE {ISSUE_ROW}"),
    ("I7 I32", f"UPDATE journal SET held_after_fen = 1 WHERE {ISSUE_ROW}"),
    ("I33", "UPDATE redemption SET captured_at = NULL WHERE bill_number = 'TAKEN'"),
    ("I33", "UPDATE redemption SET captured_at = created_at WHERE bill_number = 'RELEASED'"),
    ("I33", "UPDATE redemption SET changed_at = created_at - 1 WHERE bill_number = 'TAKEN'"),
    ("I33", "UPDATE redemption SET held_until_at = created_at WHERE bill_number = 'RELEASED'"),
    ("I34", f"UPDATE scheme SET latest = 2 WHERE id = {SCHEME.format('BALANCE')}"),
    ("I34", f"INSERT INTO scheme_version VALUES ({SCHEME.format('BALANCE')}, 2, '', '', '', '')"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "planted"), PLANTS, ids=[f"{found}-{n}" for n, (found, _) in enumerate(PLANTS)])
def test_a_planted_fault_is_named(found: str, planted: str, desk: Desk, bare: sqlite3.Connection, clock: Any) -> None:
    thaw(bare)
    assert bare.execute(planted).rowcount > 0
    assert names(desk, clock.now) == set(found.split())


def test_a_request_id_that_was_forgotten_may_use_the_coupon_on_the_bill_again(alone: Process, clock: Any) -> None:
    """Thirty days later it is a new request, and the first hold lapsed long ago."""
    desk = alone.desk
    code = desk.coupon(Balance(5_000), hold_seconds=60, validity=DaysFromReceipt(60))
    desk.must(holding(Take(code, 500), a_bill("B1"), "r1"))
    clock.forward(30 * 86_400)
    desk.redeem(Take(code, 500), a_bill("B2"))
    assert alone.storage.forget(clock.now, 1) == 1
    desk.must(holding(Take(code, 500), a_bill("B1"), "r1"))
    assert names(desk, clock.now) == set()


def test_a_hold_that_nobody_swept_is_named_after_its_grace(desk: Desk, bare: sqlite3.Connection, clock: Any) -> None:
    deadline = min(row[0] for row in bare.execute("SELECT held_until_at FROM redemption WHERE state = 1"))
    assert names(desk, deadline + GRACE_MS) == set()
    assert names(desk, deadline + GRACE_MS + 1) == {"I14"}


def test_every_invariant_has_its_planted_fault() -> None:
    planted = {name for found, _ in PLANTS for name in found.split()[:1]} | {"I14"}
    assert planted == {name.split()[0] for name in INVARIANTS}


def test_a_broken_row_is_named_by_its_keys(desk: Desk, bare: sqlite3.Connection, clock: Any) -> None:
    bare.execute(PLANTS[0][1])
    [broken] = desk.broken(clock.now)
    assert broken.row == {"coupon_id": bare.execute("SELECT id FROM coupon WHERE face_fen = 999").fetchone()[0]}


def test_the_tables_own_checks_refuse_the_worst_by_themselves(desk: Desk, bare: sqlite3.Connection) -> None:
    bare.execute("PRAGMA ignore_check_constraints = OFF")
    for change in (
        "held_fen = -1",
        "captured_fen = -1",
        "held_uses = -1",
        "captured_uses = -1",
        "face_fen = 1, held_fen = 2",
        "uses_max = 1, held_uses = 2",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            bare.execute(f"UPDATE coupon SET {change}")
