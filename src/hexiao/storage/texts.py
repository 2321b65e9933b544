"""The SQL texts: loads the named queries of a file and fits them to one engine. Holds no SQL of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.resources import files

from hexiao.domain.chain import Block
from hexiao.domain.coupon import Coupon
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.redemption import JournalEntry, Redemption

SCHEME_COLUMNS = (
    "id", "merchant_id", "number", "latest", "paused", "shown_in_list", "shown_on_goods", "created_at", "updated_at",
    "seq",
)  # fmt: skip
COLUMNS: dict[str, tuple[str, ...]] = {
    "merchant": Merchant.__struct_fields__,
    "shop": Shop.__struct_fields__,
    "cashier": Cashier.__struct_fields__,
    "member": Member.__struct_fields__,
    "item": Item.__struct_fields__,
    "credential": Credential.__struct_fields__,
    "scheme": SCHEME_COLUMNS,
    "coupon": Coupon.__struct_fields__,
    "redemption": Redemption.__struct_fields__,
    "journal": JournalEntry.__struct_fields__,
    "block": Block.__struct_fields__,
}
"""The columns of a table are the fields of its struct, in order; a scheme's stand in two tables."""

_NAMED = re.compile(r"^-- name: (.+)$", re.MULTILINE)
_HOLE = re.compile(r"\{(\w+)(?::(\w+)(?:\(([\w, ]+)\))?)?\}")

Macro = Callable[[str, tuple[str, ...]], str]
"""(parameter or column, SQL types) → SQL"""


def read_queries(filename: str, macros: Mapping[str, Macro]) -> dict[str, str]:
    """name → SQL, with `{list:x}`-like holes filled by the engine's macros and `{table}` by its columns."""
    text = files("hexiao.storage").joinpath(filename).read_text("utf-8")
    pieces = _NAMED.split(text)[1:]

    def fill(hole: re.Match[str]) -> str:
        name, argument, types = hole.groups()
        if argument is None:
            return ", ".join(COLUMNS[name])
        return macros[name](argument, tuple(types.split(", ")) if types else ())

    return {name.strip(): _HOLE.sub(fill, sql).strip() for name, sql in zip(pieces[::2], pieces[1::2], strict=True)}
