"""A file that was removed or replaced while a server had it open: SQLite would write on where nobody ever looks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.desk import issuing, redeeming
from engine.process import Process
from engine.saves import codes_of
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.engine.commands import Answer, AnyCommand


def remove(path: Path, aside: Path) -> None:
    path.rename(aside)


def replace(path: Path, aside: Path) -> None:
    """As somebody does who puts a backup in its place."""
    path.rename(aside)
    shutil.copy(aside, path)


@pytest.mark.parametrize("spoil", [remove, replace])
def test_nothing_is_acknowledged_that_only_a_file_without_its_name_would_hold(
    spoil: Callable[[Path, Path], None], alone: Process, settings: Settings, tmp_path: Path
) -> None:
    scheme, code = alone.desk.scheme(), alone.desk.coupon()
    asked: list[AnyCommand] = [redeeming(code, request_id="r1"), issuing(scheme, request_id="r2")]
    spoil(settings.sqlite_path, tmp_path / "aside.db")
    assert codes_of(alone.commit(*asked)) == [Code.STORAGE_UNAVAILABLE] * 2
    assert not alone.storage.writable()
    (tmp_path / "aside.db").rename(settings.sqlite_path)
    assert alone.storage.writable()
    results = alone.commit(*asked)
    assert [isinstance(one, Answer) and one.replayed for one in results] == [False, False]
    assert alone.desk.stored(code).captured_uses == 1


def test_a_process_that_opens_the_new_file_works_on_it(alone: Process, settings: Settings, tmp_path: Path) -> None:
    code = alone.desk.coupon()
    alone.close()  # so that all is in the file itself
    replace(settings.sqlite_path, tmp_path / "aside.db")
    later = Process(settings, alone.clock, seed=2)
    later.desk.must(redeeming(code))
    later.close()
