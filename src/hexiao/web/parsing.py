"""Bytes and query strings → the types of the handlers, or BadRequest that says what is wrong and where.

Strict: no field that is not known, no text for a number, no number for a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec

from hexiao.domain.errors import BadRequest, Code, Fact
from hexiao.web.explaining import explain
from hexiao.web.wire import ID_MAX, Name, from_wire

T = TypeVar("T", bound=msgspec.Struct)

NAME_MAX = 80
_Number = Annotated[int, msgspec.Meta(ge=-ID_MAX, le=ID_MAX)] | bool


def parse_body(body: bytes, wanted: type[T]) -> T:
    """An empty body counts as {}: what has only optional fields may be left out altogether."""
    try:
        return _decoder(wanted).decode(body or b"{}")  # type: ignore[no-any-return]
    except UnicodeDecodeError:
        raise malformed("not_utf8") from None
    except msgspec.DecodeError as wrong:  # of which a ValidationError is one
        raise _misfit(wrong, wanted, lambda: msgspec.json.decode(body)) from None
    except RecursionError:
        raise malformed("nested_too_deeply") from None


def parse_query(params: Mapping[str, str | list[str]], wanted: type[T]) -> T:
    """Every parameter at most once, and none that is not known."""
    for name, value in params.items():
        if not isinstance(value, str):
            raise malformed("given_twice", field=name[:NAME_MAX])
    try:
        found = msgspec.convert(params, wanted, strict=False, dec_hook=from_wire)
    except msgspec.ValidationError as wrong:
        raise _misfit(wrong, wanted, lambda: params) from None
    for name, value in params.items():
        if getattr(found, name) is None:  # to msgspec the text "null" is None, and a filter that was sent would be lost
            raise malformed("no_value", got=str(value), place=f"$.{name}")
    return found


def malformed(reason: str, **facts: Fact) -> BadRequest:
    """`reason` is one of domain.reasons, told with its facts."""
    return BadRequest(Code.MALFORMED_REQUEST, reason=reason, **facts)


def _misfit(wrong: msgspec.DecodeError, wanted: Any, sent: Callable[[], Any]) -> BadRequest:
    return BadRequest(Code.MALFORMED_REQUEST, **explain(str(wrong), wanted, sent))


@cache
def _decoder(wanted: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(wanted, dec_hook=from_wire)


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
        wanted, sent = Name if isinstance(thing, str) else _Number, thing
        try:
            msgspec.convert(thing, wanted)
        except msgspec.ValidationError as wrong:
            facts = explain(str(wrong), wanted, lambda: sent)
            raise BadRequest(Code.MALFORMED_REQUEST, **facts, place=place) from None
