"""Where a page of a shop's list begins, and how many rows the list has: from tallies, and by counting what they leave.

A tally says how many redemptions were made before a moment; between two of them lie some hundred rows. Every answer is
exact, with tallies or without: without, it takes as long as counting does. Only reads; `tallying` makes the tallies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from hexiao.storage import rows
from hexiao.storage.texts import COLUMNS

Run = Callable[[str, Mapping[str, Any]], Iterable[rows.Row]]
"""run(sql, parameters) → rows of a built query"""

NO_END = 2**63 - 1


class Facet(IntEnum):
    """What a tally counts."""

    ALL = 0
    KIND = 1
    SCHEME = 2


FACETS = {"kind": Facet.KIND, "scheme_id": Facet.SCHEME}
"""By the filter that it answers."""
CONDITIONS: dict[Facet, str] = {
    Facet.ALL: "",
    Facet.KIND: " AND kind = :value",
    Facet.SCHEME: " AND scheme_id = :value",
}

_SOUND = "coalesce((SELECT sound_until_at FROM tallied WHERE shop_id = :shop_id), 0)"
_OF = "shop_id = :shop_id AND facet = :facet AND value = :value"
_REDEMPTIONS = f"SELECT {', '.join(COLUMNS['redemption'])} FROM redemption"


def _edge(limit: str = "") -> str:
    """The end of the last sound stretch, or of the last one that ends by `limit`."""
    return (
        f"SELECT coalesce((SELECT until_at FROM tally WHERE shop_id = :shop_id AND facet = 0 AND value = 0{limit}"
        " AND until_at <= (SELECT at FROM sound) ORDER BY until_at DESC LIMIT 1), 0) AS at"
    )


def _so_far(edge: str) -> str:
    """How many of the facet were made before that edge."""
    return (
        f"coalesce((SELECT so_far FROM tally WHERE {_OF} AND until_at <= (SELECT at FROM {edge})"
        " ORDER BY until_at DESC LIMIT 1), 0)"
    )


def _rank(edge: str, moment: str, facet: Facet) -> str:
    """How many of the facet were made before the moment: what is tallied, and the rest counted."""
    return (
        f"SELECT {_so_far(edge)} + (SELECT count(*) FROM redemption WHERE shop_id = :shop_id"
        f" AND created_at >= (SELECT at FROM {edge}) AND created_at < {moment}{CONDITIONS[facet]}) AS n"
    )


def _place(facet: Facet) -> str:
    """(count, created_at and id of the page's first row, or None): `made_from_at` ≤ created_at < `made_until_at`."""
    return f"""
WITH sound AS (SELECT {_SOUND} AS at),
last_edge AS ({_edge()}),
edge_before AS ({_edge(" AND until_at <= :made_from_at")}),
edge_within AS ({_edge(" AND until_at <= :made_until_at")}),
before AS ({_rank("edge_before", ":made_from_at", facet)}),
whole AS ({_rank("edge_within", ":made_until_at", facet)}),
wanted AS (SELECT n + :skipped AS n FROM before),
stretch AS (
    SELECT from_at AS at, so_far - here AS n FROM tally WHERE {_OF} AND so_far > (SELECT n FROM wanted)
    AND until_at <= (SELECT at FROM sound) ORDER BY so_far LIMIT 1
),
start AS (
    SELECT coalesce((SELECT at FROM stretch), (SELECT at FROM last_edge)) AS at,
        coalesce((SELECT n FROM stretch), {_so_far("last_edge")}) AS n
),
first_row AS (
    SELECT created_at, id FROM redemption WHERE shop_id = :shop_id AND created_at >= (SELECT at FROM start)
    AND created_at < :made_until_at{CONDITIONS[facet]} ORDER BY created_at, id
    LIMIT 1 OFFSET (SELECT wanted.n - start.n FROM wanted, start)
)
SELECT (SELECT n FROM whole) - (SELECT n FROM before), (SELECT created_at FROM first_row), (SELECT id FROM first_row)
"""


_PLACES = {facet: _place(facet) for facet in Facet}
_FROM_PLACE = {
    facet: (
        f"{_REDEMPTIONS} WHERE shop_id = :shop_id AND (created_at, id) >= (:at, :id)"
        f" AND created_at < :made_until_at{CONDITIONS[facet]} ORDER BY created_at, id LIMIT :limit"
    )
    for facet in Facet
}

# Of the rows that changed since a moment, those made before it come first: they are all in the index of changes.
_CHANGED = (
    "shop_id = :shop_id AND changed_at > created_at"
    " AND changed_at >= :changed_from_at AND changed_at < :changed_until_at"
)
_OLD = f"{_CHANGED} AND created_at < :changed_from_at"
_OLD_COUNT = f"SELECT count(*) FROM redemption WHERE {_OLD}"
_OLD_PAGE = f"{_REDEMPTIONS} WHERE {_OLD} ORDER BY created_at, id LIMIT :limit OFFSET :offset"
# Of those made within, the ones that changed again after the end.
_GONE_COUNT = (
    "SELECT count(*) FROM redemption WHERE shop_id = :shop_id AND changed_at > created_at"
    " AND changed_at >= :changed_until_at AND created_at >= :changed_from_at AND created_at < :changed_until_at"
)
_NEW_PAGE = (
    f"{_REDEMPTIONS} WHERE shop_id = :shop_id AND created_at >= :changed_from_at AND created_at < :changed_until_at"
    " AND changed_at < :changed_until_at ORDER BY created_at, id LIMIT :limit OFFSET :offset"
)

Found = tuple[int, list[rows.Row]]
"""(count of all, the rows of the page)"""


class Range(NamedTuple):
    """A shop's redemptions made within a time, of all schemes, of one kind or of one scheme."""

    shop_id: int
    facet: Facet = Facet.ALL
    value: int = 0
    from_at: int = 0
    until_at: int = NO_END

    def page(self, run: Run, offset: int, limit: int) -> Found:
        parameters = {
            "shop_id": self.shop_id, "facet": int(self.facet), "value": self.value,
            "made_from_at": self.from_at, "made_until_at": self.until_at,
        }  # fmt: skip
        [(count, at, id)] = run(_PLACES[self.facet], {**parameters, "skipped": offset})
        count = int(count)
        if offset >= count:  # also when the time ends before it begins
            return max(count, 0), []
        found = run(_FROM_PLACE[self.facet], {**parameters, "at": at, "id": id, "limit": limit})
        return count, list(found)


class Changed(NamedTuple):
    """A shop's redemptions whose last change lies within a time."""

    shop_id: int
    from_at: int = 0
    until_at: int = NO_END

    def page(self, run: Run, offset: int, limit: int) -> Found:
        parameters = {"shop_id": self.shop_id, "changed_from_at": self.from_at, "changed_until_at": self.until_at}
        [(old,)] = run(_OLD_COUNT, parameters)
        found = list(run(_OLD_PAGE, {**parameters, "limit": limit, "offset": offset})) if offset < old else []
        limit, offset = limit - len(found), max(0, offset - old)
        made = Range(self.shop_id, from_at=self.from_at, until_at=self.until_at)
        new, rest = made.page(run, offset, limit)
        if self.until_at != NO_END:
            [(gone,)] = run(_GONE_COUNT, parameters)
            new -= gone
            rest = list(run(_NEW_PAGE, {**parameters, "limit": limit, "offset": offset})) if offset < new else []
        return old + new, found + rest
