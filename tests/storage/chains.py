"""Looking at a chain and planting changes in it behind the program's back, on either engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import psycopg

from hexiao.config import Settings
from hexiao.domain.tampering import Audit, Problem
from hexiao.storage import chain_side
from hexiao.wiring import open_side
from thaw import thaw


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
