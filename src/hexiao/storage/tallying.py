"""Makes the tallies that `pages` reads: counts the past of each shop, stretch by stretch, beside the running business.

A redemption is never removed, and its shop, scheme, kind and time never change, so a tally stays right until somebody
adds a redemption to the past. Three steps keep it so whatever the clocks say (docs/decisions/0007): the moment before
which all is past is announced; whoever began before that is waited for; then it is counted, and written under a guard
that everybody moves who adds to the past after the announcement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any, Protocol

from hexiao.storage import rows
from hexiao.storage.base import GuardMissed
from hexiao.storage.pages import Facet

PAST_AFTER_MS = 3_600_000
"""How long ago the past ends. Only a matter of speed: what is added to the past costs a write more."""
STRETCH_ROWS = 512
STRETCHES_AT_ONCE = 32
SHOPS_AT_ONCE = 50
"""To look at a shop in which there is nothing to count takes time, too."""

_ANNOUNCE = (
    "INSERT INTO past (name, until_at) VALUES ('redemption', ?)"
    " ON CONFLICT (name) DO UPDATE SET until_at = excluded.until_at WHERE past.until_at < excluded.until_at"
)
_FIRST = "INSERT INTO tallied (sound_until_at, shop_id, seq) VALUES (?, ?, ? + 1) ON CONFLICT DO NOTHING"
_NEXT = "UPDATE tallied SET sound_until_at = ?, seq = seq + 1 WHERE shop_id = ? AND seq = ?"
_CLEAR = "DELETE FROM tally WHERE shop_id = ? AND until_at > ?"
_WRITE = "INSERT INTO tally (shop_id, facet, value, until_at, from_at, here, so_far) VALUES (?, ?, ?, ?, ?, ?, ?)"

_ALL = (Facet.ALL, 0)
Key = tuple[Facet, int]


class Tallier(Protocol):
    """What an engine gives for it."""

    def query(self, name: str, **parameters: Any) -> Iterable[rows.Row]: ...

    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> int: ...

    def changing(self) -> AbstractContextManager[None]:
        """One transaction."""
        ...

    def at_work(self) -> Collection[str]:
        """Names of the transactions of others that may have begun before now and have not ended."""
        ...


def tally(db: Tallier, now: int) -> Iterator[bool]:
    """Tally what is past at `now`, a little at a time. Says True after some work, False while it waits for others."""
    until_at = now - PAST_AFTER_MS
    with db.changing():
        db.many(_ANNOUNCE, [(until_at,)])
    began_before = set(db.at_work())
    while began_before:
        yield False
        began_before.intersection_update(db.at_work())
    for place, shop_id in enumerate([row[0] for row in db.query("shop_ids")], 1):
        while _tally_on(db, shop_id, until_at):
            yield True
        if place % SHOPS_AT_ONCE == 0:
            yield True


def _tally_on(db: Tallier, shop_id: int, until_at: int) -> bool:
    """The next stretches of one shop; whether there were any."""
    head = next(iter(db.query("tallied", shop_id=shop_id)), None)  # before anything is counted: it is the guard
    sound_until_at, seq = head or (0, 0)
    [(edge, last_edge)] = db.query("tally_edges", shop_id=shop_id, sound_until_at=sound_until_at)
    stretches = _next_stretches(db, shop_id, edge or 0, until_at)
    if not stretches:
        return False
    keys = {key for _, _, counts in stretches for key in counts}
    told = db.query("so_far", shop_id=shop_id, edge_at=edge or 0, keys=sorted(keys))
    so_far: dict[Key, int] = {(Facet(facet), value): count or 0 for facet, value, count in told}
    written = []
    for from_at, end, counts in stretches:
        for key, here in counts.items():
            so_far[key] += here
            written.append((shop_id, int(key[0]), key[1], end, from_at, here, so_far[key]))
    try:
        with db.changing():
            guard = (stretches[-1][1], shop_id, seq)
            if db.many(_NEXT if head else _FIRST, [guard]) != 1:
                raise GuardMissed("somebody added to the past of the shop, or was faster")
            if (last_edge or 0) > (edge or 0):
                db.many(_CLEAR, [(shop_id, edge or 0)])
            db.many(_WRITE, written)
    except GuardMissed:
        return False  # the next round begins with what is true then
    return True


Stretch = tuple[int, int, dict[Key, int]]
"""(from, until, how many of each facet)"""


def _next_stretches(db: Tallier, shop_id: int, edge: int, until_at: int) -> list[Stretch]:
    """Those of the next so many redemptions; of more where as many were made in one millisecond, which stays whole."""
    most = STRETCH_ROWS * (STRETCHES_AT_ONCE + 1)
    while True:
        found = list(
            db.query(
                "untallied", shop_id=shop_id, from_at=edge, until_at=until_at, stretch_rows=STRETCH_ROWS, most=most
            )
        )
        stretches = _stretches(edge, found)
        if stretches or sum(row[3] for row in found) < most:
            return stretches
        most *= 2


def _stretches(edge: int, found: Iterable[rows.Row]) -> list[Stretch]:
    """All but the last: it may not be full, and only the beginning of the next one is its end."""
    stretches: list[Stretch] = []
    counts: dict[Key, int] = {}
    for _, group in groupby(found, key=lambda row: row[0]):
        of_stretch = list(group)
        begin = min(row[4] for row in of_stretch)
        if counts:
            stretches.append((edge, begin, counts))
            edge = begin
        counts = {_ALL: 0}
        for _, kind, scheme_id, count, _ in of_stretch:
            for key in (_ALL, (Facet.KIND, kind), (Facet.SCHEME, scheme_id)):
                counts[key] = counts.get(key, 0) + count
    return stretches
