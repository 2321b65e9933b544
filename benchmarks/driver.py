"""The clients: one process, one epoll loop, many keep-alive connections, each asking again when it was answered.

Run by load.py. Bounded in count and in time; every answer is read whole and looked at; it retries nothing.
"""

from __future__ import annotations

import gc
import json
import select
import socket
import sys
import time
from typing import Any

from benchmarks.calls import KINDS, Calls

PATIENCE_SECONDS = 30.0
ANSWERS_SHOWN = 3


class Broken(Exception):
    """The server did what no right server does."""


class Connection:
    """One keep-alive connection with one request under way."""

    __slots__ = ("answer", "asked_at", "expected", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""
        self.expected = 0
        self.asked_at = 0.0

    def ask(self, request: bytes) -> None:
        self.answer, self.expected = b"", 0
        self.asked_at = time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> bool:
        """Whether the answer is whole now."""
        data = self.socket.recv(262_144)
        if not data:
            raise Broken(f"the server closed a connection after {self.answer[:500]!r}")
        self.answer = self.answer + data if self.answer else data
        if not self.expected:
            end = self.answer.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = self.answer[:end].lower()
            start = head.find(b"content-length:")
            if start < 0:
                raise Broken(f"an answer without a length: {head!r}")
            self.expected = end + 4 + int(head[start + 15 :].split(b"\r\n", 1)[0])
        return len(self.answer) >= self.expected


def drive(port: int, connections: int, calls: Calls, seconds: float, *, again: bool) -> dict[str, Any]:
    """Ask until the time or the requests are over, then wait for what is under way. `again`: begin anew at the end."""
    poll = select.epoll()
    lines = {}
    for _ in range(connections):
        connection = Connection(port)
        lines[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
    requests, holds, times, status = calls.requests, calls.holds, calls.times, calls.status
    latencies: list[float] = []
    bad: list[bytes] = []
    sent = under_way = 0
    gc.collect()
    gc.freeze()
    gc.disable()
    cpu, started = time.process_time(), time.perf_counter()
    deadline = ended = started + seconds
    for connection in lines.values():
        if sent < len(requests) or again:
            connection.ask(requests[sent % len(requests)])
            sent += 1
            under_way += 1
    while under_way:
        ready = poll.poll(PATIENCE_SECONDS)
        if not ready:
            raise Broken(f"{under_way} requests were not answered within {PATIENCE_SECONDS:g} s")
        for line, _ in ready:
            connection = lines[line]
            if not connection.read():
                continue
            ended = time.perf_counter()
            latencies.append(ended - connection.asked_at)
            answer = connection.answer
            if answer[9:12] != status or answer.count(holds) != times:
                bad.append(answer)
            if ended < deadline and (again or sent < len(requests)):
                connection.ask(requests[sent % len(requests)])
                sent += 1
            else:
                under_way -= 1
    cpu = time.process_time() - cpu
    for connection in lines.values():
        connection.socket.close()
    latencies.sort()
    return {
        "sent": sent,
        "bad": len(bad),
        "shown": [answer.decode("utf-8", "replace")[:600] for answer in bad[:ANSWERS_SHOWN]],
        "seconds": ended - started,
        "cpu_seconds": cpu,
        "mean_ms": 1000 * sum(latencies) / len(latencies),
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
        "max_ms": 1000 * latencies[-1],
    }


def main() -> None:
    """A job as JSON on stdin; says `ready`, waits for a line, drives, reports as JSON on stdout."""
    job = json.loads(sys.stdin.readline())
    calls = KINDS[job["kind"]](**job["what"])
    say = sys.stdout.write
    say("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    try:
        report = drive(job["port"], job["connections"], calls, job["seconds"], again=job["again"])
    except (Broken, OSError) as broken:
        report = {"broken": str(broken)}
    say(json.dumps({**report, "works": calls.works}) + "\n")


if __name__ == "__main__":
    main()
