"""Sends a save to PostgreSQL as statements of one row each, for what one statement cannot write.

Counts at the end what each of them changed; begins and ends no transaction.
"""

from __future__ import annotations

from typing import Any

import psycopg

from hexiao.storage.base import GuardMissed


class RowWriter:
    """Sends the statements of a save without waiting for their answers, which are asked for once at the end."""

    def __init__(self, db: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._db = db
        self._sent: list[tuple[psycopg.Cursor[tuple[Any, ...]], int]] = []

    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> int:
        self._sent.append((self._send(sql, rows), len(rows)))
        return len(rows)

    def perhaps(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        self._send(sql, rows)

    def _send(self, sql: str, rows: list[tuple[Any, ...]]) -> psycopg.Cursor[tuple[Any, ...]]:
        cursor = self._db.cursor()
        cursor.executemany(sql.replace("?", "%s"), rows)
        return cursor

    def demand_all(self) -> None:
        """Raises GuardMissed when any statement changed fewer rows than it was to."""
        if any(cursor.rowcount != wanted for cursor, wanted in self._sent):
            raise GuardMissed("a row was not as it was read")
