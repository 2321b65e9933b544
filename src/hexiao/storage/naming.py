"""Puts scheme, shop and cashier beside the rows of a numbered list: few, and kept between lists, unlike the rows.

Asks the database only for those that are not kept. Trusts what is kept no longer than the edition which the page read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hexiao.domain.party import Cashier, Shop
from hexiao.domain.redemption import ListedRedemption
from hexiao.storage import rows
from hexiao.storage.lists import Query
from hexiao.storage.loading import Kept

_SCHEME, _SHOP, _CASHIER = 0, 5, 13
"""Where a row of pages.statement says which."""


def named(query: Query, page: Sequence[rows.Row], edition: int, kept: Kept) -> list[ListedRedemption]:
    """What is asked for now may be newer than the page: then another edition follows, and it is read anew."""
    kept.start(edition)
    if missing := {row[_SCHEME] for row in page} - kept.heads.keys():
        kept.heads.update((head[0], head) for head in query("schemes_by_id", ids=missing))
    _keep(query, "shops_by_id", Shop, {row[_SHOP] for row in page}, kept.shops)
    _keep(query, "cashiers_by_id", Cashier, {row[_CASHIER] for row in page}, kept.cashiers)
    heads, shops, cashiers = kept.heads, kept.shops, kept.cashiers
    return [rows.listed(r[1:], heads[r[_SCHEME]][2], shops.get(r[_SHOP]), cashiers.get(r[_CASHIER])) for r in page]


def _keep(query: Query, name: str, kind: type[Any], ids: set[int], kept: dict[int, Any]) -> None:
    missing = ids - kept.keys() - {None}
    if missing:
        kept.update((row[0], rows.record(kind, row)) for row in query(name, ids=missing))
