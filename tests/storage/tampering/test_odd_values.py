"""Values that only SQLite would keep, and that are never written, are found."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.desk import a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.tampering import Sign
from hexiao.storage.texts import COLUMNS
from storage.chains import JOURNAL, named, plant, problems, where
from storage.postgres.tables import rows


def one_redemption(folder: Path, migrated: bytes, clock: Any) -> Settings:
    """Books on SQLite with a coupon that was issued and redeemed."""
    path = folder / "hexiao.db"
    path.write_bytes(migrated)
    settings = Settings(database=f"sqlite:///{path}")
    with closing(Process(settings, clock)) as process:
        process.furnish()
        process.desk.must(redeeming(process.desk.coupon(), a_bill("B1"), "r1"))
    return settings


@pytest.mark.parametrize("column", COLUMNS["journal"])
@pytest.mark.parametrize("value", ["text", b"bytes", 0.5])
def test_a_value_of_a_kind_that_is_never_written_is_found(
    column: str, value: Any, tmp_path: Path, migrated: bytes, clock: Any
) -> None:
    settings = one_redemption(tmp_path, migrated, clock)
    row = rows(settings, JOURNAL)[0]
    key, its_key = where(row)
    assert plant(settings, f"UPDATE journal SET {column} = ? WHERE {key}", value, *its_key) == 1
    assert its_key in named(problems(settings))


@pytest.mark.parametrize("text", ["x'ff'", "x'6100ff'", "x'eda080'"])
def test_a_text_that_is_none_is_found_and_hides_nothing(text: str, tmp_path: Path, migrated: bytes, clock: Any) -> None:
    """SQLite keeps any bytes as a text."""
    settings = one_redemption(tmp_path, migrated, clock)
    first, second = rows(settings, JOURNAL)[:2]
    for row, planted in ((first, f"CAST({text} AS TEXT)"), (second, "'x'")):
        key, its_key = where(row)
        assert plant(settings, f"UPDATE journal SET reason = {planted} WHERE {key}", *its_key) == 1
    assert named(problems(settings)) == {where(row)[1] for row in (first, second)}
    assert plant(settings, f"UPDATE block SET root = CAST({text} AS TEXT) WHERE height = 0") == 1
    assert Sign.BLOCK_CHANGED in {one.sign for one in problems(settings)}


@pytest.mark.parametrize("column", COLUMNS["block"])
@pytest.mark.parametrize("value", ["text", b"bytes", 0.5])
def test_a_value_of_a_kind_that_no_block_has_is_found(
    column: str, value: Any, tmp_path: Path, migrated: bytes, clock: Any
) -> None:
    settings = one_redemption(tmp_path, migrated, clock)
    assert plant(settings, f"UPDATE block SET {column} = ? WHERE height = 0", value) == 1
    assert problems(settings)
