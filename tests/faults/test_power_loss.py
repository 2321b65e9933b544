"""Power cuts on SQLite: whatever unsynced bytes the disk kept, what was acknowledged is there once, and balances.

HEXIAO_FAULT_CUTS says how many cuts are tried: 5,000 (the default) in CI, 500,000 in a night.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from faults.disk import DiaryVFS, Failing, Kept, disks_after
from faults.recorded import recording
from faults.shop import MERCHANT_ID, PURSE, SHOP_ID, SINGLE, FaultShop
from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.chain import Chain
from hexiao.domain.errors import Unavailable
from hexiao.domain.redemption import State
from hexiao.engine import batch
from hexiao.engine.commands import Answer, AnyCommand, Capture, Failed, Redeem, Redeemed, Release, Reverse, Take
from hexiao.engine.mint import Mint
from hexiao.storage.base import StorageDown, StorageError
from hexiao.storage.sqlite import SqliteStorage, open_storage
from hexiao.wiring import system_clock

CUTS = int(os.environ.get("HEXIAO_FAULT_CUTS", "5000"))
MEMORY = Path("/dev/shm")  # noqa: S108 - these disks are looked at once
CUTS_A_DAY = 500
CUTS_OF_THE_CONTROL = 300
FAILING, LYING = 0.02, 0.2
"""Of all writes and syncs of a disk that fails, and of all syncs of one that does not say so."""
BATCHES, COMMANDS_MAX = 60, 6
THOROUGH_EVERY = 10
"""All invariants and SQLite's own check at every so many cuts; requests, moves and the sums of the balances at each."""

SUMS = """
SELECT c.id FROM coupon c LEFT JOIN (SELECT coupon_id, count(*) n, sum(d_held_fen) h, sum(d_captured_fen) k,
    sum(d_held_uses) hu, sum(d_captured_uses) cu FROM journal GROUP BY coupon_id) j ON j.coupon_id = c.id
WHERE (c.seq, c.held_fen, c.captured_fen, c.held_uses, c.captured_uses) IS NOT (j.n, j.h, j.k, j.hu, j.cu)
"""
ENTRIES = {"Capture": "capture", "Release": "release", "Reverse": "reverse"}

Move = tuple[str, str, int]
"""(request id, journal entry, redemption id)"""


