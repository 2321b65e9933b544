"""`--help` teaches: every command shows what to type, and every way to end has its exit code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from rich.cells import cell_len
from typer.core import TyperGroup
from typer.testing import CliRunner

from hexiao.cli import show
from hexiao.cli.app import app
from hexiao.cli.exits import EXIT_OF, MEANINGS, NOT_THERE, Exit, exit_of
from hexiao.cli.schemeoptions import BENEFITS, OPTIONS
from hexiao.domain.coupon import Face
from hexiao.domain.errors import Code, Family
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Kind
from hexiao.web.views import KINDS


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


ALL = list(commands(typer.main.get_command(app)))
LEAVES = [path for path, command in ALL if not hasattr(command, "commands")]


def examples_of(command: Any) -> list[str]:
    return (command.epilog or "").partition("Examples[/]\n")[2].split("\n")


def test_the_commands_are_those_of_the_manual() -> None:
    groups = {path[0] for path in LEAVES}
    assert groups == {"serve", "migrate", "verify", "demo", "keys", "scheme", "coupon", "redeem", "redemptions"} | {
        "backup",
        "restore",
        "copy",
        "heads",
        "proof",
    }


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) or "hexiao" for path, _ in ALL])
class TestEveryHelp:
    def test_shows_an_example_of_itself(self, path: tuple[str, ...], command: Any) -> None:
        own = " ".join(("hexiao", *path))
        assert any(re.search(rf"(^|\s|\(){re.escape(own)}(\s|\)|$)", line) for line in examples_of(command))

    def test_has_examples_that_are_not_wrapped(self, path: tuple[str, ...], command: Any) -> None:
        assert [line for line in examples_of(command) if cell_len(line) > 78] == []

    def test_is_printed(self, path: tuple[str, ...], command: Any) -> None:
        printed = CliRunner().invoke(app, [*path, "--help"])
        assert printed.exit_code == 0
        assert "hexiao" in printed.stdout.partition("Examples")[2]


class TestExitCodes:
    def test_all_stand_in_the_help(self) -> None:
        assert set(MEANINGS) == set(Exit)
        printed = CliRunner().invoke(app, ["--help"]).stdout
        assert all(re.search(rf"^\s+{code.value}\s+\S", printed, re.MULTILINE) for code in Exit)

    def test_every_family_has_one(self) -> None:
        assert set(EXIT_OF) == set(Family)

    @pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)
    def test_what_is_unknown_is_told_apart_from_what_is_wrong(self, code: Code) -> None:
        assert (code in NOT_THERE) == (code is Code.NOT_FOUND or code.value.startswith("unknown_"))
        assert exit_of(code) in set(Exit) - {Exit.OK}

    def test_no_command_is_wrong_usage(self) -> None:
        assert CliRunner().invoke(app, ["no-such-command"]).exit_code == Exit.USAGE


def test_the_tables_of_words_are_total() -> None:
    assert set(show.STATE_WORDS) == set(State)
    assert set(show.FACE_WORDS) == set(Face)
    assert set(show.KIND_WORDS) == set(Kind)
    assert set(BENEFITS) == set(OPTIONS) == set(KINDS)


def test_the_version_is_printed() -> None:
    printed = CliRunner().invoke(app, ["--version"])
    assert printed.exit_code == 0
    assert re.fullmatch(r"hexiao \d+\.\d+\.\d+\n", printed.stdout)
