"""Thirty-two tills that ask at the same moment: 4 OS processes with 8 threads each, synchronised on the last byte.

Every request but its last byte is on the server before any of them is released. Answers are handed back, not judged.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faults.client import Answer, Broken, Connection, Request, to_bytes

PROCESSES = 4
THREADS = 8
CLIENTS = PROCESSES * THREADS

RELEASE_SECONDS = 0.004
"""From the word to the release: long enough for all four processes to hear it."""
PREPARE_SECONDS_MAX = 30.0

Round = Sequence[Request]
"""One request for each of the clients."""


class Burst:
    """Starts the client processes once, for many rounds; close it."""

    def __init__(self) -> None:
        path = os.pathsep.join((str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")))
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "faults.burst"],
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]

    def run(self, rounds: Sequence[Round]) -> list[list[Answer]]:
        """The answers to each round, in the order of its requests. Neighbours sit in different processes."""
        for index, process in enumerate(self._processes):
            _tell(process, [one[index::PROCESSES] for one in rounds])
        for _ in rounds:
            for process in self._processes:
                assert _hear(process) == "ready"
            release_at = time.monotonic() + RELEASE_SECONDS
            for process in self._processes:
                _tell(process, release_at)
        answers = [[Answer(0, False, {})] * CLIENTS for _ in rounds]
        for index, process in enumerate(self._processes):
            for at, part in enumerate(_hear(process)):
                answers[at][index::PROCESSES] = [Answer(*one) for one in part]
        return answers

    def close(self) -> None:
        for process in self._processes:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.wait(10)
            process.stdout.close()


def _tell(process: subprocess.Popen[str], what: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "a client process ended before its time"
    return json.loads(line)


# Below runs in the client processes.


class _Client(threading.Thread):
    """One till with its keep-alive connections, one for each server."""

    def __init__(self, crew: _Crew, requests: list[Request]) -> None:
        super().__init__(daemon=True)
        self._crew = crew
        self._requests = requests
        self._connections: dict[int, Connection] = {}
        self.answers: list[Answer] = []

    def run(self) -> None:
        try:
            for request in self._requests:
                self.answers.append(self._take_part(request))
        except Exception:
            self._crew.prepared.abort()
            self._crew.released.abort()
            raise
        finally:
            for connection in self._connections.values():
                connection.close()

    def _take_part(self, request: Request) -> Answer:
        if request.port not in self._connections:
            self._connections[request.port] = Connection(request.port)
        connection = self._connections[request.port]
        data = to_bytes(request)
        connection.send(data[:-1])
        self._crew.prepared.wait(PREPARE_SECONDS_MAX)
        self._crew.released.wait(PREPARE_SECONDS_MAX)
        time.sleep(max(0.0, self._crew.release_at - time.monotonic()))
        connection.send(data[-1:])
        return connection.answer()


class _Crew:
    """The clients of one process and their two meeting points in each round."""

    def __init__(self, rounds: list[list[Request]]) -> None:
        self.prepared = threading.Barrier(THREADS + 1)
        self.released = threading.Barrier(THREADS + 1)
        self.release_at = 0.0
        self._rounds = len(rounds)
        self._clients = [_Client(self, list(requests)) for requests in zip(*rounds, strict=True)]

    def run(self) -> list[list[Answer]]:
        for client in self._clients:
            client.start()
        for _ in range(self._rounds):
            self.prepared.wait(PREPARE_SECONDS_MAX)
            _say("ready")
            self.release_at = json.loads(sys.stdin.readline())
            self.released.wait(PREPARE_SECONDS_MAX)
        for client in self._clients:
            client.join()
        assert all(len(client.answers) == self._rounds for client in self._clients), Broken("a client gave up")
        return [list(answers) for answers in zip(*(client.answers for client in self._clients), strict=True)]


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    for line in sys.stdin:
        _say(_Crew([[Request(*one) for one in part] for part in json.loads(line)]).run())


if __name__ == "__main__":
    main()
