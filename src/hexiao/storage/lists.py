"""The lists: a filter becomes one WHERE over redemptions, and the page found is filled with the names beside it.

Conditions are fixed texts with parameters; nothing of the caller ever becomes SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from hexiao.domain.party import Cashier, Member, Shop
from hexiao.domain.redemption import Redemption
from hexiao.domain.scheme import Scheme
from hexiao.storage import pages, rows
from hexiao.storage.base import CouponFilter, Cursor, RedemptionFilter, RedemptionRow
from hexiao.storage.loading import VersionCache
from hexiao.storage.texts import COLUMNS

Query = Callable[..., Iterable[rows.Row]]
"""query(name, **parameters) → rows of a named query."""

NOWHERE = -1
"""An id that no row has: for a filter value that names nothing."""

_REDEMPTION_CONDITIONS: dict[str, str] = {
    "merchant_id": "merchant_id = :merchant_id",
    "shop_id": "shop_id = :shop_id",
    "bill_number": "bill_number = :bill_number",
    "coupon_id": "coupon_id = :coupon_id",
    "member_id": "member_id = :member_id",
    "member_card_id": (
        "member_id IN (SELECT id FROM member WHERE merchant_id = :merchant_id AND card_id = :member_card_id)"
    ),
    "scheme_id": "scheme_id = :scheme_id",
    "kind": "kind = :kind",
    "created_from_at": "created_at >= :created_from_at",
    "created_until_at": "created_at < :created_until_at",
    "changed_from_at": "changed_at >= :changed_from_at",
    "changed_until_at": "changed_at < :changed_until_at",
}


class RedemptionQuery:
    """The resolved filter: SQL conditions and parameters over the redemption table alone."""

    def __init__(self, query: Query, wanted: RedemptionFilter) -> None:
        self.parameters = _resolved(query, wanted)
        conditions = [_REDEMPTION_CONDITIONS[name] for name in self.parameters]
        self._by_state = bool(wanted.states)
        if wanted.states:
            conditions.append(f"state IN ({', '.join(str(int(state)) for state in wanted.states)})")
        self.where = " AND ".join(conditions)

    def sought(self) -> tuple[pages.Sought, dict[str, Any]]:
        """What a numbered page is found by: tallies where they help, else by counting."""
        asked = dict(self.parameters)
        merchant_id, shop_id = asked.pop("merchant_id"), asked.pop("shop_id", None)
        if shop_id is None or self._by_state:
            return pages.plain(self.where), self.parameters
        by = "changed" if "changed_from_at" in asked or "changed_until_at" in asked else "created"
        from_at, until_at = max(0, asked.pop(f"{by}_from_at", 0)), asked.pop(f"{by}_until_at", pages.NO_END)
        facet, value = pages.Facet.ALL, 0
        if by == "created" and len(asked) == 1 and (name := next(iter(asked))) in pages.FACETS:
            facet, value = pages.FACETS[name], int(asked.pop(name))
        if asked:
            return pages.plain(self.where), self.parameters
        found = pages.MADE[facet]
        if by == "changed":
            found = pages.CHANGED_SINCE if until_at == pages.NO_END else pages.CHANGED_WITHIN
        return found, {
            "merchant_id": merchant_id, "shop_id": shop_id, "facet": int(facet), "value": value,
            "from_at": from_at, "until_at": until_at,
        }  # fmt: skip

    def newest_sql(self) -> str:
        """Newest first after a cursor."""
        return (
            f"SELECT {', '.join(COLUMNS['redemption'])} FROM redemption WHERE {self.where}"
            " AND (created_at, id) < (:at, :id) ORDER BY created_at DESC, id DESC LIMIT :limit"
        )


def _resolved(query: Query, wanted: RedemptionFilter) -> dict[str, Any]:
    """Names of other tables become ids first, so that the list itself reads one table by one index."""
    names = (*_REDEMPTION_CONDITIONS,)
    parameters = {name: getattr(wanted, name, None) for name in names if getattr(wanted, name, None) is not None}
    if wanted.code is not None:
        found = [row[2] for row in query("coupon_ids", keys=[(wanted.merchant_id, wanted.code)])]
        _narrow(parameters, "coupon_id", found)
    if wanted.scheme_number is not None:
        found = [row[2] for row in query("scheme_ids", keys=[(wanted.merchant_id, wanted.scheme_number)])]
        _narrow(parameters, "scheme_id", found)
    return parameters


def _narrow(parameters: dict[str, Any], name: str, found: list[int]) -> None:
    value = found[0] if found else NOWHERE
    if parameters.setdefault(name, value) != value:
        parameters[name] = NOWHERE


def fill(query: Query, redemptions: list[Redemption]) -> list[RedemptionRow]:
    """Put coupon, scheme, shop, cashier and member beside each redemption; one read for each kind, not for each row."""
    if not redemptions:
        return []
    coupons = {c.id: c for c in map(rows.coupon, query("coupons_by_id", ids={r.coupon_id for r in redemptions}))}
    schemes = schemes_at(query, {(c.scheme_id, c.scheme_version) for c in coupons.values()})
    member_ids = {r.member_id for r in redemptions}
    shops: dict[int, Shop] = _by_id(query, "shops_by_id", Shop, {r.shop_id for r in redemptions})
    cashiers: dict[int, Cashier] = _by_id(query, "cashiers_by_id", Cashier, {r.cashier_id for r in redemptions})
    members: dict[int, Member] = _by_id(query, "members_by_id", Member, member_ids)
    filled = []
    for redemption in redemptions:
        coupon = coupons[redemption.coupon_id]
        member_id = redemption.member_id
        filled.append(
            RedemptionRow(
                redemption=redemption,
                coupon=coupon,
                scheme=schemes[coupon.scheme_id, coupon.scheme_version],
                shop=shops.get(redemption.shop_id),
                cashier=None if redemption.cashier_id is None else cashiers.get(redemption.cashier_id),
                member=None if member_id is None else members.get(member_id),
            )
        )
    return filled


_decode_beside = msgspec.json.Decoder(list[list[Any]]).decode
_END_OF_REDEMPTION = 1 + len(pages.BESIDE) + len(COLUMNS["redemption"])
_END_OF_COUPON = _END_OF_REDEMPTION + len(COLUMNS["coupon"])


def page(query: Query, versions: VersionCache, found: list[rows.Row]) -> tuple[int, list[RedemptionRow]]:
    """From the rows of `pages.statement`."""
    count, *beside = found[0][: 1 + len(pages.BESIDE)]
    if count is None or beside[0] is None:  # another merchant's shop, or an empty page
        return max(int(count or 0), 0), []
    shops, cashiers, heads = (_decode_beside(text or "[]") for text in beside)
    shop_of: dict[int, Shop] = {row[0]: rows.record(Shop, row) for row in shops}
    cashier_of: dict[int | None, Cashier] = {row[0]: rows.record(Cashier, row) for row in cashiers}
    head_of = {row[0]: row for row in heads}
    scheme_of: dict[tuple[int, int], Scheme] = {}
    filled = []
    members: dict[int, Member] = {}
    for row in found:
        redemption = rows.redemption(row[1 + len(pages.BESIDE) : _END_OF_REDEMPTION])
        coupon = rows.coupon(row[_END_OF_REDEMPTION:_END_OF_COUPON])
        version = coupon.scheme_id, coupon.scheme_version
        if version not in scheme_of:
            scheme_of[version] = rows.scheme(head_of[coupon.scheme_id], _version(query, versions, version))
        member_id = row[_END_OF_COUPON]
        if member_id is not None and member_id not in members:
            members[member_id] = rows.record(Member, row[_END_OF_COUPON:])
        filled.append(
            RedemptionRow(
                redemption=redemption,
                coupon=coupon,
                scheme=scheme_of[version],
                shop=shop_of.get(redemption.shop_id),
                cashier=cashier_of.get(redemption.cashier_id),
                member=members.get(member_id),
            )
        )
    return int(count), filled


def _version(query: Query, versions: VersionCache, key: tuple[int, int]) -> rows.Row:
    if key not in versions:
        [versions[key]] = query("scheme_versions", keys=[key])
    return versions[key]


def schemes_at(query: Query, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], Scheme]:
    """Schemes at the versions asked for; a version of 0 means the latest."""
    heads = {head[0]: head for head in query("schemes_by_id", ids={scheme_id for scheme_id, _ in pairs})}
    exact = {(i, version or heads[i][3]): (i, version) for i, version in pairs if i in heads}
    if not exact:
        return {}
    versions = query("scheme_versions", keys=list(exact))
    return {exact[row[0], row[1]]: rows.scheme(heads[row[0]], row) for row in versions}


def coupons_sql(wanted: CouponFilter) -> tuple[str, dict[str, Any]]:
    """Newest id first, below :id."""
    parameters: dict[str, Any] = {"merchant_id": wanted.merchant_id}
    conditions = ["merchant_id = :merchant_id"]
    for name in ("scheme_id", "member_id"):
        if getattr(wanted, name) is not None:
            parameters[name] = getattr(wanted, name)
            conditions.append(f"{name} = :{name}")
    where = " AND ".join(conditions)
    columns = ", ".join(COLUMNS["coupon"])
    return f"SELECT {columns} FROM coupon WHERE {where} AND id < :id ORDER BY id DESC LIMIT :limit", parameters


def start(after: Cursor | None) -> Cursor:
    """Before everything, when no cursor is given."""
    return after or Cursor(2**63 - 1, 2**63 - 1)


def _by_id(query: Query, name: str, kind: type[Any], ids: set[int] | set[int | None]) -> dict[int, Any]:
    wanted = {i for i in ids if i is not None}
    return (
        {record.id: record for record in (rows.record(kind, row) for row in query(name, ids=wanted))} if wanted else {}
    )
