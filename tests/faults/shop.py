"""The shop in which the faults happen: a database with schemes and coupons, and what its tables say afterwards.

Set up through the engine, read by plain SQL of our own, so that no query of the program under test is believed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from faults.client import API_KEY, Request
from faults.server import MASTER_KEY
from hexiao.config import Settings
from hexiao.domain.party import Credential, Merchant, Role, Shop
from hexiao.domain.scheme import Balance, Benefit, FixedDates, MoneyOff, Terms
from hexiao.engine.commands import AnyCommand, CreateScheme, Failed, Issue, Issued, Put, SchemeSaved
from hexiao.engine.committer import Engine
from hexiao.storage.snapshot import Changes
from hexiao.web.auth import DOOR, hash_key
from hexiao.wiring import open_engine, open_storage, system_clock

MERCHANT_ID = 1
SHOP_ID = 12
TILL_ID = 7
FACE_FEN = 10_000
BILL_FEN = 50_000

SINGLE, BALANCE, PURSE = "once", "parts", "purse"
BENEFITS: dict[str, Benefit] = {
    SINGLE: MoneyOff(amount_fen=1_000),
    BALANCE: Balance(amount_fen=FACE_FEN),
    PURSE: Balance(amount_fen=1_000_000_000),  # so large that no test empties it
}
ISSUED_AT_ONCE = 1_000


class FaultShop:
    """A fresh database at `path`, beginning as the bytes of an empty, migrated one."""

    def __init__(self, path: Path, migrated: bytes) -> None:
        path.write_bytes(migrated)
        self.path = path
        self._open(f"sqlite:///{path}")

    def _open(self, database: str) -> None:
        """Furnish the empty, migrated database."""
        self.database = database
        self._settings = Settings(database=database, master_key=MASTER_KEY)
        self.schemes: dict[str, int] = {}
        till = Credential(
            id=TILL_ID, merchant_id=MERCHANT_ID, door=DOOR, public_id=hash_key(API_KEY), name="till", role=Role.ADMIN
        )  # a till that may issue, too
        merchant, shop = (
            Merchant(id=MERCHANT_ID, name="商户"),
            Shop(id=SHOP_ID, merchant_id=MERCHANT_ID, number="001", name="店"),
        )
        self._do(*(Put(merchant_id=MERCHANT_ID, record=one) for one in (merchant, shop)))
        self._save(till)  # under the id that its requests are known by; the engine would make one
        self.add_schemes(BENEFITS)

    def add_schemes(self, benefits: Mapping[str, Benefit], **terms: Any) -> None:
        """Schemes by number, all with these terms."""
        with_terms = Terms(validity=FixedDates(date(2020, 1, 1), date(2099, 12, 31)), **terms)
        schemes = [
            CreateScheme(merchant_id=MERCHANT_ID, number=number, name=number, terms=with_terms, benefit=benefit)
            for number, benefit in benefits.items()
        ]
        for outcome in self._do(*schemes):
            assert isinstance(outcome, SchemeSaved)
            self.schemes[outcome.scheme.number] = outcome.scheme.id

    def issue(self, number: str, quantity: int) -> list[str]:
        """The codes of new coupons of the scheme. Servers may be running; then this is one more process that writes."""
        parts = [min(ISSUED_AT_ONCE, quantity - start) for start in range(0, quantity, ISSUED_AT_ONCE)]
        commands = [Issue(merchant_id=MERCHANT_ID, scheme_id=self.schemes[number], quantity=part) for part in parts]
        issued = [outcome for outcome in self._do(*commands) if isinstance(outcome, Issued)]
        return [coupon.code for outcome in issued for coupon in outcome.coupons]

    @contextmanager
    def swept(self, every_seconds: float) -> Iterator[Engine]:
        """One more process that writes down the lapses of holds, again and again, until the end of the block."""
        engine = open_engine(self._settings, sweep_seconds=every_seconds)
        try:
            yield engine
        finally:
            engine.close()

    def _do(self, *commands: AnyCommand) -> list[Any]:
        engine = open_engine(self._settings)
        try:
            outcomes = [engine.call(command).outcome for command in commands]
        finally:
            engine.close()
        assert not any(isinstance(outcome, Failed) for outcome in outcomes), outcomes
        return outcomes

    def _save(self, record: Credential) -> None:
        changes = Changes()
        changes.records.append(record)
        with closing(open_storage(self._settings)) as storage:
            storage.save(changes, system_clock(), 0)

    # What the tables say.

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        with closing(sqlite3.connect(self.path, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(sql, parameters).fetchall()

    def redemptions(self, code: str) -> list[Any]:
        return self.rows(
            "SELECT r.* FROM redemption r JOIN coupon c ON c.id = r.coupon_id WHERE c.code = ? ORDER BY r.id", code
        )

    def journal(self, code: str) -> list[Any]:
        """The moves of one coupon, without its issue."""
        return self.rows(
            "SELECT j.* FROM journal j JOIN coupon c ON c.id = j.coupon_id WHERE c.code = ? AND j.entry <> 'issue'"
            " ORDER BY j.seq",
            code,
        )

    def balance(self, code: str) -> tuple[int, int, int, int]:
        """(held_fen, captured_fen, held_uses, captured_uses) of one coupon."""
        ((*balance,),) = self.rows(
            "SELECT held_fen, captured_fen, held_uses, captured_uses FROM coupon WHERE code = ?", code
        )
        return tuple(balance)

    def broken(self) -> list[str]:
        """The rows that break an invariant of the program itself."""
        with closing(open_storage(self._settings)) as storage:
            return [f"{one.invariant}: {one.row}" for one in storage.broken(system_clock())]


def redeem(
    port: int, code: str, *, key: str, bill: str, mode: str = "redeem", amount_fen: int | None = None
) -> Request:
    take: dict[str, Any] = {"code": code} if amount_fen is None else {"code": code, "amount_fen": amount_fen}
    body = {
        "mode": mode,
        "coupons": [take],
        "bill": {
            "number": bill,
            "shop_id": str(SHOP_ID),
            "scene": "shop",
            "lines": [{"sku": "tea", "quantity": 1, "unit_price_fen": BILL_FEN}],
        },
    }
    return Request(port, "/v1/redemptions", body, key)


def move(port: int, redemption_id: str, how: str, *, key: str, amount_fen: int | None = None) -> Request:
    """capture, release or reverse."""
    body = {} if amount_fen is None else {"amount_fen": amount_fen}
    return Request(port, f"/v1/redemptions/{redemption_id}/{how}", body, key)


def issue(port: int, scheme_id: int, *, key: str) -> Request:
    """One coupon of the scheme."""
    return Request(port, "/v1/coupons", {"scheme_id": str(scheme_id)}, key)


def request_id(key: str) -> str:
    """How the program names a request of this till's in its tables."""
    return f"{TILL_ID}:{key}"
