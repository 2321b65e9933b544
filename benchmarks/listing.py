"""Fills a PostgreSQL database with many redemptions of the last 400 days, by SQL; one shop has a tenth of them.

Coupons, codes and redemptions are as the engine leaves them; the journal, which no list reads, stays empty.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import shop
from benchmarks.report import console
from hexiao.domain.party import Credential
from hexiao.domain.scheme import Balance, Benefit, MoneyOff, RateUses
from hexiao.engine.commands import CreateScheme, Put, SchemeSaved
from hexiao.engine.mint import COUNTER_BITS, EPOCH_MS, NODE_BITS
from hexiao.gateways.kingdee.account import ACCOUNT_DOOR, APPLICATION_DOOR, AccountSet, Application
from hexiao.vault import Vault, place_of
from hexiao.wiring import open_engine, system_clock

BIG_SHOP = shop.shop_id(0)
ONE_IN = 10
SCHEMES = 40
MEMBERS = 100_000
DAYS = 400
DAY_MS = 86_400_000
BLOCK = 250_000
CLIENT_ID, CLIENT_SECRET = "205022", "benchmark0benchmark0benchmark000"
APP_KEY, APP_SECRET = "benchKey", "benchmark-app-secret"

TABLES = ["coupon_code", "coupon", "redemption"]
AT_ONCE = 2
INDEXES = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)), conname
FROM pg_constraint WHERE conrelid = ANY(%(tables)s::text[]::regclass[]) AND contype IN ('p', 'u')
UNION ALL SELECT format('DROP INDEX %%I', indexname), indexdef, indexname FROM pg_indexes
WHERE tablename = ANY(%(tables)s::text[]) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
"""How each is dropped and made again: for so many rows it is faster to make them at the end."""
FOR_SPEED = ("SET synchronous_commit = off", "SET maintenance_work_mem = '512MB'")

MEMBER = """
INSERT INTO member (id, merchant_id, name, mobile, card_id, card_number)
SELECT 1000000 + i, 1, '会员 ' || i, '138' || lpad(i::text, 8, '0'), 'card' || i, 'no' || i
FROM generate_series(0, %s) i
"""
COUPON_ID = "%(coupons_from)s::bigint + i"
CODE = "lpad((i::numeric * 70460292543863531311 %% 100000000000000000000)::text, 20, '0')"
MADE_AT = "%(begin)s::bigint + i * %(step)s::bigint"
SCHEME = f"(%(schemes)s::bigint[])[1 + i / {ONE_IN} * 7919 %% {SCHEMES}]"
KIND = f"(%(kinds)s::int[])[1 + i / {ONE_IN} * 7919 %% {SCHEMES}]"
BACK = "i / 10 %% 20 = 7"  # one in twenty was given back, some days later
ROWS = "FROM generate_series(%(first)s::bigint, %(last)s::bigint) i"
FILL = (
    f"INSERT INTO coupon_code (merchant_id, code, coupon_id) SELECT 1, {CODE}, {COUPON_ID} {ROWS}",
    f"""INSERT INTO coupon SELECT {COUPON_ID}, 1, {SCHEME}, 1, {CODE}, {COUPON_ID}, NULL, 2, 1000, 1, 0,
    CASE WHEN {BACK} THEN 0 ELSE 1000 END, 0, CASE WHEN {BACK} THEN 0 ELSE 1 END, 2, %(begin)s - {DAY_MS},
    4000000000000, %(begin)s - {DAY_MS}, NULL, {MADE_AT} {ROWS}""",
    f"""INSERT INTO redemption (coupon_id, id, merchant_id, scheme_id, kind, bill_number, shop_id, cashier_id,
    member_id, scene, state, held_fen, captured_fen, reversed_fen, lines, returned, reversals, created_at,
    captured_at, settled_at, changed_at, request_id)
    SELECT {COUPON_ID}, (({MADE_AT} - {EPOCH_MS}) << {NODE_BITS + COUNTER_BITS}) + i %% 1000, 1, {SCHEME}, {KIND},
    'B' || i,
    CASE WHEN i %% {ONE_IN} = 0 THEN {BIG_SHOP} ELSE {BIG_SHOP + 1} + i * 31 %% {shop.SHOPS - 1} END, 901 + i %% 40,
    CASE WHEN i / 10 %% 5 < 3 THEN 1000000 + i / 10 * 104729 %% {MEMBERS} END, 'shop',
    CASE WHEN {BACK} THEN 5 ELSE 2 END,
    1000, 1000, CASE WHEN {BACK} THEN 1000 ELSE 0 END, '[500,500]',
    CASE WHEN {BACK} THEN '[500,500]' ELSE '[0,0]' END, CASE WHEN {BACK} THEN 1 ELSE 0 END, {MADE_AT}, {MADE_AT},
    {MADE_AT}, {MADE_AT} + CASE WHEN {BACK} THEN 1 + i * 7 %% {3 * DAY_MS} ELSE 0 END, 'k/1/b-' || i {ROWS}""",
)


@dataclass(frozen=True)
class Filled:
    rows: int
    begin: int
    step: int
    scheme_number: str

    @property
    def rows_of_big_shop(self) -> int:
        return self.rows // ONE_IN

    def row(self, place: int) -> int:
        """The number of a redemption of the big shop."""
        return place * ONE_IN

    def made_at(self, place: int) -> int:
        return self.begin + self.row(place) * self.step

    def code(self, place: int) -> str:
        return f"{self.row(place) * 70460292543863531311 % 10**20:020d}"


def fill(database: str, rows: int) -> Filled:
    shop.open_shop(database)
    schemes, kinds = _open_door(database)
    step = DAYS * DAY_MS // rows
    begin = system_clock() - 3 * DAY_MS - DAYS * DAY_MS
    values: dict[str, Any] = {
        "begin": begin, "step": step, "schemes": schemes, "kinds": kinds,
        "coupons_from": (begin - DAY_MS - EPOCH_MS) << (NODE_BITS + COUNTER_BITS),
    }  # fmt: skip
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        psycopg.connect(database, autocommit=True) as db,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        indexes = db.execute(INDEXES, {"tables": TABLES}).fetchall()
        task = bar.add_task("filling the tables, rows", total=rows + len(indexes) * rows // 10)
        for drop, _, _ in indexes:
            db.execute(drop.encode())
        db.execute(MEMBER, (MEMBERS - 1,))
        blocks = [{**values, "first": first, "last": min(first + BLOCK, rows) - 1} for first in range(0, rows, BLOCK)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(lambda block: _fill(database, block), blocks):
                bar.advance(task, BLOCK)
        for sql in FOR_SPEED:
            db.execute(sql.encode())
        for _, make, name in indexes:
            bar.update(task, description=f"making the index {name}")
            db.execute(make.encode())
            bar.advance(task, rows // 10)
    return Filled(rows, begin, step, f"L{SCHEMES // 2}")


def _fill(database: str, block: dict[str, Any]) -> None:
    with psycopg.connect(database, autocommit=True) as db:
        for sql in (*FOR_SPEED, *FILL):
            db.execute(sql.encode(), block if sql in FILL else None)


def _open_door(database: str) -> tuple[list[int], list[int]]:
    """Schemes of three kinds and an application of the Kingdee door; the schemes' ids and kinds."""
    vault = Vault(bytes.fromhex(shop.MASTER_KEY))
    account = AccountSet(
        app_secret=APP_SECRET, client_id=CLIENT_ID, outer_instance_id="1", account_id="1", account_name="b", uid=1
    )
    benefits: tuple[Benefit, ...] = (MoneyOff(1_000), Balance(1_000), RateUses(1_000, 2))
    ids, kinds = [], []
    engine = open_engine(shop.settings(database))
    try:
        for number in range(SCHEMES):
            command = CreateScheme(
                merchant_id=shop.MERCHANT_ID, number=f"L{number}", name=f"方案 {number}", terms=shop.terms(0),
                benefit=benefits[number % 3],
            )  # fmt: skip
            saved = shop.do(engine, command)
            assert isinstance(saved, SchemeSaved)
            ids.append(saved.scheme.id)
            kinds.append(int(saved.scheme.kind))
        for id, door, name, what in (
            (11, APPLICATION_DOOR, CLIENT_ID, Application(client_secret=CLIENT_SECRET)),
            (12, ACCOUNT_DOOR, APP_KEY, account),
        ):
            sealed = vault.seal(msgspec.json.encode(what), place_of(door, name))
            record = Credential(
                id=id, merchant_id=shop.MERCHANT_ID, door=door, public_id=name, name=name, sealed=sealed
            )
            shop.do(engine, Put(merchant_id=shop.MERCHANT_ID, record=record))
    finally:
        engine.close()
    return ids, kinds
