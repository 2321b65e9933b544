"""msgspec's sentences about what does not fit → a reason of ours with its facts.

Its wording is stable, and read here only; a sentence that nobody foresaw is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, get_args

from msgspec import inspect

from hexiao.domain.errors import Fact
from hexiao.domain.reasons import REASONS
from hexiao.domain.scheme import CLOCK_TIME
from hexiao.web.wire import NO_CONTROLS, STATE_NAMES, StateName

VALUE_MAX = 80
"""Of what was sent, this much is told."""

PATTERNS: dict[str, dict[str, Fact]] = {
    NO_CONTROLS: {"reason": "control_characters"},
    CLOCK_TIME: {"reason": "not_a_clock_time"},
    STATE_NAMES: {"reason": "not_some_of", "allowed": list(get_args(StateName))},
}

SAID = tuple(
    (reason, re.compile(sentence, re.DOTALL))
    for reason, sentence in (
        ("wrong_type", r"Expected `(?P<expected_type>[^`]+)`, got `(?P<got_type>[^`]+)`"),
        ("not_of_type", r"Expected `(?P<expected_type>[^`]+)`"),
        ("too_small", r"Expected `int` >= (?P<least>-?\d+)"),
        ("too_large", r"Expected `int` <= (?P<most>-?\d+)"),
        ("text_too_short", r"Expected `str` of length >= (?P<least>\d+)"),
        ("text_too_long", r"Expected `str` of length <= (?P<most>\d+)"),
        ("list_too_short", r"Expected `array` of length >= (?P<least>\d+)"),
        ("list_too_long", r"Expected `array` of length <= (?P<most>\d+)"),
        ("missing_field", r"Object missing required field `(?P<field>.*)`"),
        ("unknown_field", r"Object contains unknown field `(?P<field>.*)`"),
        ("not_one_of", r"Invalid (?:enum )?value '?(?P<got>.*?)'?"),
        ("not_a_date", r"Invalid RFC3339 encoded date"),
        ("out_of_range", r"(?:Number|Integer value) out of range"),
        ("broken_off", r"Input data was truncated"),
        ("not_json", r"JSON is malformed: .* \(byte (?P<byte>\d+)\)"),
    )
)
_PLACE = re.compile(r"(.*) - at `(\$[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


LENGTHS = ("text_too_short", "text_too_long", "list_too_short", "list_too_long")
VALUES = ("too_small", "too_large", "not_some_of", "not_an_id", "not_an_instant", "not_a_date", "not_a_clock_time")
"""Reasons of which msgspec does not say what came: how long it was, or its value."""


def explain(said: str, wanted: Any, sent: Callable[[], Any]) -> dict[str, Fact]:
    """The facts of malformed_request for what msgspec `said` of what was `sent` and should have been a `wanted`."""
    found = _PLACE.fullmatch(said)
    what, place = found.groups() if found else (said, None)
    facts = _facts(what)
    if facts["reason"] == "not_one_of":
        facts["allowed"] = list(allowed(wanted, place or "$"))
    elif facts["reason"] in LENGTHS + VALUES:
        with suppress(ValueError, RecursionError, LookupError, TypeError):  # what follows may be no JSON
            came = _at(sent(), place or "$")
            facts["got"] = len(came) if facts["reason"] in LENGTHS else _short(str(came))
    return facts if place is None else {**facts, "place": place}


def _facts(what: str) -> dict[str, Fact]:
    if what in REASONS:  # our own hooks say it themselves
        return {"reason": what}
    for pattern, facts in PATTERNS.items():
        if what == f"Expected `str` matching regex {pattern!r}":
            return dict(facts)
    for reason, sentence in SAID:
        if found := sentence.fullmatch(what):
            return {"reason": reason} | {name: _fact(name, text) for name, text in found.groupdict().items()}
    return {"reason": "not_understood", "said": _short(what)}


def _fact(name: str, text: str) -> Fact:
    if name.endswith("_type"):
        return text.split(" | ")
    return int(text) if name in ("least", "most", "byte") else _short(text)


def _at(sent: Any, place: str) -> Any:
    for name, number in _STEP.findall(place):
        sent = sent[name or int(number)]
    return sent


def _short(text: str) -> str:
    """What was sent, for one line of a sentence in which it stands in backticks."""
    told = "".join(one if one.isprintable() and one != "`" else "\N{REPLACEMENT CHARACTER}" for one in text[:VALUE_MAX])
    return told if len(text) <= VALUE_MAX else f"{told}…"


def allowed(wanted: Any, place: str) -> Iterator[str]:
    """The values that a field may have, by the type that it stands in."""
    types = list(_each(inspect.type_info(wanted)))
    for step in _STEP.finditer(place):
        types = [inner for outer in types for one in _step(outer, step[1]) for inner in _each(one)]
    for one in types:
        if isinstance(one, inspect.LiteralType):
            yield from map(str, one.values)


def _each(one: inspect.Type) -> Iterator[inspect.Type]:
    """What a union may be, and what is behind a description."""
    if isinstance(one, inspect.Metadata):
        yield from _each(one.type)
    elif isinstance(one, inspect.UnionType):
        for option in one.types:
            yield from _each(option)
    else:
        yield one


def _step(one: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    """Into the field `name`, or into an element."""
    if isinstance(one, inspect.StructType):
        if name is not None and name == one.tag_field:
            yield inspect.LiteralType((one.tag,))
        yield from (field.type for field in one.fields if field.encode_name == name)
    elif isinstance(one, inspect.ListType | inspect.VarTupleType) and name is None:
        yield one.item_type
