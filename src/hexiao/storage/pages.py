"""One statement for one page of a list: how many rows there are, and the rows with coupon and member beside them.

In a shop's list it finds the place by tallies: a tally says how many redemptions were made before a moment, and between
two of them lie some hundred rows. Every answer is exact, with tallies or without; without, it takes as long as counting
does. Only reads; `tallying` makes the tallies.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

NO_END = 2**63 - 1

SHOWN: dict[str, tuple[str, ...]] = {
    "p": (
        "scheme_id", "id", "created_at", "coupon_id", "bill_number", "shop_id", "kind", "state", "held_fen",
        "captured_fen", "reversed_fen", "held_until_at", "captured_at", "cashier_id", "member_id",
    ),
    "c": ("code", "record_id", "face_fen", "uses_max", "captured_fen", "captured_uses"),
    "m": ("name", "mobile", "card_id", "card_number"),
}  # fmt: skip
"""The scheme and the fields of ListedRedemption, in order, by the table in which they stand, but for the names of
schemes, shops and cashiers: these are few, and kept."""
_COLUMNS = [f"{table}.{column}" for table, columns in SHOWN.items() for column in columns]
place = itemgetter(_COLUMNS.index("p.created_at"), _COLUMNS.index("p.id"))
"""Of a row, to put the page in order: a hundred rows are sorted faster here than beside their names."""
_EDITION = "edition AS (SELECT coalesce(max(last), 0) AS n FROM node WHERE name = 'records'),"


class Facet(IntEnum):
    """What a tally counts."""

    ALL = 0
    KIND = 1
    SCHEME = 2


FACETS = {"kind": Facet.KIND, "scheme_id": Facet.SCHEME}
"""By the filter that it answers."""
OF_SCHEME_IN_SHOP = "scheme_id BETWEEN {0} AND {0}"
"""Equal, said so that SQLite stays in the index of the shop, which has the scheme in it, too: in that of the scheme lie
the redemptions of all shops."""
_ONLY: dict[Facet, str] = {
    Facet.ALL: "",
    Facet.KIND: " AND kind = :value",
    Facet.SCHEME: f" AND {OF_SCHEME_IN_SHOP.format(':value')}",
}


SORTED = "+"
"""Put before the columns of an order, it makes a sort of it: then that index is chosen which finds the rows, not the
one in which they lie in order. SQLite, without statistics, takes the latter, and reads a whole shop for one bill."""


def in_order(plus: str = "", of: str = "", way: str = "") -> str:
    return f"{plus}{of}created_at{way}, {plus}{of}id{way}"


class Part(NamedTuple):
    """Rows in order of the list, and how many of them come before the page."""

    where: str
    skipped: str
    plus: str = ""
    places_first: bool = False
    """Whether an index alone puts them in order; then only the rows of the page are read."""
    after: str = ""
    """A table that says in `n` how many rows of the list come before the part: it fills what they leave of the page."""


class Sought(NamedTuple):
    """What a statement is made of. The parts follow each other in the list."""

    tables: str
    total: str
    parts: tuple[Part, ...]


def plain(where: str, plus: str) -> Sought:
    """By counting."""
    return Sought("", f"({count(where)})", (Part(where, ":offset", plus),))


def count(where: str) -> str:
    return f"SELECT count(*) FROM redemption WHERE {where}"


def plain_rows(where: str, plus: str, limit: int) -> str:
    """The rows of a page by themselves, without what stands beside them."""
    return _rows(Part(where, ":offset", plus), limit)


@lru_cache(256)
def statement(sought: Sought, limit: int) -> str:
    """One row of (edition, count, 0, NULL…), by `place` the first, and one of what is shown for each of the page.

    The limit stands in the text: a plan for any number of rows would be a plan for very many.
    """
    found = " UNION ALL ".join(f"SELECT * FROM ({_rows(part, limit)}) r" for part in sought.parts)
    text = (
        f"WITH {_EDITION} {sought.tables} page AS ({found})"
        f" SELECT (SELECT n FROM edition), {sought.total}, 0{', NULL' * (len(_COLUMNS) - 3)}"
        f" UNION ALL SELECT {', '.join(_COLUMNS)} FROM page p"
        " LEFT JOIN coupon c ON c.id = p.coupon_id LEFT JOIN member m ON m.id = p.member_id"
    )
    return " ".join(text.split())


def _rows(part: Part, limit: int) -> str:
    shown = SHOWN["p"]
    of_page = f"FROM redemption WHERE {part.where} ORDER BY {in_order(part.plus)} LIMIT {limit:d} OFFSET {part.skipped}"
    rows = f"SELECT {', '.join(shown)} {of_page}"
    if part.places_first:
        rows = (
            f"SELECT {', '.join(f'p.{column}' for column in shown)} FROM (SELECT created_at, id {of_page}) k"
            " JOIN redemption p ON p.shop_id = :shop_id AND p.created_at = k.created_at AND p.id = k.id"
        )
    if part.after:  # nothing is looked for once the page is full
        left = f"CASE WHEN n > :offset THEN :offset + {limit:d} - n ELSE {limit:d} END"
        left = f"SELECT CASE WHEN n > :offset + {limit:d} THEN 0 ELSE {left} END FROM {part.after}"
        rows = f"SELECT * FROM ({rows}) w LIMIT ({left})"
    return rows


# A shop's redemptions made within a time, of all, of one kind or of one scheme.

_OF = "shop_id = :shop_id AND facet = :facet AND value = :value"


def _edge(by: str = "") -> str:
    """The end of the last sound stretch, or of the last one that ends by a moment."""
    return (
        f"SELECT coalesce((SELECT until_at FROM tally WHERE shop_id = :shop_id AND facet = 0 AND value = 0{by}"
        " AND until_at <= (SELECT at FROM sound) ORDER BY until_at DESC LIMIT 1), 0) AS at"
    )


def _so_far(edge: str) -> str:
    """How many were made before that edge."""
    return (
        f"coalesce((SELECT so_far FROM tally WHERE {_OF} AND until_at <= (SELECT at FROM {edge})"
        " ORDER BY until_at DESC LIMIT 1), 0)"
    )


def _rank(edge: str, moment: str, only: str) -> str:
    """How many were made before the moment: what is tallied, and the rest counted."""
    return (
        f"SELECT {_so_far(edge)} + (SELECT count(*) FROM redemption WHERE shop_id = :shop_id"
        f" AND created_at >= (SELECT at FROM {edge}) AND created_at < {moment}{only}) AS n"
    )


def _counted(only: str = "", *, since: bool = True) -> str:
    """The numbers made `before` the time, and by the end of it on the `whole`. `since`: it has a beginning."""
    before = "before AS (SELECT 0 AS n),"
    if since:
        edge = _edge(" AND until_at <= :from_at")
        before = f"edge_before AS ({edge}), before AS ({_rank('edge_before', ':from_at', only)}),"
    return f"""
