"""Which tables are moved: the same on both engines, and all that there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from hexiao.config import Settings
from hexiao.storage.base import StorageError
from hexiao.storage.distributing import PLACES
from hexiao.storage.side import REBUILT, SEEDED, Side
from hexiao.storage.tables import KINDS, Kind, Table
from hexiao.wiring import open_side


class TestTheTables:
    def test_are_the_same_on_both_engines(self, fresh: Callable[[str], Settings]) -> None:
        with sides_of(fresh("sqlite"), fresh("postgres")) as (ours, theirs):
            assert ours.tables() == theirs.tables()
            assert {"coupon", "redemption", "journal", "request", "node"} <= {one.name for one in ours.tables()}

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_hold_nothing_after_the_migrations_but_the_seeds(
        self, engine: str, fresh: Callable[[str], Settings]
    ) -> None:
        with closing(open_side(fresh(engine), written=True)) as side:
            assert tuple(one.name for one in side.tables() if side.count(one)) == SEEDED

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_are_all_there_are_but_for_what_is_made_anew(self, engine: str, fresh: Callable[[str], Settings]) -> None:
        with closing(open_side(fresh(engine), written=True)) as side:
            moved = {one.name for one in side.tables()}
        assert moved == PLACES.keys() - set(REBUILT)

    def test_of_unknown_types_or_without_a_key_are_refused(self) -> None:
        for columns, key in ([("id", "bigint"), ("x", "real")], ["id"]), ([("id", "bigint")], []):
            with pytest.raises(StorageError):
                Table.of("odd", columns, key)

    def test_know_what_each_kind_is_called_on_both(self) -> None:
        assert set(KINDS.values()) == set(Kind)


@contextmanager
def sides_of(*settings: Settings) -> Iterator[list[Side]]:
    opened = [open_side(one, written=True) for one in settings]
    try:
        yield opened
    finally:
        for one in opened:
            one.close()
