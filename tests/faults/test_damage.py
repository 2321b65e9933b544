"""A row or a page of a SQLite file goes bad: whoever asks for it is told so, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.process import Process
from faults.damage import first_and_last, redeemed_together, spoil_a_text, spoil_the_first_page
from hexiao.config import Settings
from hexiao.engine.read_pool import ReadPool
from hexiao.storage import sqlite
from hexiao.storage.base import Damaged, StorageDown

Spoil = Callable[[Path, str], None]
WAYS: dict[str, Spoil] = {
    "a text that is none": spoil_a_text,
    "a page that is none": lambda file, code: spoil_the_first_page(file, "coupon"),
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def spoil(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def file(tmp_path: Path, migrated: bytes) -> Path:
    file = tmp_path / "hexiao.db"
    file.write_bytes(migrated)
    return file


@pytest.fixture
def spoiled(spoil: Spoil, file: Path, clock: Any) -> Any:
    """(a process on the file, the code that went bad, another)"""
    settings = Settings(database=f"sqlite:///{file}")
    process = Process(settings, clock)
    bad, good = first_and_last(process)
    process.close()
    spoil(file, bad)
    process = Process(settings, clock)
    yield process, bad, good
    process.close()


def test_the_others_of_the_batch_are_redeemed(spoiled: tuple[Process, str, str]) -> None:
    process, bad, good = spoiled
    assert redeemed_together(process, bad, good) == ["internal_error", "redeemed"]
    assert redeemed_together(process, bad, good) == ["internal_error", "redeemed"]


def test_taken_for_an_outage_it_would_hold_them_all_up(
    spoiled: tuple[Process, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: so it was for texts, and every till that asked in the same batch asked again and again."""
    process, bad, good = spoiled
    monkeypatch.setattr(sqlite, "Damaged", StorageDown)
    assert redeemed_together(process, bad, good) == ["storage_unavailable", "storage_unavailable"]


def test_what_is_read_beside_the_queues_is_told_and_is_no_outage(spoiled: tuple[Process, str, str]) -> None:
    process, bad, _ = spoiled
    [(*_, id)] = process.storage.query("coupon_ids", keys=[(1, bad)])  # type: ignore[attr-defined]
    pool = ReadPool("test", 1, 2, process.storage.open_again)
    with pytest.raises(Damaged, match="backup"):
        pool.submit(lambda storage: storage.coupon_by_id(1, id)).result(5)
    pool.close()
