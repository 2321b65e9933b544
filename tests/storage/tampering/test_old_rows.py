"""Rows from before the chain are placed and sealed by migrations, and a sealing that was interrupted goes on."""

from __future__ import annotations

from contextlib import closing

import pytest

from hexiao.config import Settings
from hexiao.domain.tampering import Sign
from hexiao.storage import chain_side
from hexiao.storage.base import StorageError
from hexiao.storage.texts import COLUMNS
from hexiao.wiring import migrate, open_storage
from storage.chains import audited, blocks, plant, problems
from storage.postgres.tables import rows

BY_KEY = f"SELECT {', '.join(COLUMNS['journal'])} FROM journal ORDER BY coupon_id, seq"


@pytest.fixture
def old_books(books: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As the migration leaves them: all rows in lane 0, no block."""
    monkeypatch.setattr(chain_side, "OLD_ROWS_AT_ONCE", 4)
    plant(books, "DELETE FROM block")
    plant(
        books,
        "UPDATE journal SET lane = 0, height = (SELECT count(*) FROM journal j WHERE j.coupon_id < journal.coupon_id"
        " OR (j.coupon_id = journal.coupon_id AND j.seq < journal.seq)) / 3",
    )
    return books


def test_old_rows_are_sealed_by_migrate(old_books: Settings) -> None:
    assert {one.sign for one in problems(old_books)} == {Sign.ROW_WITHOUT_BLOCK}
    migrate(old_books)
    audit, found = audited(old_books)
    assert found == []
    assert list(audit.heads) == [0]
    before = blocks(old_books)
    migrate(old_books)
    assert blocks(old_books) == before


def test_a_sealing_that_was_interrupted_goes_on(old_books: Settings) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            raise Interrupted

    steps = 0
    while True:
        try:
            migrate(old_books, interrupt)
        except Interrupted:
            steps += 1
            assert len(blocks(old_books)) >= steps
        else:
            break
    assert steps > 1
    assert problems(old_books) == []


def test_the_migration_places_every_row_and_changes_nothing_else(books: Settings) -> None:
    before = [{**row, "lane": 0, "height": 0} for row in rows(books, BY_KEY)]
    take_the_chain_away(books)
    with pytest.raises(StorageError, match="older than this program"):
        open_storage(books)
    assert migrate(books) == ["0002.chain"]
    assert rows(books, BY_KEY) == before
    assert len(blocks(books)) == 1
    assert problems(books) == []
    with closing(open_storage(books)) as storage:
        assert list(storage.broken(0)) == []
    with pytest.raises(Exception, match="never"):
        rows(books, "DELETE FROM journal")


def take_the_chain_away(settings: Settings) -> None:
    """Back to the schema before."""
    for sql in ("DROP TABLE block", *(f"ALTER TABLE journal DROP COLUMN {name}" for name in ("lane", "height"))):
        plant(settings, sql, thawing=False)
    if settings.on_postgres:
        plant(settings, "DROP FUNCTION hexiao_never() CASCADE", thawing=False)
    plant(settings, "DELETE FROM _yoyo_migration WHERE migration_id = '0002.chain'", thawing=False)
