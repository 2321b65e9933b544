"""How a database is refused, and how its sessions are ended."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

from hexiao.storage.base import StorageError
from hexiao.storage.postgres import open_storage
from postgres_server import Databases


def why_not(url: str, use: Callable[[str], Any] = open_storage) -> str:
    """The text that refuses the database."""
    return refusal(url, use)[0]


def refusal(url: str, use: Callable[[str], Any]) -> tuple[str, list[str]]:
    """The text that refuses the database, and what was left open behind it."""
    text = ""
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        try:
            use(url)
        except StorageError as refused:
            text = str(refused)
        gc.collect()
    assert text, "nothing was refused"
    return text, [str(one.message) for one in left_open]


def end_sessions(databases: Databases, url: str) -> None:
    name = url.rpartition("/")[2]
    databases.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
