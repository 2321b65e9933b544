"""Thirty-two tills that ask at the same moment: 4 OS processes with 8 threads each, synchronised on the last byte.

Every request but its last byte is on the server before any of them is released. Answers are handed back, not judged.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from faults.client import Answer, Connection, Request, to_bytes
from faults.processes import ClientProcess, say

PROCESSES = 4
THREADS = 8
CLIENTS = PROCESSES * THREADS

RELEASE_SECONDS = 0.004
"""From the word to the release: long enough for all four processes to hear it."""
PREPARE_SECONDS_MAX = 30.0
ROUNDS_AT_ONCE = 50

Round = Sequence[Request]
"""One request for each of the clients."""


class Burst:
    """Starts the client processes once, for many rounds; close it."""

    def __init__(self) -> None:
        self._processes = [ClientProcess("faults.burst") for _ in range(PROCESSES)]

    def run(self, rounds: Sequence[Round]) -> Iterator[list[Answer]]:
        """The answers to each round, in the order of its requests. Neighbours sit in different processes."""
        for start in range(0, len(rounds), ROUNDS_AT_ONCE):
            yield from self._run(rounds[start : start + ROUNDS_AT_ONCE])

    def _run(self, rounds: Sequence[Round]) -> list[list[Answer]]:
        for index, process in enumerate(self._processes):
            process.tell([one[index::PROCESSES] for one in rounds])
        for _ in rounds:
            for process in self._processes:
                assert process.hear() == "ready"
            release_at = time.monotonic() + RELEASE_SECONDS
            for process in self._processes:
                process.tell(release_at)
        answers = [[Answer(0, False, {})] * CLIENTS for _ in rounds]
        for index, process in enumerate(self._processes):
            for at, part in enumerate(process.hear()):
                answers[at][index::PROCESSES] = [Answer(*one) for one in part]
        return answers

    def close(self) -> None:
        for process in self._processes:
            process.close()


def spread(ports: Sequence[int], index: int) -> int:
    """The server that client `index` asks: half of the threads of each process ask the one, half the other."""
    return ports[(index // PROCESSES) % len(ports)]


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
            say("ready")
            self.release_at = json.loads(sys.stdin.readline())
            self.released.wait(PREPARE_SECONDS_MAX)
        for client in self._clients:
            client.join()
        assert all(len(client.answers) == self._rounds for client in self._clients), "a client gave up"
        return [list(answers) for answers in zip(*(client.answers for client in self._clients), strict=True)]


def main() -> None:
    for line in sys.stdin:
        say(_Crew([[Request(*one) for one in part] for part in json.loads(line)]).run())


if __name__ == "__main__":
    main()
