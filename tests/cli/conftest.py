"""A finished demo to work on: made once, copied for each test; and a way to type commands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from hexiao.cli.app import app


class Typed(NamedTuple):
    """What came back from a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Type = Callable[..., Typed]


def type_command(*arguments: str, database: Path | None = None) -> Typed:
    environment = {
        "HEXIAO_DATABASE": f"sqlite:///{database}" if database else None,
        "HEXIAO_HOST": None,
        "HEXIAO_PORT": None,
        "HEXIAO_MASTER_KEY": None,
        "COLUMNS": "200",
    }
    result = CliRunner().invoke(app, list(arguments), env=environment)
    return Typed(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="session")
def finished_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    typed = type_command("demo", database=folder / "hexiao.db")
    assert typed.code == 0, typed.err
    return folder


@pytest.fixture
def demo(finished_demo: Path, tmp_path: Path) -> Path:
    """The demo's database, to be changed as you like."""
    shutil.copytree(finished_demo, tmp_path, dirs_exist_ok=True)
    return tmp_path / "hexiao.db"


@pytest.fixture
def hexiao(demo: Path) -> Type:
    """Type a command against the demo."""
    return lambda *arguments: type_command(*arguments, database=demo)


@pytest.fixture
def redeem(hexiao: Type) -> Callable[..., dict[str, Any]]:
    """Redeem a code on a bill of 91.80 yuan in 人民路店; the redemption as JSON."""

    def typed(code: str, *more: str, bill: str = "T1") -> dict[str, Any]:
        line = "12345687:2:45.90"
        done = hexiao("redeem", code, "--bill", bill, "--shop", "284", "--line", line, "--json", *more)
        assert done.code == 0, done.err
        (redemption,) = done.json["redemptions"]
        return dict(redemption)

    return typed


@pytest.fixture
def file(hexiao: Type, tmp_path: Path) -> Path:
    """A backup of the demo."""
    file = tmp_path / "books.db"
    assert hexiao("backup", str(file)).code == 0
    return file


@pytest.fixture
def new(tmp_path: Path) -> str:
    """The URL of a database that is not there yet."""
    return f"sqlite:///{tmp_path / 'new' / 'hexiao.db'}"
