"""Reads a page of the documentation: its blocks with the heading they stand under, its tables, its links.

Knows as much of Markdown as our pages use, and no more.
"""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^(`{3,})(\S*)\s*$")
_HEADING = re.compile(r"^(#{1,6}) (.+?)\s*$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block. `under` is the nearest heading above it, `line` the number of its first line."""

    language: str
    text: str
    under: str
    line: int


class Heading(NamedTuple):
    level: int
    text: str


class Page:
    """One Markdown file, taken apart. `prose` has every line that stands outside of blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.blocks: list[Block] = []
        self.headings: list[Heading] = []
        self.prose: list[str] = []
        self._read(path.read_text("utf-8"))

    def _read(self, text: str) -> None:
        under, fence, language, begin = "", "", "", 0
        inside: list[str] = []
        for number, line in enumerate(text.splitlines(), 1):
            if fence:
                if line.strip() == fence:
                    self.blocks.append(Block(language, "\n".join(inside), under, begin))
                    fence = ""
                else:
                    inside.append(line)
            elif opened := _FENCE.match(line):
                fence, language, begin, inside = opened[1], opened[2], number + 1, []
            else:
                if heading := _HEADING.match(line):
                    under = heading[2]
                    self.headings.append(Heading(len(heading[1]), under))
                self.prose.append(line)
        assert not fence, f"{self.name}:{begin}: this block never ends"

    @property
    def links(self) -> list[str]:
        """The target of every link in the prose; what stands in `code` is no link."""
        return [target for line in self.prose for target in _LINK.findall(re.sub(r"`[^`]*`", "", line))]

    @property
    def anchors(self) -> set[str]:
        return {anchor_of(heading.text) for heading in self.headings}

    def under(self, heading: str) -> list[Block]:
        """The blocks directly below this heading."""
        assert heading in {one.text for one in self.headings}, f"{self.name} has no heading {heading!r}"
        return [block for block in self.blocks if block.under == heading]

    def table(self, first_column: str) -> list[list[str]]:
        """The rows of the table whose header begins with this cell; cells without the outer spaces."""
        lines = [cells_of(line) for line in self.prose]
        headers = [number for number, cells in enumerate(lines) if cells and cells[0] == first_column]
        assert len(headers) == 1, f"{self.name} has {len(headers)} tables that begin with {first_column!r}"
        (header,) = headers
        return list(takewhile(bool, lines[header + 2 :]))  # between them stands the line of dashes


def cells_of(line: str) -> list[str]:
    """The cells of a row of a table; none for any other line."""
    return [cell.strip() for cell in line.strip()[1:-1].split("|")] if line.startswith("|") else []


def anchor_of(heading: str) -> str:
    """How GitHub names a heading in an address."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")
