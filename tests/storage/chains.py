"""Looking at a chain and planting changes in it behind the program's back, on either engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import psycopg

from hexiao.config import Settings
from hexiao.domain.chain import Block, seal
from hexiao.domain.tampering import Audit, Problem, Sign
from hexiao.storage import chain_side
from hexiao.storage.texts import COLUMNS
from hexiao.wiring import open_side
from storage.postgres.tables import rows
from thaw import thaw

JOURNAL = f"SELECT {', '.join(COLUMNS['journal'])} FROM journal ORDER BY lane, height, coupon_id, seq"


def audited(settings: Settings, known: Iterable[tuple[int, int, str]] = ()) -> tuple[Audit, list[Problem]]:
    audit = Audit(known)
    with closing(open_side(settings)) as side:
        return audit, list(chain_side.problems(side, audit, lambda *_: None))


def problems(settings: Settings, known: Iterable[tuple[int, int, str]] = ()) -> list[Problem]:
    return audited(settings, known)[1]


def plant(settings: Settings, sql: str, *parameters: Any, thawing: bool = True) -> int:
    """How many rows the statement changed, once nothing forbids it."""
    if settings.on_postgres:
        with psycopg.connect(settings.database) as db:
            if thawing:
                thaw(db)
            return db.execute(sql.replace("?", "%s").encode(), parameters).rowcount
    with closing(sqlite3.connect(settings.sqlite_path)) as file, file:
        if thawing:
            thaw(file)
        return file.execute(sql, parameters).rowcount


def where(row: dict[str, Any]) -> tuple[str, tuple[int, int]]:
    return "coupon_id = ? AND seq = ?", (row["coupon_id"], row["seq"])


def named(found: list[Problem]) -> set[tuple[Any, Any]]:
    return {(one.coupon_id, one.seq) for one in found}


def told(found: list[Problem]) -> list[tuple[Sign, int, int]]:
    return [(one.sign, one.lane, one.height) for one in found]


def blocks(settings: Settings) -> list[dict[str, Any]]:
    return rows(settings, f"SELECT {', '.join(COLUMNS['block'])} FROM block ORDER BY lane, height")


def reseal(settings: Settings, height: int, previous: str | None = None) -> Block:
    """The block made anew from the rows as they are now."""
    [was] = [block for block in blocks(settings) if block["height"] == height]
    sealed = [tuple(row.values()) for row in rows(settings, JOURNAL) if row["height"] == height]
    block = seal(was["lane"], height, was["at"], previous or was["previous"], sealed)
    plant(
        settings, "UPDATE block SET entries = ?, root = ?, previous = ?, hash = ?, leaves = ? WHERE height = ?",
        block.entries, block.root, block.previous, block.hash, block.leaves, height,
    )  # fmt: skip
    return block
