"""The engine asked directly and the engine behind a real server, on a file each: asked the same, they answer the same.

Both have the same clock, node and random numbers, so that they make the same ids and codes. What has no door - a
sweep, a restart, a lapse, a batch, another merchant than the key's - is done to the engine behind the server itself.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from engine.desk import MEMBER, MERCHANT, OTHER_MEMBER, OTHER_MERCHANT, OTHER_SHOP, SHOP, put_all
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.domain.party import Credential, Item, Role
from hexiao.engine import batch
from hexiao.engine.commands import Answer, AnyCommand, Assess, Failed, Lapse, LookUp, Put, Record, Redeem, RedeemEach
from hexiao.engine.committer import Engine
from hexiao.storage.base import Reader
from hexiao.vault import Vault
from hexiao.web.auth import DOOR, hash_key
from hexiao.wiring import build_app, open_storage
from simulation.beside import MEMORY, START, Beside, empty_database
from simulation.books import Told
from simulation.door import Door, beyond_bounds, request_for
from simulation.oracle import Oracle
from simulation.strategies import GOODS
from simulation.telling import told
from storage.postgres.twins import SWEEP_MAX, Twins, assert_same_tables

T = TypeVar("T")

API_KEY, CREDENTIAL, ACTOR = "model-key", 501, "admin"
COMPARED_EVERY = 8


class Served:
    """The app of a server that outlives the engines behind it: what it asks of its engine, it asks of `engine`."""

    def __init__(self) -> None:
        self.engine: Any = None
        behind: Any = self
        self.app = build_app(behind, Vault(b"\x11" * 32), Settings())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


class DirectAndServed:
    """Answers what both answered; anything else is a failure of the test."""

    def __init__(
        self, pair: tuple[Settings, Settings], clock: Callable[[], int], door: Door, served: Served, seed: int
    ) -> None:
        self._direct = Process(pair[0], clock, seed)
        self.sweeper = self  # where an engine has one
        self._behind = Engine(open_storage(pair[1]), clock, random.Random(seed).randrange, sweep_seconds=0)
        self._door = door
        self._numbers = count(1)
        self._seed = seed
        served.engine = self._behind

    def call(self, command: AnyCommand) -> Answer:
        request = request_for(command) if command.merchant_id == MERCHANT else None
        if request is None:
            return self._call_both(as_the_door_names_it(command, command.request_id))
        key = "" if isinstance(command, (Assess, LookUp)) else command.request_id or self._a_key()
        command = as_the_door_names_it(command, key)
        heard = self._door.ask(request, key)
        if heard.status == 500:
            raise RuntimeError(f"no answer: {heard}")  # never what a broken door is found out by
        if beyond_bounds(request):
            assert (heard.status, heard.told["no"]) == (400, Code.MALFORMED_REQUEST), command
            answer = self._call_both(command)
            assert isinstance(answer.outcome, Failed), command
            return answer
        answer = self._direct.call(command)
        expected = without_rows(told(answer.outcome))
        assert heard.told == expected, f"{command}\ndirectly  {expected}\nover HTTP {heard.told}"
        assert heard.replayed == answer.replayed, command
        return answer

    def read_now(self, query: Callable[[Reader], T]) -> T:
        """Behind the server; what it shares with the other is compared in the end."""
        return self._behind.read_now(query)

    def sweep(self) -> int:
        due = self._direct.storage.due_holds(self._direct.clock(), SWEEP_MAX)
        for hold in due:
            self._direct.call(Lapse(merchant_id=hold.merchant_id, redemption_id=hold.id, actor="sweeper"))
        assert self._behind.sweeper.sweep() == len(due)
        return len(due)

    def close(self) -> None:
        self._direct.storage.close()
        self._behind.close()

    def _call_both(self, command: AnyCommand) -> Answer:
        answer, behind = self._direct.call(command), self._behind.call(command)
        assert msgspec.json.encode(answer) == msgspec.json.encode(behind), command
        return answer

    def _a_key(self) -> str:
        """For what the machine asks without one; nobody asks with it again."""
        return f"unkeyed-{self._seed}-{next(self._numbers)}"


class Neighbour(Twins):
    """A second process on each of the two files, which asks as the key of the door would."""

    def commit(self, *commands: AnyCommand) -> list[batch.Result]:
        return super().commit(*(as_the_door_names_it(command, command.request_id) for command in commands))


class BesideHttp(Beside):
    """The oracle beside both."""

    def __init__(self, base_url: str, served: Served) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hexiao-http-", dir=MEMORY if MEMORY.is_dir() else None))
        self.pair = (
            Settings(database=f"sqlite:///{self.folder}/direct.db"),
            Settings(database=f"sqlite:///{self.folder}/served.db"),
        )
        for settings in self.pair:
            settings.sqlite_path.write_bytes(empty_database())
        self.now = START
        self.served, self.door = served, Door(base_url, API_KEY)
        self.engine: Any = self._open(1)
        self.neighbour: Any = Neighbour(self.pair, self.clock, seed=2)
        goods: list[Record] = [
            Item(id=0, merchant_id=MERCHANT, sku=sku, name=sku, category=GOODS[sku]) for sku in GOODS
        ]
        admin = Credential(
            id=CREDENTIAL, merchant_id=MERCHANT, door=DOOR, public_id=hash_key(API_KEY), name=ACTOR, role=Role.ADMIN
        )
        for put in (*put_all(), *(Put(merchant_id=MERCHANT, record=record) for record in (*goods, admin))):
            self.engine.call(put)
        self.oracle = Oracle({MERCHANT, OTHER_MERCHANT}, {SHOP, OTHER_SHOP}, {MEMBER, OTHER_MEMBER}, GOODS)
        self.asked = []
        self.numbers = self.compared = 0

    def compare(self) -> None:
        """Every answer is compared anyway, so the whole books are only now and then."""
        self.compared += 1
        if self.compared % COMPARED_EVERY == 0:
            super().compare()

    def restart(self) -> None:
        self.engine.close()
        self.engine = self._open(self.number())

    def close(self) -> None:
        self.door.close()
        self.engine.close()
        self.neighbour.close()
        try:
            assert_same_tables(self.pair, same_batches=False)  # the served engine has a queue
        finally:
            shutil.rmtree(self.folder)

    def _open(self, seed: int) -> DirectAndServed:
        return DirectAndServed(self.pair, self.clock, self.door, self.served, seed)


def as_the_door_names_it(command: AnyCommand, key: str) -> AnyCommand:
    """The door says who asks, makes request ids of the caller and his key, and normalises the codes to be used."""
    command = replace(command, actor=ACTOR, request_id=f"{CREDENTIAL}:{key}" if key else "")
    if isinstance(command, RedeemEach):
        return replace(command, items=tuple(as_the_door_names_it(item, key) for item in command.items))
    if isinstance(command, (Redeem, Assess)):
        return replace(command, coupons=tuple(replace(take, code=take.code.upper()) for take in command.coupons))
    return command


def without_rows(expected: Told) -> Told:
    """The door does not show how long a coupon's journal is."""
    if "found" in expected:
        return {"found": _without_rows(expected["found"])}
    if "coupons" in expected:
        return {"coupons": [_without_rows(one) for one in expected["coupons"]]}
    return expected


def _without_rows(balance: Told) -> Told:
    return {name: value for name, value in balance.items() if name != "rows"}
