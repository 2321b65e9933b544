"""What is about to be paid: a bill of a shop, with its lines. The prices are the caller's and are taken as given."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Scene(StrEnum):
    """Where the bill is made; a scheme may also say `both`."""

    SHOP = "shop"
    ONLINE = "online"


class BillLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line: `quantity` whole units at `unit_price_fen`. Weighed goods come as one unit at the line's price."""

    sku: str
    quantity: int
    unit_price_fen: int
    name: str = ""
    category: str = ""

    @property
    def amount_fen(self) -> int:
        return self.quantity * self.unit_price_fen


class Bill(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A bill is known by its shop and number; the same pair is the same bill, whoever sends it."""

    number: str
    shop_id: int
    lines: tuple[BillLine, ...]
    scene: Scene = Scene.SHOP
    cashier_id: int | None = None
    member_id: int | None = None

    @property
    def amount_fen(self) -> int:
        return sum(line.amount_fen for line in self.lines)


QUANTITY_MAX = 1_000_000
LINES_MAX = 1_000
PRICE_MAX_FEN = 1_000_000_000
"""10 million yuan a unit; a whole bill is worth at most FEN_MAX, so that what a scheme gave away fits 63 bits."""
