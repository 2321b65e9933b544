"""The lists: a filter becomes one WHERE over redemptions, and the page found is filled with the names beside it.

Conditions are fixed texts with parameters; nothing of the caller ever becomes SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hexiao.domain.party import Cashier, Member, Shop
from hexiao.domain.redemption import Redemption, State
from hexiao.domain.scheme import Scheme
from hexiao.storage import pages, rows
from hexiao.storage.base import CouponFilter, Cursor, RedemptionFilter, RedemptionRow
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

_CHANGES = {"changed_from_at", "changed_until_at"}
_BEGINS = ("merchant_id", "shop_id", "member_id", "scheme_id", "created_at")
"""Columns by which an index could be chosen."""
_INDEX: dict[str, tuple[str, ...]] = {
    "coupon_id": (),
    "bill_number": ("merchant_id", "shop_id"),
    "member_id": ("member_id", "created_at"),
    "member_card_id": ("member_id", "created_at"),
    "held": (),
    "uncaptured": ("merchant_id", "shop_id", "created_at"),
    "shop_id": ("shop_id", "created_at"),
    "scheme_id": ("scheme_id", "created_at"),
    "merchant_id": ("merchant_id", "created_at"),
}
"""Filters that have an index, who leaves the fewest rows first, and which of those columns it has, too."""
_BESIDE_CHANGES = ("uncaptured", "scheme_id")
"""Filters whose index is not asked for what changed: that has one of its own, shop by shop."""


class RedemptionQuery:
    """The resolved filter: SQL conditions and parameters over the redemption table alone."""

    def __init__(self, query: Query, wanted: RedemptionFilter) -> None:
        self.parameters = _resolved(query, wanted)
        self._texts = {name: _REDEMPTION_CONDITIONS[name] for name in self.parameters}
        if wanted.states:
            name, text = _in_states(wanted)
            self._texts[name] = text
            if wanted.now is not None:
                self.parameters["now"] = wanted.now
        changed = _CHANGES & self.parameters.keys()
        passed = _BESIDE_CHANGES if changed else ()
        self.best = next(name for name in _INDEX if name in self._texts and name not in passed)
        """The filter whose index finds the fewest rows."""
        self.index = _INDEX[self.best]
        self.plus = "" if "created_at" in self.index else pages.SORTED
        self.where = " AND ".join(self.conditions(*self.index).values())

    def conditions(self, *index: str) -> dict[str, str]:
        """The conditions. A plus, which changes no value, keeps a column from being looked for in any other index."""
        begins = [column for column in _BEGINS if column not in index]
        texts = {name: f"+{text}" if text.split()[0] in begins else text for name, text in self._texts.items()}
        if "shop_id" in index and "scheme_id" in texts:
            texts["scheme_id"] = pages.OF_SCHEME_IN_SHOP.format(":scheme_id")
        return texts

    def sought(self) -> tuple[pages.Sought, dict[str, Any]]:
        """What a numbered page is found by: of a shop by tallies, or among what changed; else by counting."""
        changed = _CHANGES & self.parameters.keys()
        by = "changed" if changed else "created"
        from_at, until_at = (self.parameters.get(f"{by}_{end}_at") for end in ("from", "until"))
        time = {"from_at": max(0, from_at or 0), "until_at": pages.NO_END if until_at is None else until_at}
        rest = [
            name for name in self._texts if name not in ("merchant_id", "shop_id", f"{by}_from_at", f"{by}_until_at")
        ]
        facet, value = pages.Facet.ALL, 0
        match [self.best, by, *rest]:
            case ["shop_id", "changed"]:
                found = pages.CHANGED_SINCE if until_at is None else pages.CHANGED_WITHIN
            case ["shop_id", "changed", *_]:
                beside = ("merchant_id", *rest)
                texts = [self.conditions(*index) for index in (("shop_id",), self.index)]
                of_old, of_made = (" AND ".join(text[name] for name in beside) for text in texts)
                return pages.changed(of_old, of_made), {**self.parameters, **time}
            case ["shop_id", "created"]:
                found = pages.MADE[facet, time["from_at"] > 0]
            case ["shop_id", "created", "kind" | "scheme_id" as name]:
                facet, value = pages.FACETS[name], int(self.parameters[name])
                found = pages.MADE[facet, time["from_at"] > 0]
            case _:
                return pages.plain(self.where, self.plus), self.parameters
        of_shop = {name: self.parameters[name] for name in ("merchant_id", "shop_id")}
        return found, {**of_shop, "facet": int(facet), "value": value, **time}


def _in_states(wanted: RedemptionFilter) -> tuple[str, str]:
    """(The name of the condition, its text)."""
    if wanted.states == (State.HELD,) and wanted.now is not None:
        return "held", f"state = {State.HELD:d} AND held_until_at > :now"
    written = f"state IN ({', '.join(str(int(state)) for state in wanted.states)})"
    held, lapsed = (state in wanted.states for state in (State.HELD, State.LAPSED))
    if held and not lapsed and wanted.now is not None:
        written = f"{written} AND (state <> {State.HELD:d} OR held_until_at > :now)"
    if lapsed and not held and wanted.now is not None:
        written = f"({written} OR (state = {State.HELD:d} AND held_until_at <= :now))"
    if State.CAPTURED in wanted.states:
        return "states", written
    return "uncaptured", f"state <> {State.CAPTURED:d} AND {written}"


def _resolved(query: Query, wanted: RedemptionFilter) -> dict[str, Any]:
    """Names of other tables become ids first, so that the list itself reads one table by one index."""
    names = (*_REDEMPTION_CONDITIONS,)
    parameters = {name: getattr(wanted, name, None) for name in names if getattr(wanted, name, None) is not None}
    if wanted.code is not None:
        found = [row[2] for row in query("coupon_ids", keys=[(wanted.merchant_id, wanted.code)])]
        _narrow(parameters, "coupon_id", found)
    if wanted.scheme_number is not None:
        schemes = list(query("scheme_ids", keys=[(wanted.merchant_id, wanted.scheme_number)]))
        _narrow(parameters, "scheme_id", [row[2] for row in schemes])
        if schemes and parameters.pop("kind", schemes[0][3]) != schemes[0][3]:  # a scheme has one kind for ever
            parameters["scheme_id"] = NOWHERE
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


def schemes_at(query: Query, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], Scheme]:
    """Schemes at the versions asked for; a version of 0 means the latest."""
    heads = {head[0]: head for head in query("schemes_by_id", ids={scheme_id for scheme_id, _ in pairs})}
    exact = {(i, version or heads[i][3]): (i, version) for i, version in pairs if i in heads}
    if not exact:
        return {}
    versions = query("scheme_versions", keys=list(exact))
    return {exact[row[0], row[1]]: rows.scheme(heads[row[0]], row) for row in versions}


def coupons_sql(wanted: CouponFilter) -> tuple[str, dict[str, Any]]:
    """Newest id first, from :id on."""
    parameters: dict[str, Any] = {"merchant_id": wanted.merchant_id}
    conditions = ["merchant_id = :merchant_id"]
    for name in ("scheme_id", "member_id"):
        if getattr(wanted, name) is not None:
            parameters[name] = getattr(wanted, name)
            conditions.append(f"{name} = :{name}")
    where = " AND ".join(conditions)
    columns = ", ".join(COLUMNS["coupon"])
    return f"SELECT {columns} FROM coupon WHERE {where} AND id <= :id ORDER BY id DESC LIMIT :limit", parameters


def start(after: Cursor | None) -> Cursor:
    """Before everything, when no cursor is given."""
    return after or Cursor(2**63 - 1, 2**63 - 1)


def _by_id(query: Query, name: str, kind: type[Any], ids: set[int] | set[int | None]) -> dict[int, Any]:
    wanted = {i for i in ids if i is not None}
    return (
        {record.id: record for record in (rows.record(kind, row) for row in query(name, ids=wanted))} if wanted else {}
    )
