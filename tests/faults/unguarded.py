"""A hexiao whose guards were taken out, for one purpose: to show that the race tests would notice.

Run as `python -m faults.unguarded serve …`. Never imported by a test.
"""

from __future__ import annotations

from typing import Any

from hexiao.storage import saving
from hexiao.storage.snapshot import Changes


class Uncounting:
    """Says of every statement that it changed all its rows, so that no lost race is ever noticed."""

    def __init__(self, writer: saving.Writer) -> None:
        self._writer = writer

    def many(self, sql: str, values: list[tuple[Any, ...]]) -> int:
        self._writer.many(sql, values)
        return len(values)

    def perhaps(self, sql: str, values: list[tuple[Any, ...]]) -> None:
        self._writer.perhaps(sql, values)


def remove_guards() -> None:
    guard = " WHERE id = ? AND seq = ?"
    assert saving._COUPON_UPDATE.endswith(guard), "the guard has another form now; take out that one"
    saving._COUPON_UPDATE = saving._COUPON_UPDATE.removesuffix(guard) + " WHERE id = ? AND ? IS NOT NULL"
    write = saving.write

    def write_regardless(writer: saving.Writer, changes: Changes, now: int, node: int, *, tallied: bool = True) -> None:
        write(Uncounting(writer), changes, now, node, tallied=tallied)

    saving.write = write_regardless


remove_guards()  # at import, so that worker processes have it too, however they are started

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