of_shop AS (SELECT id FROM shop WHERE id = :shop_id AND merchant_id = :merchant_id),
sound AS (SELECT coalesce((SELECT sound_until_at FROM tallied WHERE shop_id = :shop_id), 0) AS at),
{before}
edge_within AS ({_edge(" AND until_at <= :until_at")}),
whole AS ({_rank("edge_within", ":until_at", only)}),"""


def _placed(only: str = "", offset: str = ":offset") -> str:
    """The `first` row of the page."""
    return f"""
last_edge AS ({_edge()}),
wanted AS (SELECT n + {offset} AS n FROM before),
stretch AS (
    SELECT from_at AS at, so_far - here AS n FROM tally WHERE {_OF} AND so_far > (SELECT n FROM wanted)
    AND until_at <= (SELECT at FROM sound) ORDER BY so_far LIMIT 1
),
start AS (
    SELECT coalesce((SELECT at FROM stretch), (SELECT at FROM last_edge)) AS at,
        coalesce((SELECT n FROM stretch), {_so_far("last_edge")}) AS n
),
first AS (
    SELECT created_at, id FROM redemption WHERE shop_id = :shop_id AND created_at >= (SELECT at FROM start)
    AND created_at < :until_at{only} ORDER BY created_at, id
    LIMIT 1 OFFSET (SELECT wanted.n - start.n FROM wanted, start)
),"""


_IN_TIME = "(SELECT n FROM whole) - (SELECT n FROM before)"


def _owned(total: str) -> str:
    """A shop is one merchant's for ever, so its redemptions need not be asked one by one whose they are."""
    return f"CASE WHEN EXISTS (SELECT 1 FROM of_shop) THEN {total} END"


