"""What a caller asks for: query strings and JSON bodies that may be hostile, read into typed parameters.

Anything that cannot be read is a documented business error naming the field; nothing here raises anything else.
Parts of a query that the signature does not cover (without a name or without `=`) are not parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from hexiao.domain.scheme import Kind
from hexiao.gateways.kingdee.errors import field_empty, field_format, field_type

PAGE_SIZE_MAX: Final = 100
COUNT_MAX: Final = 2**31 - 1
ID_MAX: Final = 2**63 - 1
TEXT_MAX: Final = 256

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOCAL_TIME = re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})", re.ASCII)


class Parameters:
    """The parameters of one call by name; an empty value is an absent one."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def text(self, field: str) -> str | None:
        value = self._values.get(field)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise field_type(field)
        text = str(value)
        if len(text) > TEXT_MAX or _CONTROL.search(text):
            raise field_format(field)
        return text

    def required(self, field: str) -> str:
        text = self.text(field)
        if text is None:
            raise field_empty(field)
        return text

    def whole(self, field: str, most: int) -> int | None:
        """Decimal digits up to `most`; no sign, no point, no space."""
        text = self.text(field)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()) or int(text) > most:
            raise field_type(field)
        return int(text)

    def local_time(self, field: str) -> datetime | None:
        """yyyy-MM-dd HH:mm:ss of a day that exists, still without a zone."""
        text = self.text(field)
        if text is None:
            return None
        match = _LOCAL_TIME.fullmatch(text)
        if match is None:
            raise field_format(field)
        year, month, day, hour, minute, second = map(int, match.groups())
        try:
            return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the merchant's zone comes later
        except ValueError:
            raise field_format(field) from None


class WriteOffQuery(msgspec.Struct, kw_only=True, frozen=True):
    """The thirteen parameters of 优惠券核销; bounds are inclusive to the second, in the merchant's zone."""

    store_id: int
    bill_no: str | None
    coupons_no: str | None
    create_start: datetime | None
    create_end: datetime | None
    modify_start: datetime | None
    modify_end: datetime | None
    member_card_id: str | None
    member_id: int | None
    schema_no: str | None
    schema_type: Kind | None
    page: int
    page_size: int


def write_off_query(params: Parameters) -> WriteOffQuery:
    """Raises Rejected for the first parameter that is missing or cannot be read."""
    params.required("store_id")
    store_id = params.whole("store_id", ID_MAX)
    assert store_id is not None
    return WriteOffQuery(
        store_id=store_id,
        bill_no=params.text("bill_no"),
        coupons_no=params.text("coupons_no"),
        create_start=params.local_time("create_start_time"),
        create_end=params.local_time("create_end_time"),
        modify_start=params.local_time("modify_start_time"),
        modify_end=params.local_time("modify_end_time"),
        member_card_id=params.text("member_card_id"),
        member_id=params.whole("member_id", ID_MAX),
        schema_no=params.text("schema_no"),
        schema_type=_kind(params),
        page=_counted(params, "page", 1),
        page_size=min(_counted(params, "page_size", PAGE_SIZE_MAX), PAGE_SIZE_MAX),
    )


def from_query(raw: str) -> dict[str, str]:
    """Raw query string → parameters; of several with one name the first counts."""
    if _BAD_ESCAPE.search(raw):
        raise field_format("请求参数")
    values: dict[str, str] = {}
    for part in raw.split("&"):
        name, equals, value = part.partition("=")
        if name and equals:
            values.setdefault(_decoded(name), _decoded(value))
    return values


def from_body(body: bytes) -> dict[str, object]:
    """A JSON object → parameters; an empty body, `null` and the `[]` of PHP clients hold none."""
    if not body.strip():
        return {}
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise field_format("请求体") from None
    if decoded is None or decoded == []:
        return {}
    if not isinstance(decoded, dict):
        raise field_format("请求体")
    return decoded


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise field_format("请求参数") from None


def _counted(params: Parameters, field: str, default: int) -> int:
    number = params.whole(field, COUNT_MAX)
    if number == 0:
        raise field_type(field)
    return default if number is None else number


def _kind(params: Parameters) -> Kind | None:
    number = params.whole("schema_type", max(Kind))
    if number == 0:
        raise field_type("schema_type")
    return None if number is None else Kind(number)
