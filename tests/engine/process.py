"""What one server process is to the database: a storage, a node, and batches of exactly the commands it is given.

No queue and no thread, so a test decides what stands together in a batch and who is faster.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from engine.desk import Desk, put_all
from hexiao.config import Settings
from hexiao.domain.chain import Chain
from hexiao.domain.errors import Unavailable
from hexiao.engine import batch
from hexiao.engine.commands import Answer, AnyCommand, Assess, LookUp, Outcome
from hexiao.engine.decide import answer
from hexiao.engine.mint import Mint
from hexiao.engine.names import collect
from hexiao.storage.base import Storage
from hexiao.storage.snapshot import Changes, Names
from hexiao.wiring import open_storage


class Process:
    """Several of them on one file are several processes."""

    def __init__(self, settings: Settings, clock: Callable[[], int], seed: int = 1) -> None:
        self.storage: Storage = open_storage(settings)
        self.clock = clock
        node = self.storage.take_node()
        self.mint, self.chain = Mint(node, random.Random(seed).randrange), Chain(node)
        self.desk = Desk(self.call, lambda query: query(self.storage))

    def furnish(self) -> None:
        for put in put_all():
            self.call(put)

    def commit(self, *commands: AnyCommand) -> list[batch.Result]:
        """All of them in one batch."""
        return batch.commit(self.storage, commands, self.clock, self.mint, self.chain)

    def outcomes(self, *commands: AnyCommand) -> list[Outcome]:
        """All of them in one batch, and none of them unavailable."""
        results = self.commit(*commands)
        assert not [one for one in results if isinstance(one, Unavailable)], results
        return [one.outcome for one in results if isinstance(one, Answer)]

    def decided(self, command: AnyCommand) -> Changes:
        """What it would save now."""
        names = Names(at=self.clock())
        collect(names, command)
        snapshot = self.storage.load(names)
        answer(snapshot, command, self.clock(), self.mint)
        return snapshot.changes

    def save(self, changes: Changes) -> None:
        batch.save(self.storage, changes, self.clock(), self.mint, self.chain)

    def close(self) -> None:
        self.storage.close()

    def look(self, *commands: AnyCommand) -> list[batch.Result]:
        return batch.look(self.storage, commands, self.clock, self.mint)

    def call(self, command: AnyCommand) -> Answer:
        [result] = (self.look if isinstance(command, (Assess, LookUp)) else self.commit)(command)
        if isinstance(result, Unavailable):
            raise result
        return result


def processes(settings: Settings, clock: Callable[[], int]) -> Iterator[Callable[[], Process]]:
    """For a fixture: gives a way to start one more process on the same database; the first one makes the parties."""
    started: list[Process] = []

    def start() -> Process:
        one = Process(settings, clock, seed=len(started))
        if not started:
            one.furnish()
        started.append(one)
        return one

    yield start
    for one in started:
        one.storage.close()
