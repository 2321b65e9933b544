"""Processes on one file, as in the engine's tests, and a bare connection to look and to plant behind their backs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from engine.conftest import alone, process
from hexiao.config import Settings

__all__ = ["alone", "process"]


@pytest.fixture
def bare(settings: Settings) -> Iterator[sqlite3.Connection]:
    """A connection that knows no rules: the CHECKs of the tables do not hold for it."""
    connection = sqlite3.connect(settings.sqlite_path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    yield connection
    connection.close()


def dump(connection: sqlite3.Connection) -> list[str]:
    """Everything that is in the file."""
    return list(connection.iterdump())
