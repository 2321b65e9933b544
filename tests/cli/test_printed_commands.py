"""Every `hexiao …` that a page or a `--help` prints names commands, options and arguments that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from hexiao.cli.app import app
from journeys.pages import ROOT, Page

from .test_help import ALL, examples_of

ROOT_COMMAND = typer.main.get_command(app)
ENDS = frozenset({"|", "&&", "||", ";", ">", ">>", "<", "2>", "&", ")"})
PAGES = [Page(path) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]


def typed_in(shell: str) -> Iterator[list[str]]:
    """The words after each `hexiao`, up to where the shell's own words go on; what is in quotes is a word."""
    for line in shell.replace("\\\n", " ").splitlines():
        for found in re.finditer(r"(?:^|[\s(])hexiao (?=[a-z])", line):
            lexer = shlex.shlex(line[found.end() :], posix=True, punctuation_chars="();<>|&")
            lexer.whitespace_split, words = True, []
            try:
                for word in lexer:
                    if word in ENDS:
                        break
                    words.append(word)
            except ValueError:  # the quote that ends here began before `hexiao`
                words = re.split(r"[)\"]", line[found.end() :])[0].split()
            yield words


PRINTED = [
    (f"{page.name}:{block.line}", words)
    for page in PAGES
    for block in page.blocks
    if block.language == "sh"
    for words in typed_in(block.text)
] + [
    (" ".join(("hexiao", *path, "--help")), words)
    for path, command in ALL
    for words in typed_in("\n".join(examples_of(command)).replace("\\[", "["))
]


def parse(words: list[str]) -> None:
    """Raises what Typer raises for a command or an option that there is not."""
    command: Any = ROOT_COMMAND
    context = typer.Context(command, info_name="hexiao")
    while hasattr(command, "commands"):
        name, *words = words
        command = command.get_command(context, name)
        assert command is not None, name
    command.make_parser(context).parse_args(args=words)


@pytest.mark.parametrize(("place", "words"), PRINTED, ids=[f"{place} {' '.join(words)}" for place, words in PRINTED])
def test_is_a_command_that_there_is(place: str, words: list[str]) -> None:
    parse(words)


@pytest.mark.parametrize("wrong", ["verify --no-such-option", "no-such-command", "coupon no-such-command"])
def test_what_there_is_not_is_found_out(wrong: str) -> None:
    [words] = typed_in(f"A=$(hexiao {wrong}) && echo --fine")
    with pytest.raises(Exception, match="no-such"):
        parse(words)


def test_pages_and_helps_are_both_read() -> None:
    assert {place.partition(" ")[0] for place, _ in PRINTED} >= {"hexiao"}
    assert {place.partition(":")[0] for place, _ in PRINTED} >= {"README.md", "docs/operate/backup.md"}
