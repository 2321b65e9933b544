"""Tills that ask whether or not the server keeps up: at a fixed rate, or each as soon as it was answered.

One process with many connections. It notes what came back and how long that took, and judges nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import NamedTuple

from faults.client import Request, to_bytes
from faults.processes import ClientProcess, say


class Reply(NamedTuple):
    """`after` is when the answer came, in seconds since the flood began; `took`, since it was asked for."""

    key: str
    status: int
    code: str
    retry_after: str
    took: float
    after: float
    redemptions: list[str]
    """The ids of those that were made."""


class Flood:
    """Starts the process once, for several floods; close it."""

    def __init__(self) -> None:
        self._process = ClientProcess("faults.flood")

    def run(self, requests: list[Request], connections: int, rate: float = 0.0) -> list[Reply]:
        """All the requests, `rate` a second; or, without one, as fast as the answers come."""
        self._process.tell([requests, connections, rate])
        return [Reply(*one) for one in self._process.hear()]

    def close(self) -> None:
        self._process.close()


# Below runs in the process of the tills.


class _Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def ask(self, request: Request, began: float) -> Reply:
        asked_at = time.monotonic()
        self.writer.write(to_bytes(request))
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = json.loads(await self._reader.readexactly(int(headers["content-length"])))
        now = time.monotonic()
        code = str(body.get("code", "")) if status.split()[1] >= "400" else ""
        return Reply(
            key=request.key,
            status=int(status.split()[1]),
            code=code,
            retry_after=headers.get("retry-after", ""),
            took=now - asked_at,
            after=now - began,
            redemptions=[one["id"] for one in body.get("redemptions", ())],
        )


async def _flood(requests: list[Request], connections: int, rate: float) -> list[Reply]:
    free: asyncio.Queue[_Line] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(_Line(*await asyncio.open_connection("127.0.0.1", requests[0].port)))
    began = time.monotonic()
    replies: list[Reply] = []

    async def ask(line: _Line, request: Request) -> None:
        replies.append(await line.ask(request, began))
        free.put_nowait(line)

    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            if rate and (ahead := began + number / rate - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            group.create_task(ask(await free.get(), request))
    while not free.empty():
        free.get_nowait().writer.close()
    return replies


def main() -> None:
    for line in sys.stdin:
        requests, connections, rate = json.loads(line)
        say(asyncio.run(_flood([Request(*one) for one in requests], connections, rate)))


if __name__ == "__main__":
    main()
