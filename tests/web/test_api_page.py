"""docs/reference/api.md is true: its examples run in order on a new database, its tables are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hexiao.domain.party import Credential, Role
from hexiao.engine.commands import Put
from hexiao.engine.committer import Engine
from hexiao.web.api import OPERATIONS
from hexiao.web.app import build
from hexiao.web.auth import DOOR, ROLES, hash_key
from hexiao.web.problems import STATUS
from web.conftest import Api

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"
REST = "…"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text("utf-8")


def exchanges(page: str) -> list[tuple[str, str]]:
    """(request, answer) texts, in the order of the page."""
    blocks = re.findall(r"```http\n(.*?)```", page, re.DOTALL)
    assert len(blocks) % 2 == 0
    return list(zip(blocks[::2], blocks[1::2], strict=True))


def parse(block: str) -> tuple[list[str], dict[str, str], str]:
    head, _, body = block.partition("\n\n")
    first, *lines = head.splitlines()
    return first.split(), dict(line.split(": ", 1) for line in lines), body.strip()


def fill(text: str, known: dict[str, Any]) -> str:
    return re.sub(r"<(\w+)>", lambda found: known[found[1]], text)


def match(shown: Any, real: Any, known: dict[str, Any], place: str = "$") -> None:
    """`shown` may leave out fields and rows with …, and names values that later examples use."""
    if isinstance(shown, dict):
        assert isinstance(real, dict), place
        wanted = {name: value for name, value in shown.items() if name != REST}
        assert wanted.keys() <= real.keys() if REST in shown else wanted.keys() == real.keys(), place
        for name, value in wanted.items():
            match(value, real[name], known, f"{place}.{name}")
    elif isinstance(shown, list):
        rows = [row for row in shown if row != REST]
        assert len(rows) < len(real) if REST in shown else len(rows) == len(real), place
        for number, row in enumerate(rows):
            match(row, real[number], known, f"{place}[{number}]")
    elif isinstance(shown, str) and re.fullmatch(r"<\w+>", shown):
        assert known.setdefault(shown[1:-1], real) == real, place
    elif shown == REST:
        assert real, place
    else:
        assert shown == real, place


def test_every_example_runs_as_printed(page: str, api: Api, engine: Engine) -> None:
    for number, role in ((701, Role.ADMIN), (702, Role.TILL)):
        key = f"demo-{role.value}-key"
        credential = Credential(
            id=number, merchant_id=1, door=DOOR, public_id=hash_key(key), name=role.value, role=role
        )
        engine.call(Put(merchant_id=1, record=credential))
    client, seen = type(api)(build(engine)), set()
    known: dict[str, Any] = {}
    for request, answer in exchanges(page):
        (method, target), headers, body = parse(fill(request, known))
        (_, status, *_), _, shown = parse(answer)
        path, _, query = target.partition("?")
        real = client.send(method, path, raw=body.encode(), role=None, key=None, headers=headers, query=query or None)
        assert real.status_code == int(status), (target, real.text)
        match(json.loads(shown), real.json, known)
        seen.add(path.split("/")[2])
    assert seen == {one.noun for one in OPERATIONS}


def test_the_table_of_roles_is_that_of_the_code(page: str) -> None:
    rows = re.findall(r"^\| `(GET|POST) (/v1\S*)` \| (.+?) \| (.*?) \| (.*?) \| (.*?) +\|$", page, re.MULTILINE)
    told = {(method, path): (what, tuple(map(bool, map(str.strip, marks)))) for method, path, what, *marks in rows}
    order = (Role.ADMIN, Role.TILL, Role.READ)
    assert told == {
        (one.method, one.path): (
            f"{one.zh} · {one.en}",
            tuple(role in ROLES[one.method, one.path] for role in order),
        )
        for one in OPERATIONS
    }


def test_the_table_of_statuses_is_that_of_the_code(page: str) -> None:
    rows = re.findall(r"^\| (\d{3}) \| (`.*`) \|$", page, re.MULTILINE)
    told = {code: int(status) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert told == {code.value: status for code, status in STATUS.items()}