class Day:
    """Batches of a till's work on a fresh shop, and how much of the disk's diary was written when each was answered."""

    def __init__(
        self, path: Path, migrated: bytes, rng: random.Random, *, synchronous: str = "", failing: Failing | None = None
    ) -> None:
        shop = FaultShop(path, migrated)
        self._rng = rng
        self._failing = failing
        self._codes = [*shop.issue(SINGLE, 60), *shop.issue(PURSE, 2)]
        self._held: list[int] = []
        self._captured: list[int] = []
        self._count = 0
        self.acknowledged: list[int] = []
        """For each batch, the number of steps when its answers were there."""
        self.requests: list[set[str]] = []
        self.moves: list[list[Move]] = []
        self.before: Kept = {path.name: path.read_bytes()}
        assert not path.with_name(f"{path.name}-wal").exists()
        disk = DiaryVFS()
        try:
            with recording(), closing(SqliteStorage(path)) as storage:
                if synchronous:
                    storage._db.execute(f"PRAGMA synchronous = {synchronous}")
                disk.failing = failing
                self._work(storage, disk)
                disk.failing = None
        finally:
            disk.unregister()
        self.steps = disk.steps
        self.failed = disk.failed

    def _work(self, storage: SqliteStorage, disk: DiaryVFS) -> None:
        mint, chain = Mint(1, self._rng.randrange), Chain(1)
        for _ in range(BATCHES):
            commands = [self._command() for _ in range(self._rng.randint(1, COMMANDS_MAX))]
            answers = batch.commit(storage, commands, system_clock, mint, chain)
            while self._failing and any(isinstance(one, Unavailable) for one in answers):  # as every caller asks again
                answers = batch.commit(storage, commands, system_clock, mint, chain)
            self.acknowledged.append(len(disk.steps))
            self._hear(commands, answers)

    def _command(self) -> AnyCommand:
        self._count += 1
        key, dice = f"r{self._count}", self._rng.random()
        if self._held and dice < 0.3:
            redemption_id = self._held.pop(0)
            kind = self._rng.choice((Capture, Capture, Release))
            return kind(merchant_id=MERCHANT_ID, request_id=key, redemption_id=redemption_id)
        if self._captured and dice < 0.4:
            redemption_id = self._captured.pop(0)
            return Reverse(merchant_id=MERCHANT_ID, request_id=key, redemption_id=redemption_id)
        lines = (BillLine(sku="tea", quantity=1, unit_price_fen=50_000),)
        return Redeem(
            merchant_id=MERCHANT_ID, request_id=key, mode=self._rng.choice(("redeem", "hold")),
            coupons=(Take(self._rng.choice(self._codes), self._rng.randint(1, 1_000)),),
            bill=Bill(number=key, shop_id=SHOP_ID, lines=lines),
        )  # fmt: skip

    def _hear(self, commands: Sequence[AnyCommand], answers: Sequence[batch.Result]) -> None:
        moves = []
        for command, answer in zip(commands, answers, strict=True):
            assert isinstance(answer, Answer), answer
            if isinstance(answer.outcome, Failed):
                continue
            assert isinstance(answer.outcome, Redeemed)
            (view,) = answer.outcome.redemptions
            one = view.redemption
            if isinstance(command, Redeem):
                (self._held if one.state is State.HELD else self._captured).append(one.id)
            entry = ENTRIES.get(type(command).__name__) or ("hold" if one.state is State.HELD else "capture")
            moves.append((command.request_id, entry, one.id))
        self.requests.append({command.request_id for command in commands})
        self.moves.append(moves)

    def fault(self, cut: int, place: Path, *, thorough: bool) -> str:
        """What is wrong with the database in `place`, which a power cut after `cut` steps left behind."""
        answered = sum(at <= cut for at in self.acknowledged)
        try:
            with closing(sqlite3.connect(place)) as db:
                found = {row[0] for row in db.execute("SELECT id FROM request")}
                moves = db.execute(
                    "SELECT request_id, entry, redemption_id FROM journal WHERE redemption_id IS NOT NULL"
                ).fetchall()
                redemptions = [row[0] for row in db.execute("SELECT id FROM redemption")]
                unbalanced = db.execute(SUMS).fetchall()
                damage = [row[0] for row in db.execute("PRAGMA integrity_check")] if thorough else ["ok"]
            broken = []
            if thorough:
                with closing(open_storage(place)) as storage:
                    broken = list(storage.broken(system_clock()))
        except (sqlite3.DatabaseError, StorageError, StorageDown) as unreadable:
            return f"unreadable: {unreadable}"
        if damage != ["ok"]:
            return f"unreadable: {damage[:3]}"
        whole = [self._after(count) for count in range(answered, min(answered + 2, BATCHES + 1))]
        if not found >= whole[0][0] or not set(moves) >= set(whole[0][1]):
            return "lost"
        states = [(requests, self._seen(of)) for requests, of in whole]
        if (found, self._seen(moves)) not in states or unbalanced or broken:
            return f"half: {unbalanced or broken}"
        if sorted(redemptions) != sorted({move[2] for move in moves}):
            return "half: redemptions without journal"
        return ""

    def _seen(self, moves: list[Move]) -> list[Any]:
        """What was tried once, failed and is there all the same has made ids of its own; then another answer comes."""
        return sorted(move[:2] if self._failing else move for move in moves)

    def _after(self, batches: int) -> tuple[set[str], list[Move]]:
        """The remembered requests and the moves of the first so many batches."""
        return set().union(*self.requests[:batches]), sorted(move for moves in self.moves[:batches] for move in moves)


