"""Two servers on one database, of which now and then one is killed and started again while clients are at work."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.server import Server

PAUSE_SECONDS = 0.3, 1.0


class Trouble:
    """Kills until the end of the block; `ports` are where the servers listen, or will listen again."""

    def __init__(self, database: str, folder: Path, rng: random.Random) -> None:
        self._servers = [Server(database, folder) for _ in range(2)]
        self._rng = rng
        self._over = threading.Event()
        self._failed: list[BaseException] = []
        self.kills = 0

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self._servers]

    def start(self) -> None:
        for server in self._servers:
            server.start()
        for server in self._servers:
            server.wait_until_ready()

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    @contextmanager
    def about(self) -> Iterator[None]:
        killer = threading.Thread(target=self._kill_until_over)
        killer.start()
        try:
            yield
        finally:
            self._over.set()
            killer.join()
        if self._failed:
            raise self._failed[0]

    def _kill_until_over(self) -> None:
        try:
            while not self._over.wait(self._rng.uniform(*PAUSE_SECONDS)):
                server = self._rng.choice(self._servers)
                server.kill()
                server.start()
                server.wait_until_ready()
                self.kills += 1
        except BaseException as failed:
            self._failed.append(failed)


@contextmanager
def troubled(database: str, folder: Path, rng: random.Random) -> Iterator[Trouble]:
    trouble = Trouble(database, folder, rng)
    try:
        trouble.start()
        with trouble.about():
            yield trouble
    finally:
        trouble.stop()
