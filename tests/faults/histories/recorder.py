"""Records what clients were told about many coupons, and reads what the journal says about them."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from faults.histories.clients import Work
from faults.histories.coupon import Operation, Told
from faults.histories.ledger_order import Entry, ledger_faults
from faults.histories.linearizable import order_faults
from faults.processes import ClientProcess
from faults.shop import FACE_FEN, FaultShop, request_id

OPERATIONS = 200
PROCESSES = 2
"""Coupons that are worked on at the same time."""
OURS = len(request_id(""))


class History(NamedTuple):
    """One coupon: what every client was told, and its journal."""

    operations: list[Operation]
    entries: list[Entry]

    def by_ledger(self) -> list[str]:
        return ledger_faults(FACE_FEN, *self)

    def by_search(self) -> list[str]:
        return order_faults(FACE_FEN, self.operations, {one.key for one in self.entries})


def record(shop: FaultShop, ports: list[int], codes: Sequence[str], rng: random.Random) -> list[History]:
    """Returns when every coupon has been asked OPERATIONS things."""
    told: dict[str, list[Operation]] = {}
    failed: list[BaseException] = []

    def oversee(mine: Sequence[str], seeds: Sequence[str]) -> None:
        try:
            process = ClientProcess("faults.histories.clients")
            try:
                for code, seed in zip(mine, seeds, strict=True):
                    process.tell(Work(ports, code, seed, OPERATIONS))
                    told[code] = [_operation(one) for one in process.hear()]
            finally:
                process.close()
        except BaseException as bad:
            failed.append(bad)

    seeds = [f"{rng.random()}" for _ in codes]
    overseers = [
        threading.Thread(target=oversee, args=(codes[at::PROCESSES], seeds[at::PROCESSES])) for at in range(PROCESSES)
    ]
    for one in overseers:
        one.start()
    for one in overseers:
        one.join()
    if failed:
        raise failed[0]
    entries = _journal(shop)
    return [History(told[code], entries[code]) for code in codes]


def _journal(shop: FaultShop) -> dict[str, list[Entry]]:
    """By the coupon's code, without the issue."""
    found = defaultdict(list)
    for code, seq, request, entry, use, *amounts in shop.rows(
        "SELECT c.code, j.seq, j.request_id, j.entry, j.redemption_id, j.d_held_fen, j.d_captured_fen, j.d_held_uses,"
        " j.d_captured_uses, j.held_after_fen, j.captured_after_fen"
        " FROM journal j JOIN coupon c ON c.id = j.coupon_id WHERE j.entry <> 'issue' ORDER BY j.seq"
    ):
        found[code].append(Entry(seq, request[OURS:], entry, str(use), *amounts))
    return found


def _operation(noted: Sequence[Any]) -> Operation:
    return Operation._make([*noted[:-1], _tuples(noted[-1])])


def _tuples(told: Any) -> Told | Any:
    return tuple(map(_tuples, told)) if isinstance(told, list) else told