def try_cuts(day: Day, place: Path, cuts: int, rng: random.Random) -> Counter[str]:
    """What became of so many disks, drawn over the whole day; a fault by the first word of its name."""
    found: Counter[str] = Counter()
    drawn = sorted(rng.randint(0, len(day.steps)) for _ in range(cuts))
    for number, (cut, disk) in enumerate(disks_after(day.steps, day.before, drawn, rng)):
        for old in place.iterdir():
            old.unlink()
        for name, content in disk.items():
            (place / name).write_bytes(content)
        fault = day.fault(cut, place / next(iter(day.before)), thorough=number % THOROUGH_EVERY == 0)
        if fault:
            found[fault.partition(":")[0]] += 1
            if found.total() <= 3:
                print(f"cut after step {cut}: {fault}")
    return found


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the disks are put that a cut left behind: in memory, where there is such a place."""
    with TemporaryDirectory(prefix="hexiao-cut-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.timeout(max(300, CUTS // 20))
def test_after_a_power_cut_everything_acknowledged_is_there_once_and_balances(
    tmp_path: Path, place: Path, migrated: bytes, seed: int
) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} power")
    found: Counter[str] = Counter()
    acknowledged = 0
    for start in range(0, CUTS, CUTS_A_DAY):
        day = Day(tmp_path / f"day{start}.db", migrated, rng)
        found += try_cuts(day, place, min(CUTS_A_DAY, CUTS - start), rng)
        acknowledged += sum(map(len, day.moves))
    checkpoints = sum(step.kind == "write" and step.file.endswith(".db") for step in day.steps)
    print(f"{CUTS} cuts over {acknowledged} acknowledged moves: {dict(found) or 'all whole'}")
    assert checkpoints > 0, "the database file itself was never written to"
    assert acknowledged > CUTS // CUTS_A_DAY * BATCHES, "hardly anything was acknowledged"
    assert found == Counter()


def test_with_weaker_syncing_the_same_cuts_lose_what_was_acknowledged(
    tmp_path: Path, place: Path, migrated: bytes, seed: int
) -> None:
    """The control: a test that cannot fail proves nothing."""
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} weak")
    day = Day(tmp_path / "weak.db", migrated, rng, synchronous="NORMAL")
    found = try_cuts(day, place, CUTS_OF_THE_CONTROL, rng)
    print(f"{CUTS_OF_THE_CONTROL} cuts with synchronous = NORMAL: {dict(found)}")
    assert found["lost"] > 0, "nothing was missed: the power cuts have no power"


@pytest.mark.timeout(max(300, CUTS // 20))
def test_a_disk_that_fails_loses_nothing_that_was_acknowledged(
    tmp_path: Path, place: Path, migrated: bytes, seed: int
) -> None:
    """What a sync that failed was to keep may be gone, though it can be read: a later sync does not make it good."""
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} failing")
    found: Counter[str] = Counter()
    failed, cuts = 0, CUTS // 5
    for start in range(0, cuts, CUTS_A_DAY):
        day = Day(tmp_path / f"failing{start}.db", migrated, rng, failing=Failing(rng, FAILING))
        found += try_cuts(day, place, min(CUTS_A_DAY, cuts - start), rng)
        failed += day.failed
    print(f"{cuts} cuts, {failed} writes and syncs failed: {dict(found) or 'all whole'}")
    assert failed > 0
    assert found == Counter()


def test_a_disk_that_fails_and_does_not_say_so_loses_what_was_acknowledged(
    tmp_path: Path, place: Path, migrated: bytes, seed: int
) -> None:
    """The control."""
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} lying")
    day = Day(tmp_path / "lying.db", migrated, rng, failing=Failing(rng, LYING, tells=False))
    found = try_cuts(day, place, CUTS_OF_THE_CONTROL, rng)
    print(f"{day.failed} syncs failed unsaid: {dict(found)}")
    assert found.total() > 0, "nothing was missed: the syncs that failed have kept all"
