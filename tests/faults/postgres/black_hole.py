"""A world of its own whose only network can be taken away without a word: no packet arrives, and nobody says so.

Run as `unshare --net python -m faults.postgres.black_hole`; prints how long each line waited, as JSON. Never imported.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

from hexiao.storage.base import ConnectionLost
from hexiao.storage.postgres import migrate, open_storage
from hexiao.storage.postgres_storage import PostgresStorage
from postgres_server import Databases, PostgresServer

PATIENCE_SECONDS = 15.0
WITHOUT = "?keepalives=0&tcp_user_timeout=0"


def network(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def waited(work: Callable[[], object]) -> float:
    """Seconds until the line was given up."""
    began = time.monotonic()
    try:
        work()
    except ConnectionLost:
        return time.monotonic() - began
    raise AssertionError("an answer came through")


def asleep(storage: PostgresStorage) -> None:
    with storage._translating():
        storage._db.execute("SELECT pg_sleep(3600)")


def main() -> None:
    network("up")
    server = PostgresServer()
    pool = ThreadPoolExecutor(4)
    try:
        url = Databases(server.url("postgres")).empty()
        migrate(url)
        storages = [open_storage(one) for one in (url, url, url + WITHOUT, url + WITHOUT)]
        asked: dict[str, Future[float]] = {}
        for name, storage in (("answer awaited", storages[0]), ("answer awaited, without", storages[2])):
            asked[name] = pool.submit(waited, partial(asleep, storage))
        time.sleep(0.5)
        network("down")
        for name, storage in (("question sent", storages[1]), ("question sent, without", storages[3])):
            asked[name] = pool.submit(waited, storage.take_node)
        wait(asked.values(), timeout=PATIENCE_SECONDS)
        print(json.dumps({name: one.result() if one.done() else None for name, one in asked.items()}), flush=True)
    finally:
        network("up")
        server.stop()
        pool.shutdown()


if __name__ == "__main__":
    main()