def _from_first(only: str = "", after: str = "") -> Part:
    where = "(created_at, id) >= ((SELECT created_at FROM first), (SELECT id FROM first)) AND created_at < :until_at"
    return Part(f"shop_id = :shop_id AND {where}{only}", "0", after=after)


MADE = {
    (facet, since): Sought(_counted(only, since=since) + _placed(only), _owned(_IN_TIME), (_from_first(only),))
    for facet, only in _ONLY.items()
    for since in (True, False)
}
"""By the facet, and whether the time has a beginning.

Parameters: merchant_id, shop_id, facet, value, from_at, until_at, offset."""

# A shop's redemptions whose last change lies within a time. Those made before it come first; all of them stand in the
# index of changes. Then come those made within, without the ones that changed again after the end.

_CHANGED = "shop_id = :shop_id AND changed_at > created_at AND changed_at >= :from_at AND changed_at < :until_at"
_OLD = f"{_CHANGED} AND created_at < :from_at"
_AGAIN = (
    "shop_id = :shop_id AND changed_at > created_at AND changed_at >= :until_at"
    " AND created_at >= :from_at AND created_at < :until_at"
)
_MADE_THEN = "shop_id = :shop_id AND created_at >= :from_at AND created_at < :until_at AND changed_at < :until_at"
_BEYOND_OLD = "(SELECT CASE WHEN :offset > n THEN :offset - n ELSE 0 END FROM old)"
_FEW = "(SELECT n <= 200 FROM old)"
"""So many rows are fetched and put in order sooner than they are found a second time."""
_OLD_PARTS = (
    Part(f"{_OLD} AND {_FEW}", ":offset", SORTED),
    Part(f"{_OLD} AND NOT {_FEW}", ":offset", SORTED, places_first=True),
)
_COUNTED_OLD = f"old AS (SELECT count(*) AS n FROM redemption WHERE {_OLD}), {_counted()}"

CHANGED_SINCE = Sought(
    _COUNTED_OLD + _placed(offset=_BEYOND_OLD),
    _owned(f"(SELECT n FROM old) + {_IN_TIME}"),
    (*_OLD_PARTS, _from_first(after="old")),
)
CHANGED_WITHIN = Sought(
    _COUNTED_OLD,
    _owned(f"(SELECT n FROM old) + {_IN_TIME} - (SELECT count(*) FROM redemption WHERE {_AGAIN})"),
    (*_OLD_PARTS, Part(_MADE_THEN, _BEYOND_OLD, after="old")),
)
"""Parameters: as for MADE, with the facet ALL."""


def changed(of_old: str, of_made: str) -> Sought:
    """The same of the rows that a condition leaves: by counting what changed, which is less than was ever made.

    It is said twice, so that each part is found by its own index.
    """
    old, made = f"{_OLD} AND {of_old}", f"{_MADE_THEN} AND {of_made}"
    return Sought(
        f"old AS (SELECT count(*) AS n FROM redemption WHERE {old}),",
        f"(SELECT n FROM old) + ({count(made)})",
        (Part(old, ":offset", SORTED), Part(made, _BEYOND_OLD, after="old")),
    )
