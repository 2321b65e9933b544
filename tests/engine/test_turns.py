"""Nobody waits for more than one batch of the other kind, and nobody is forgotten."""

from __future__ import annotations

import random
import sqlite3
import threading
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest

from engine.desk import MERCHANT, Desk, a_bill, redeeming
from hexiao.config import Settings
from hexiao.engine import turns
from hexiao.engine.commands import AnyCommand, Import, Imported, Issue, LookUp, RedeemEach
from hexiao.engine.committer import Engine
from hexiao.engine.turns import HEAVY_TOGETHER_MAX, LIGHT_MAX, Turns

PATIENCE_SECONDS = 5


class One(msgspec.Struct):
    weight: int
    number: int = 0


def taken(*weights: int) -> list[list[int]]:
    """The batches, by weights, when nobody comes later."""
    line: Turns[One] = Turns()
    for weight in weights:
        line.add(One(weight))
    batches = []
    while line:
        batches.append([one.weight for one in line.take()])
    return batches


@pytest.mark.parametrize(
    ("weights", "batches"),
    [
        ([1, 1, 1], [[1, 1, 1]]),
        ([LIGHT_MAX, 1], [[LIGHT_MAX, 1]]),
        ([LIGHT_MAX + 1, 1], [[1], [LIGHT_MAX + 1]]),
        ([1000, 1, 1000], [[1], [1000], [1000]]),
        ([600, 400, 17], [[600, 400], [17]]),
        ([600, 401, 17], [[600], [401, 17]]),
        ([5000, 20], [[5000], [20]]),
    ],
)
def test_the_light_stand_together_and_the_heavy_up_to_a_bound(weights: list[int], batches: list[list[int]]) -> None:
    assert taken(*weights) == batches


def test_they_take_turns_while_both_are_there() -> None:
    line: Turns[One] = Turns()
    for _ in range(3):
        line.add(One(1000))
    kinds = []
    for _ in range(6):
        line.add(One(1))  # a till is always there
        kinds.append(line.take()[0].weight)
    assert kinds == [1, 1000] * 3


def test_a_batch_of_the_light_has_an_upper_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "BATCH_MAX", 4)
    assert [len(batch) for batch in taken(*[1] * 9)] == [4, 4, 1]
    assert [len(batch) for batch in taken(*[1] * 9, 500)] == [4, 1, 4, 1]


def test_everybody_is_taken_once_each_kind_in_order_of_coming(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        line: Turns[One] = Turns()
        came = [One(rng.choice((1, 2, 16, 17, 100, 999, 1000, 3000)), number) for number in range(rng.randrange(1, 60))]
        waiting, gone = list(came), []
        while waiting or line:
            for _ in range(rng.randrange(0, 4)):
                if waiting:
                    line.add(waiting.pop(0))
            if line:
                batch = line.take()
                heavy = [one for one in batch if one.weight > LIGHT_MAX]
                assert heavy in ([], batch)
                assert len(heavy) < 2 or sum(one.weight for one in heavy) <= HEAVY_TOGETHER_MAX
                gone += batch
        for kind in (True, False):
            assert [one for one in gone if (one.weight > LIGHT_MAX) is kind] == [
                one for one in came if (one.weight > LIGHT_MAX) is kind
            ]


@pytest.mark.parametrize(
    ("command", "weight"),
    [
        (LookUp(merchant_id=MERCHANT, code="1"), 1),
        (redeeming("1"), 1),
        (RedeemEach(merchant_id=MERCHANT, items=tuple(redeeming(str(n), a_bill(f"B{n}")) for n in range(30))), 30),
        (Issue(merchant_id=MERCHANT, scheme_id=1, quantity=500), 500),
        (Import(merchant_id=MERCHANT, scheme_id=1, coupons=(Imported("1"), Imported("2"))), 2),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_command_weighs_what_it_asks_for(command: Any, weight: int) -> None:
    assert command.weight == weight


@pytest.mark.parametrize("in_turn", [True, False])
def test_a_till_waits_for_one_bulk_upload_and_not_for_all(
    in_turn: bool, engine: Engine, desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control puts all into one batch."""
    monkeypatch.setattr(turns, "LIGHT_MAX", LIGHT_MAX if in_turn else 10_000)
    monkeypatch.setattr(turns, "HEAVY_TOGETHER_MAX", 30)
    coupons = iter(desk.issue(desk.scheme(), 5 * 30 + 2))
    uploads = [
        RedeemEach(
            merchant_id=MERCHANT,
            items=tuple(redeeming(next(coupons).code, desk.new_bill(), f"u{number}") for _ in range(30)),
            request_id=f"u{number}",
        )
        for number in range(5)
    ]
    first, till = (redeeming(next(coupons).code, desk.new_bill(), name) for name in ("first", "till"))
    answered: list[str] = []
    futures = []

    def ask(name: str, command: AnyCommand) -> None:
        future = engine._committer.put(command, None).future
        assert isinstance(future, Future)
        future.add_done_callback(lambda _: answered.append(name))
        futures.append(future)

    greedy = sqlite3.connect(settings.sqlite_path, isolation_level=None)
    greedy.execute("BEGIN IMMEDIATE")  # so that all of them get in line behind the first
    ask("first", first)
    while engine._committer._queue.qsize():
        threading.Event().wait(0.001)
    for upload in uploads:
        ask("upload", upload)
    ask("till", till)
    greedy.execute("ROLLBACK")
    greedy.close()
    for future in futures:
        future.result(PATIENCE_SECONDS)
    assert answered.index("till") == (2 if in_turn else 6)
