"""`--help` teaches: every command shows what to type, and every way to end has its exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import rich.columns
import typer.main
from rich.cells import cell_len
from rich.table import Table
from typer import rich_utils
from typer.core import TyperGroup
from typer.testing import CliRunner

from hexiao.cli import show
from hexiao.cli.app import app
from hexiao.cli.exits import EXIT_OF, MEANINGS, NOT_THERE, Exit, exit_of
from hexiao.cli.folding import fold_help
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


CUT = re.compile(r"…\s*│")
"""The end of a table's line that did not fit."""


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", 80)
    for place in (rich_utils, rich.columns):
        monkeypatch.setattr(place, "Table", Table)  # so that it is so again afterwards


@pytest.mark.usefixtures("narrow")
class TestOnANarrowTerminal:
    def test_nothing_is_cut_off(self) -> None:
        fold_help()
        cut = [path for path, _ in ALL if CUT.search(CliRunner().invoke(app, [*path, "--help"]).stdout)]
        assert cut == []

    def test_unless_nobody_folds_it(self) -> None:
        """The control."""
        cut = [path for path, _ in ALL if CUT.search(CliRunner().invoke(app, [*path, "--help"]).stdout)]
        assert len(cut) > 10

    @pytest.mark.parametrize("typed", [["migrate", "--help"], ["serve", "-h"], ["keys"]], ids=" ".join)
    def test_the_program_folds_it(self, typed: list[str]) -> None:
        environment = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
        run = [sys.executable, "-m", "hexiao", *typed]
        printed = subprocess.run(run, env=environment, capture_output=True, encoding="utf-8", check=False).stdout
        assert "╭" in printed and not CUT.search(printed)


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
