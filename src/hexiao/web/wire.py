"""What has a form of its own on the wire: ids are decimal strings, instants are ISO 8601, money and texts have bounds.

Every request type of /v1 is made of these; nothing unbounded gets past them.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

import msgspec

from hexiao.domain.bill import PRICE_MAX_FEN, QUANTITY_MAX
from hexiao.domain.coupon import TYPED_MAX
from hexiao.domain.money import FEN_MAX

ID_MAX = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"[1-9][0-9]{0,18}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)

END = r"(?![\s\S])"
"""The very end of the text; `$` would let a line break pass."""
NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*" + END


class Given:
    """A number that came in as text. Not a number by itself, so that a forgotten `.value` is a type error."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


class Id(Given):
    """An id."""

    __slots__ = ()


class Instant(Given):
    """A point in time, in UTC ms."""

    __slots__ = ()


def parse_id(text: object) -> int:
    """Raises ValueError for anything but a decimal string of 1 to 2^63 − 1."""
    if isinstance(text, str) and _ID.fullmatch(text) and (number := int(text)) <= ID_MAX:
        return number
    raise ValueError("not_an_id")


def parse_instant(text: object) -> int:
    """ISO 8601 with a zone → UTC ms. Raises ValueError for anything else, and for times before 1970."""
    if isinstance(text, str) and _INSTANT.fullmatch(text):
        with suppress(ValueError):  # a day or an hour that does not exist
            at = (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)
            if at >= 0:
                return at
    raise ValueError("not_an_instant")


JSON_TYPES: dict[type, str] = {
    int: "int", float: "float", bool: "bool", list: "array", dict: "object", type(None): "null"
}  # fmt: skip


def from_wire(wanted: type, found: Any) -> Any:
    """msgspec's dec_hook: how to read Id and Instant. What cannot be read raises the name of its reason, and what is no
    text msgspec's own words."""
    if wanted in (Id, Instant) and not isinstance(found, str):  # 5 would read like "5" in a sentence
        raise ValueError(f"Expected `str`, got `{JSON_TYPES[type(found)]}`")
    if wanted is Id:
        return Id(parse_id(found))
    if wanted is Instant:
        return Instant(parse_instant(found))
    raise NotImplementedError(f"no wire form for {wanted}")


def schema_of(wanted: type) -> dict[str, Any]:
    """msgspec's schema_hook: how the description shows Id and Instant."""
    if wanted is Id:
        return {"type": "string", "pattern": f"^{_ID.pattern}$", "examples": ["236918244311425024"]}
    if wanted is Instant:
        return {"type": "string", "format": "date-time", "examples": ["2026-11-22T01:30:00Z"]}
    raise NotImplementedError(f"no schema for {wanted}")


def value_or_none(given: Given | None) -> int | None:
    return None if given is None else given.value


@lru_cache(maxsize=4_096)  # the answers of one batch share their instants
def iso(at: int) -> str:
    """UTC ms → "2026-11-22T01:30:00.000Z"."""
    return (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(at: int | None) -> str | None:
    return None if at is None else iso(at)


def text_or_none(number: int | None) -> str | None:
    """An id as its decimal string."""
    return None if number is None else str(number)


# What requests are made of.
Text = Annotated[str, msgspec.Meta(max_length=200, pattern=NO_CONTROLS)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_CONTROLS)]
TypedCode = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=TYPED_MAX,
        description="券号，按扫码或手输原样传入 · the coupon's code as scanned or typed: spaces, hyphens, full-width "
        "digits and lower case are normalised",
    ),
]
Fen = Annotated[int, msgspec.Meta(ge=1, le=FEN_MAX)]
FenOrNone = Annotated[int, msgspec.Meta(ge=0, le=FEN_MAX)]
Price = Annotated[int, msgspec.Meta(ge=0, le=PRICE_MAX_FEN)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)]
Channel = Literal["claim", "gift", "card"]
KindName = Literal["money_off", "rate_off", "goods_off", "balance", "rate_uses"]
StateName = Literal["held", "captured", "released", "lapsed", "reversed"]
_STATE = f"({'|'.join(get_args(StateName))})"
STATE_NAMES = f"^{_STATE}(,{_STATE})*{END}"

# What answers are made of.
IdText = Annotated[str, msgspec.Meta(pattern=f"^{_ID.pattern}$", examples=["236918244311425024"])]
TimeText = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
