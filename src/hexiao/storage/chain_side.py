"""The chain as rows of a database: read in order for an audit, its heads, and the sealing of rows from before it.

Flat in memory whatever the size of the journal; the database does the sorting. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from msgspec.structs import astuple, replace

from hexiao.domain.chain import NOTHING_BEFORE, Block, seal, unpacked
from hexiao.domain.tampering import Audit, Place, Problem, Row
from hexiao.heads import Head
from hexiao.storage import rows
from hexiao.storage.side import Side, Tell
from hexiao.storage.tables import BATCH_ROWS, BATCH_ROWS_WITH_BYTES
from hexiao.storage.texts import COLUMNS

OLD_LANE = 0
"""Where the migration put the rows that were there before the chain; no process ever has this number."""
OLD_ROWS_AT_ONCE = 50_000

# A cast, because SQLite would keep a text in an integer column, and nothing could be compared with it.
_PLACE = "CAST(lane AS bigint), CAST(height AS bigint)"
_BLOCKS = f"SELECT {_PLACE}, {', '.join(COLUMNS['block'])} FROM block ORDER BY lane, height"
_ROWS = f"SELECT {_PLACE}, {', '.join(COLUMNS['journal'])} FROM journal ORDER BY 1, 2, coupon_id, seq"
_OLD_ROWS = (
    f"SELECT {', '.join(COLUMNS['journal'])} FROM journal WHERE lane = {OLD_LANE} AND (coupon_id, seq) > (?, ?)"
    f" ORDER BY coupon_id, seq LIMIT ?"
)
_LAST_OLD_BLOCK = (
    f"SELECT {', '.join(COLUMNS['block'])} FROM block WHERE lane = {OLD_LANE} ORDER BY height DESC LIMIT 1"
)
_HEADS = (
    "SELECT b.lane, b.height, b.hash FROM block b JOIN (SELECT lane, max(height) AS height FROM block GROUP BY lane) h"
    " ON h.lane = b.lane AND h.height = b.height ORDER BY b.lane"
)


def heads(side: Side) -> list[Head]:
    return [Head(*row) for row in side.run(_HEADS)]  # type: ignore[arg-type]


def problems(side: Side, audit: Audit, tell: Tell) -> Iterator[Problem]:
    """The signs of tampering in the whole journal, as the audit finds them in one state of the database."""
    with side.one_state(), side.as_found():
        [(total,)] = side.run("SELECT count(*) FROM journal")
        assert isinstance(total, int)
        yield from audit.problems(_blocks(side), _rows(side, total, tell))


def _blocks(side: Side) -> Iterator[Block]:
    for batch in side.stream(_BLOCKS, (), BATCH_ROWS_WITH_BYTES):
        for row in batch:
            block = rows.block(row[2:])
            if row[:2] != row[2:4]:  # its place is no number: no hash of ours covers that
                lane, height = row[:2]
                block = replace(block, lane=lane, height=height, hash="")
            yield block


def _rows(side: Side, total: int, tell: Tell) -> Iterator[tuple[Place, Row]]:
    done = 0
    tell("", done, total)
    for batch in side.stream(_ROWS, (), BATCH_ROWS):
        for row in batch:
            yield row[:2], row[2:]  # type: ignore[misc]
        done += len(batch)
        tell("", done, total)


def seal_old_rows(side: Side, now: int, tell: Tell) -> None:
    """Seal the blocks of the rows from before the chain that are not sealed yet; goes on where it was interrupted."""
    last = next(map(rows.block, side.run(_LAST_OLD_BLOCK)), None)
    head = last.hash if last else NOTHING_BEFORE
    *_, key = [leaf[:2] for leaf in unpacked(last.leaves)] if last else [(-1, 0)]
    [(total,)] = side.run(f"SELECT count(DISTINCT height) FROM journal WHERE lane = {OLD_LANE}")
    done = 0 if last is None else last.height + 1
    assert isinstance(total, int)
    table = next(one for one in side.tables() if one.name == "block")
    while found := side.run(_OLD_ROWS, *key, OLD_ROWS_AT_ONCE):
        groups = [list(group) for _, group in groupby(found, lambda row: row[-1])]
        if len(found) == OLD_ROWS_AT_ONCE:
            groups = groups[:-1] or groups  # the last one may go on in the next chunk
        made = []
        for group in groups:
            block = seal(OLD_LANE, group[0][-1], now, head, group)  # type: ignore[arg-type]
            made.append(astuple(block))
            head = block.hash
            key = (group[-1][0], group[-1][1])  # type: ignore[assignment]
        side.insert(table, made)
        done += len(made)
        tell("chain", done, total)
