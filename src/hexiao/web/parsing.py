"""Bytes and query strings → the types of the handlers, or BadRequest that says what is wrong and where.

Strict: no field that is not known, no text for a number, no number for a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, TypeVar, get_args

import msgspec

from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.scheme import CLOCK_TIME
from hexiao.web.wire import ID_MAX, NO_CONTROLS, STATE_NAMES, Name, StateName, from_wire

T = TypeVar("T", bound=msgspec.Struct)

REASON_MAX = 300
PLACE_MAX = 80
FORMS = {
    NO_CONTROLS: "without control characters",
    CLOCK_TIME: "that is a time of the day, 00:00 to 24:00",
    STATE_NAMES: "of one state, or several with commas: " + ", ".join(get_args(StateName)),
}
_Number = Annotated[int, msgspec.Meta(ge=-ID_MAX, le=ID_MAX)] | bool


def parse_body(body: bytes, wanted: type[T]) -> T:
    """An empty body counts as {}: what has only optional fields may be left out altogether."""
    try:
        return _decoder(wanted).decode(body or b"{}")  # type: ignore[no-any-return]
    except msgspec.ValidationError as wrong:
        raise malformed(_plain(str(wrong))) from None
    except UnicodeDecodeError:
        raise malformed("the body is not UTF-8") from None
    except msgspec.DecodeError as wrong:
        raise malformed(f"the body is not JSON: {wrong}") from None
    except RecursionError:
        raise malformed("the body is nested too deeply") from None


def parse_query(params: Mapping[str, str | list[str]], wanted: type[T]) -> T:
    """Every parameter at most once, and none that is not known."""
    for name, value in params.items():
        if not isinstance(value, str):
            raise malformed(f"the query names `{name}` more than once")
    try:
        found = msgspec.convert(params, wanted, strict=False, dec_hook=from_wire)
    except msgspec.ValidationError as wrong:
        raise malformed(_plain(str(wrong))) from None
    for name, value in params.items():
        if getattr(found, name) is None:  # to msgspec the text "null" is None, and a filter that was sent would be lost
            raise malformed(f"`{value}` is no value of it - at `$.{name}`")
    return found


def malformed(reason: str) -> BadRequest:
    """A long value that was sent may stand in the middle of the reason, and its place at the end: both ends stay."""
    if len(reason) > REASON_MAX:
        reason = f"{reason[: REASON_MAX - PLACE_MAX]}…{reason[-PLACE_MAX:]}"
    return BadRequest(Code.MALFORMED_REQUEST, reason=reason)


@cache
def _decoder(wanted: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(wanted, dec_hook=from_wire)


def _plain(reason: str) -> str:
    """msgspec's own words, but for the patterns, which nobody could read."""
    for pattern, words in FORMS.items():
        reason = reason.replace(f"matching regex {pattern!r}", words)
    return reason


def check_bounds(thing: object, place: str) -> None:
    """Hold a type of the domain, whose fields have no bounds of their own, to those of the wire.

    `place` says where it stands, as in "$.terms".
    """
    if isinstance(thing, msgspec.Struct):
        thing = msgspec.to_builtins(thing)
    if isinstance(thing, dict):
        for name, value in thing.items():
            check_bounds(value, f"{place}.{name}")
    elif isinstance(thing, list | tuple):
        for number, value in enumerate(thing):
            check_bounds(value, f"{place}[{number}]")
    elif isinstance(thing, str | int):
        try:
            msgspec.convert(thing, Name if isinstance(thing, str) else _Number)
        except msgspec.ValidationError as wrong:
            raise malformed(f"{_plain(str(wrong))} - at `{place}`") from None
