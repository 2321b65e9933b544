"""kill -9 of the whole server under load, again and again: what was acknowledged is there exactly once, and balances.

What a killed server left unanswered is asked again with the same key, and becomes exactly one redemption.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.book import Book, Tables
from faults.client import ask
from faults.load import TILLS, Load, Work
from faults.server import Server, verify
from faults.shop import PURSE, SINGLE, FaultShop, request_id

OWN, SHARED, PURSES = 20, 12, 3
"""Coupons for each till and round; for all tills in a round; for all tills and rounds."""
REPEATED = 10
RECOVERY_SECONDS_MAX = 5.0
"""What a start may take longer than the first one, which had nothing to recover."""


class Ordeal:
    """A shop, its server, its tills and the book of what they were told, through many kills."""

    def __init__(self, shop: FaultShop, server: Server, load: Load, rounds: int, rng: random.Random) -> None:
        self.book = Book()
        self._shop, self._server, self._load, self._rng = shop, server, load, rng
        self._own = shop.issue(SINGLE, OWN * TILLS * rounds)
        self._shared = shop.issue(SINGLE, SHARED * rounds)
        self._purses = shop.issue(PURSE, PURSES)
        self._round = 0

    def start(self) -> float:
        """Start the server on whatever the database is now; how long it took to be ready."""
        began = time.monotonic()
        self._server.start()
        self._server.wait_until_ready()
        return time.monotonic() - began

    def stop(self) -> None:
        self._server.stop()

    def kill_while_it_starts(self) -> None:
        self._server.start()
        time.sleep(self._rng.uniform(0, 1.0))
        self._server.kill()

    def work_until_killed(self) -> None:
        held = self.book.held()
        self._rng.shuffle(held)
        self._load.begin([self._work_of(till, held[till::TILLS][:5]) for till in range(TILLS)])
        time.sleep(self._rng.uniform(0.05, 0.6))
        self._server.kill()
        self._load.wait_until_all_stopped()
        self.book.read(self._load.papers)
        self._round += 1

    def ask_again(self, tables: Tables) -> int:
        """Every request without an answer, with its old key; how many of them had been carried out before the kill."""
        done = 0
        for request in self.book.unknown():
            answer = ask(request)
            assert answer.replayed == (request_id(request.key) in tables.remembered), request.key
            self.book.hear(request.key, answer)
            done += answer.replayed
        return done

    def changed_answers(self) -> list[str]:
        """Some requests that were answered before the kill, asked once more: their answers must not have changed."""
        keys = self._rng.sample(sorted(self.book.answers), min(REPEATED, len(self.book.answers)))
        answers = {key: ask(self.book.asked[key]) for key in keys}
        return [
            f"{key} was answered with {self.book.answers[key]} and now with {answer}"
            for key, answer in answers.items()
            if answer != self.book.answers[key]._replace(replayed=True)
        ]

    def tables(self) -> Tables:
        return Tables(self._shop)

    def _work_of(self, till: int, held: list[str]) -> Work:
        at = (self._round * TILLS + till) * OWN
        return Work(
            port=self._server.port,
            name=f"k{self._round}-{till}",
            seed=f"{self._rng.random()}",
            own=self._own[at : at + OWN],
            shared=self._shared[self._round * SHARED : (self._round + 1) * SHARED],
            purses=self._purses,
            held=held,
        )


@contextmanager
def ordeal(
    folder: Path, migrated: bytes, rounds: int, rng: random.Random, *, workers: int, program: str = "hexiao"
) -> Iterator[tuple[FaultShop, Ordeal]]:
    shop = FaultShop(folder / "hexiao.db", migrated)
    server = Server(shop.database, folder, workers=workers, program=program)
    load = Load(folder)
    try:
        yield shop, Ordeal(shop, server, load, rounds, rng)
    finally:
        server.stop()
        load.close()


@pytest.mark.parametrize("workers", [1, 2], ids=["one_worker", "two_workers"])
def test_a_server_killed_under_load_has_every_acknowledged_redemption_exactly_once(
    tmp_path: Path, migrated: bytes, rounds: int, seed: int, workers: int
) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} kills {workers}")
    rounds = max(1, rounds // 2)  # each number of workers gets its half
    carried_out = asked_again = 0
    with ordeal(tmp_path, migrated, rounds, rng, workers=workers) as (shop, trial):
        first_start = trial.start()
        recoveries = []
        for number in range(rounds):
            trial.work_until_killed()
            if number % 5 == 4:
                trial.kill_while_it_starts()
            recoveries.append(trial.start())
            tables = trial.tables()
            assert trial.book.lost_or_doubled(tables) == []
            assert trial.changed_answers() == []
            asked_again += len(trial.book.unknown())
            carried_out += trial.ask_again(tables)
            assert trial.book.differences(trial.tables()) == []
            verdict = verify(shop.database)
            assert verdict.returncode == 0, verdict.stdout + verdict.stderr
        ((sound,),) = shop.rows("PRAGMA integrity_check")
    acknowledged = len(trial.book.acknowledged())
    print(
        f"{rounds} kills: {acknowledged} acknowledged, 0 lost; {asked_again} unknown, {carried_out} of them done;"
        f" first start {first_start:.2f} s, slowest recovery {max(recoveries):.2f} s"
    )
    assert sound == "ok"
    assert acknowledged > rounds, "hardly anything happened between the kills"
    assert asked_again > 0, "no kill met a request on its way"
    assert max(recoveries) - first_start < RECOVERY_SECONDS_MAX


def test_a_server_that_answers_before_commit_is_found_out_within_five_kills(
    tmp_path: Path, migrated: bytes, seed: int
) -> None:
    """The control: a test that cannot fail proves nothing."""
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} hasty")
    with ordeal(tmp_path, migrated, 5, rng, workers=1, program="faults.hasty") as (_, trial):
        for _ in range(5):
            trial.start()
            trial.work_until_killed()
            trial.start()
            if lost := trial.book.lost_or_doubled(trial.tables()):
                break
            trial.stop()
    assert trial.book.odd_answers() == [], "the server fails by itself: what is missing tells nothing of the kill"
    assert any("the table has []" in one for one in lost), "nothing was missed: the kill test has no power"
