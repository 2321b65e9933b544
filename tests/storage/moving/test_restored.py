"""A restored database gives out no number again, and works on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from hexiao.config import Settings
from hexiao.engine.mint import NODES
from hexiao.storage.moving import NODES_SKIPPED, Moved
from hexiao.wiring import open_storage
from storage.moving.books import breaks, moved, redeem_one_more


class TestARestoredDatabase:
    def test_never_gives_out_the_numbers_of_processes_again(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("sqlite")
        assert moved(some_books, target, skip_nodes=NODES_SKIPPED).whole
        with closing(open_storage(some_books)) as old, closing(open_storage(target)) as new:
            apart = (new.take_node() - old.take_node()) % NODES
        assert min(apart, NODES - apart) == NODES_SKIPPED

    def test_skips_numbers_of_processes_once_when_it_is_restored_twice_at_once(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("postgres")  # SQLite lets nobody write while the other one compares
        others: list[Moved] = []

        def tell(what: str, done: int, total: int) -> None:
            if what.startswith("=") and not others:
                others.append(moved(some_books, target, skip_nodes=NODES_SKIPPED))

        assert moved(some_books, target, tell, skip_nodes=NODES_SKIPPED).whole
        assert others[0].whole
        with closing(open_storage(some_books)) as old, closing(open_storage(target)) as new:
            assert (new.take_node() - old.take_node()) % NODES == NODES_SKIPPED

    def test_works_on(self, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        target = fresh("postgres")
        assert moved(some_books, target, skip_nodes=NODES_SKIPPED).whole
        redeem_one_more(target)
        assert breaks(target) == []
