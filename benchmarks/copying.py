"""P8's yardstick, in a process of its own: COPY of the exported rows, piped through the csv module. Run by p8.py."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks import shop
from hexiao.storage.base import RedemptionFilter
from hexiao.storage.exporting import statement


def lines(copy: psycopg.Copy) -> Iterator[str]:
    """Whole lines: PostgreSQL sends one a message."""
    for block in copy:
        yield bytes(block).decode()


def main() -> None:
    database, file = sys.argv[1:]
    sql, parameters = statement(lambda *_, **__: [], RedemptionFilter(merchant_id=shop.MERCHANT_ID))
    sql = re.sub(r":(\w+)", r"%(\1)s", sql)
    with (
        psycopg.connect(database) as db,
        db.cursor() as cursor,
        cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", parameters) as copy,
        Path(file).open("w", newline="") as written,
    ):
        csv.writer(written).writerows(csv.reader(lines(copy)))


if __name__ == "__main__":
    main()
