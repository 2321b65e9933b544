"""The requests and answers of a page, as data: read them, fill in what earlier answers gave, compare.

In a page `<name>` stands for a value that an answer gave first, and `…` for what is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from journeys.pages import Page

REST = "…"
_NAME = re.compile(r"<([a-z_]+)>")


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: str


class Exchange(NamedTuple):
    """What is sent and what comes back. `place` says where the page shows it."""

    place: str
    request: Request
    status: int
    headers: dict[str, str]
    answer: Any


def exchanges(page: Page) -> Iterator[Exchange]:
    """In the order of the page: each ```http request is followed by its ```http answer."""
    blocks = [block for block in page.blocks if block.language == "http"]
    assert len(blocks) % 2 == 0, f"{page.name}: a request without an answer"
    for asked, answered in zip(blocks[::2], blocks[1::2], strict=True):
        (method, target), headers, body = _parse(asked.text)
        (_, status, *_), shown_headers, shown = _parse(answered.text)
        place = f"{page.name}:{asked.line}"
        yield Exchange(
            place, Request(method, target, headers, body), int(status), shown_headers, json.loads(shown or "null")
        )


def fill(request: Request, known: dict[str, Any]) -> Request:
    """The request with the values in the place of their names."""

    def filled(text: str) -> str:
        return _NAME.sub(lambda found: str(known[found[1]]), text)

    headers = {name: filled(value) for name, value in request.headers.items()}
    return Request(request.method, filled(request.target), headers, filled(request.body))


def match(shown: Any, real: Any, known: dict[str, Any], place: str = "$") -> None:
    """Asserts that `real` is what the page shows. A name met for the first time gets its value here."""
    if isinstance(shown, dict):
        assert isinstance(real, dict), place
        wanted = {name: value for name, value in shown.items() if name != REST}
        complete = REST not in shown
        assert wanted.keys() == real.keys() if complete else wanted.keys() < real.keys(), (place, sorted(real))
        for name, value in wanted.items():
            match(value, real[name], known, f"{place}.{name}")
    elif isinstance(shown, list):
        rows = [row for row in shown if row != REST]
        assert len(rows) == len(real) if len(rows) == len(shown) else len(rows) < len(real), (place, real)
        for number, row in enumerate(rows):
            match(row, real[number], known, f"{place}[{number}]")
    elif isinstance(shown, str) and (name := _NAME.fullmatch(shown)):
        assert known.setdefault(name[1], real) == real, (place, real, known[name[1]])
    elif shown == REST:
        assert real, place
    else:
        assert (type(shown), shown) == (type(real), real), (place, shown, real)


def _parse(block: str) -> tuple[list[str], dict[str, str], str]:
    head, _, body = block.partition("\n\n")
    first, *lines = head.splitlines()
    return first.split(maxsplit=2 if first.startswith("HTTP/") else 1), dict(map(_header, lines)), body.strip()


def _header(line: str) -> tuple[str, str]:
    name, separator, value = line.partition(": ")
    assert separator, f"no header: {line!r}"
    return name, value
