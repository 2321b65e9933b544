"""Eight clients on one coupon, who note when they asked, when they heard and what; coupon after coupon.

One process with a thread for each client, on real connections to every server. They retry nothing: what broke is
noted as unknown, and the client goes on with something else.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from math import inf
from typing import Any, NamedTuple

from faults.client import API_KEY, Answer, Broken, Connection, to_bytes
from faults.histories.coupon import Operation, Told
from faults.processes import say
from faults.shop import move, redeem

CLIENTS = 8
AMOUNT_MAX = 2_000
RECENT = 4
"""Of how many redemptions one is chosen, so that clients meet on it."""
KINDS = {"redeem": 4, "hold": 5, "capture": 4, "release": 2, "reverse": 4, "look_up": 3, "get": 2}
ALL_OF_IT = {"redeem": 0.1, "hold": 0.1, "capture": 0.5, "release": 1, "reverse": 0.5, "look_up": 1, "get": 1}
"""How often a kind is asked without an amount."""
PATIENCE_SECONDS = 60.0


class Work(NamedTuple):
    """One coupon and how often it is asked something by all the clients together."""

    ports: list[int]
    code: str
    seed: str
    operations: int


class Client:
    """Its connections outlive the coupon, until they break."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._lines: dict[int, Connection] = {}
        self._noted: list[Operation] = []

    def run(self, work: Work, known: list[str]) -> None:
        """`known` are the redemptions that any of the clients has heard of, newest last."""
        rng = random.Random(f"{work.seed} {self._number}")
        for count in range(work.operations // CLIENTS):
            kind = rng.choices([*KINDS], [*KINDS.values()])[0]
            about = "" if kind in ("redeem", "hold", "look_up") else self._one_of(known, rng)
            kind = kind if about or kind == "look_up" else rng.choice(("redeem", "hold"))
            all_of_it = rng.random() < ALL_OF_IT[kind]
            amount = None if all_of_it else rng.randint(1, AMOUNT_MAX)
            asked = Operation(f"{work.code}-{self._number}-{count}", kind, about, amount, 0, inf, None)
            operation = self._ask(work, asked, self._line(work, rng))
            self._noted.append(operation)
            if operation.done and kind in ("redeem", "hold"):
                assert operation.told is not None
                known.append(operation.told[1])

    def noted(self) -> list[Operation]:
        noted, self._noted = self._noted, []
        return noted

    def _one_of(self, known: list[str], rng: random.Random) -> str:
        recent = known[-RECENT:] if rng.random() < 0.8 else known[:]
        return rng.choice(recent) if recent else ""

    def _line(self, work: Work, rng: random.Random) -> int:
        """A server that answers the telephone."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            port = rng.choice(work.ports)
            if port in self._lines:
                return port
            try:
                self._lines[port] = Connection(port)
                return port
            except Broken:
                assert time.monotonic() < deadline, "no server comes back"
                time.sleep(0.02)

    def _ask(self, work: Work, asked: Operation, port: int) -> Operation:
        data = _request(asked, port, work.code)
        called = time.monotonic_ns()
        try:
            self._lines[port].send(data)
            answer = self._lines[port].answer()
        except Broken:
            self._lines.pop(port).close()
            return asked._replace(called=called)
        returned = time.monotonic_ns()
        if answer.status == 503:  # says itself that the outcome is unknown
            return asked._replace(called=called)
        return asked._replace(called=called, returned=returned, told=_told(asked, answer))


def _request(asked: Operation, port: int, code: str) -> bytes:
    match asked.kind:
        case "look_up" | "get":
            path = f"/v1/coupons/{code}" if asked.kind == "look_up" else f"/v1/redemptions/{asked.use}"
            head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {API_KEY}\r\n\r\n"
            return head.encode()
        case "redeem" | "hold":
            return to_bytes(redeem(port, code, key=asked.key, bill=asked.key, mode=asked.kind, amount_fen=asked.amount))
    return to_bytes(move(port, asked.use, asked.kind, key=asked.key, amount_fen=asked.amount))


def _told(asked: Operation, answer: Answer) -> Told:
    """In the words of the checkers."""
    body = answer.body
    if answer.status >= 400:
        assert answer.status < 500, body
        named = body.get("redemption")
        return "no", answer.code, body["facts"].get("needed_fen"), _view(named) if named else None
    if asked.kind == "look_up":
        return "coupon", body["held_fen"], body["captured_fen"], body["held_uses"], body["captured_uses"]
    (use,) = body.get("redemptions", [body])
    return "use", *_view(use)


def _view(use: dict[str, Any]) -> Told:
    amounts = use["held_fen"], use["captured_fen"], use["reversed_fen"]
    return use["id"], use["state"], *amounts, use["coupon_left_fen"]


def main() -> None:
    clients = [Client(number) for number in range(CLIENTS)]
    for line in sys.stdin:
        work, known = Work(*json.loads(line)), list[str]()
        threads = [threading.Thread(target=client.run, args=(work, known)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        noted = [operation for client in clients for operation in client.noted()]
        assert len(noted) == work.operations, "a client gave up"
        say(noted)


if __name__ == "__main__":
    main()
