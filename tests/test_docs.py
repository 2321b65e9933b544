"""The documentation is whole: links lead somewhere, examples parse, reference tables are those of the code.

HEXIAO_WRITE_DOCS=1 writes the reference tables anew before it compares them.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from hexiao.cli.app import app
from hexiao.cli.exits import MEANINGS, exit_of
from hexiao.domain.errors import Code, Family
from hexiao.domain.reasons import REASONS
from hexiao.gateways.kingdee.errors import WIRE
from hexiao.gateways.zvcms.errors import TABLE
from hexiao.storage import readable
from hexiao.storage.sqlite import INVARIANTS
from hexiao.web.problems import STATUS
from journeys.pages import ROOT, Block, Page, cells_of

PAGES = {page.name: page for page in map(Page, sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]))}
BLOCKS = [(name, block) for name, page in PAGES.items() for block in page.blocks]
INDEX = PAGES["docs/README.md"]

LANGUAGES = {"", "sh", "text", "json", "http", "python", "sql"}
WORDS_OF_DRAWERS = ("utils?", "helpers?")
WORDS_OF_ADVERTISING = ("blazing(ly)?", "seamless(ly)?", "effortless(ly)?", "powerful", "world-class", "cutting-edge")
WORDS_OF_THE_WORKSHOP = ("sessions?", "assistants?", "chatbots?", "prompts?", "LLM", "registry", "registries")
BANNED = re.compile(rf"\b({'|'.join((*WORDS_OF_DRAWERS, *WORDS_OF_ADVERTISING, *WORDS_OF_THE_WORKSHOP))})\b", re.I)
PLACES_OF_ONE_MACHINE = re.compile(r"(?<![\w.])/(work|home|root|tmp|Users)/|\bshared/")


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
class TestEveryPage:
    def test_has_one_title_and_begins_with_it(self, page: Page) -> None:
        assert [heading.level for heading in page.headings].count(1) == 1
        assert page.prose[0].startswith("# ")

    def test_has_links_that_lead_somewhere(self, page: Page) -> None:
        for link in page.links:
            if not link.startswith(("http://", "https://")):
                path, _, anchor = link.partition("#")
                target = (page.path.parent / path).resolve() if path else page.path
                assert target.exists(), link
                if anchor:
                    assert anchor in Page(target).anchors, link

    def test_says_nothing_that_belongs_elsewhere(self, page: Page) -> None:
        text = page.path.read_text("utf-8")
        assert PLACES_OF_ONE_MACHINE.findall(text) == []
        assert BANNED.findall(re.sub(r"`[^`\n]*`", "", text)) == []


def test_the_index_leads_to_every_page() -> None:
    reached = {(INDEX.path.parent / link.partition("#")[0]).resolve() for link in INDEX.links}
    pages = [page for page in PAGES.values() if page.name.startswith("docs/") and page is not INDEX]
    assert [page.name for page in pages if not reached & {page.path, page.path.parent}] == []


@pytest.mark.parametrize(("name", "block"), BLOCKS, ids=[f"{name}:{block.line}" for name, block in BLOCKS])
def test_every_example_parses(name: str, block: Block) -> None:
    assert block.language in LANGUAGES
    match block.language:
        case "json":
            json.loads(block.text)
        case "http":
            _, _, body = block.text.partition("\n\n")
            assert not body or json.loads(body)
        case "python":
            compile(block.text, name, "exec")
        case "sh":
            done = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            for sent in bodies(block.text):
                json.loads(sent)


def bodies(shell: str) -> Iterator[str]:
    """What curl sends. A variable in quotes stands for a text, any other for an object; no more is known of it."""
    for line in shell.replace("\\\n", " ").splitlines():
        if "curl" in line:
            words = shlex.split(re.sub(r"^\w+=\$\((.*)\)$", r"\1", line))
            for option, value in pairwise(words):
                if option == "-d" and "$(" not in value:
                    yield re.sub(r"\$\w+", "{}", value.replace('"$', '"'))


def commands(command: Any, path: tuple[str, ...] = ("hexiao",)) -> Iterator[tuple[str, str]]:
    """(what to type, its help in one line) of every command that is not a group of others."""
    if not isinstance(command, TyperGroup):
        yield " ".join(path), inspect.cleandoc(command.help).partition("\n\n")[0].replace("\n", " ")
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), (*path, name))


def row_of(code: Code) -> list[str]:
    kingdee, zvcms = WIRE[code], TABLE[code]
    return [
        f"`{code.value}`", code.family.value, str(STATUS[code]), str(exit_of(code).value),
        f"{kingdee.status} {int(kingdee.errcode)}", f"{str(zvcms.status).lower()} {zvcms.code}", code.zh, code.en,
    ]  # fmt: skip


TABLES = {
    ("docs/reference/errors.md", "code"): [row_of(code) for code in Code],
    ("docs/reference/errors.md", "reason"): [[f"`{reason}`", zh, en] for reason, (zh, en) in REASONS.items()],
    ("docs/reference/cli.md", "command"): [
        [f"`{typed}`", told] for typed, told in commands(typer.main.get_command(app))
    ],
    ("docs/reference/cli.md", "exit code"): [[str(code.value), meaning] for code, meaning in MEANINGS.items()],
    ("docs/reference/invariants.md", "invariant"): [
        [f"`{number}`", told] for number, _, told in (name.partition(" ") for name in (*INVARIANTS, readable.INVARIANT))
    ],
}


@pytest.mark.parametrize(("name", "first_column"), TABLES)
def test_every_reference_table_is_that_of_the_code(name: str, first_column: str) -> None:
    expected = TABLES[name, first_column]
    assert not any("|" in cell or "\n" in cell for row in expected for cell in row)
    if os.environ.get("HEXIAO_WRITE_DOCS"):
        write_table(ROOT / name, first_column, expected)
    assert Page(ROOT / name).table(first_column) == expected


def write_table(path: Path, first_column: str, rows: list[list[str]]) -> None:
    lines = path.read_text("utf-8").splitlines()
    (header,) = [number for number, line in enumerate(lines) if cells_of(line)[:1] == [first_column]]
    end = next((n for n in range(header, len(lines)) if not cells_of(lines[n])), len(lines))
    lines[header + 2 : end] = [f"| {' | '.join(row)} |" for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def test_the_table_of_families_has_each_of_them() -> None:
    rows = PAGES["docs/reference/errors.md"].table("family")
    assert [row[0] for row in rows] == [family.value for family in Family]
