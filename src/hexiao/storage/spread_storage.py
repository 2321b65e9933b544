"""PostgreSQL whose tables lie on several machines, by Citus: the same answers, in statements that Citus can place.

A row is saved by a statement of its own, which goes where the row is; a page reads its rows by one statement and what
stands beside them by others. Counts every row: there are no tallies.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg

from hexiao.domain.party import Member
from hexiao.domain.redemption import ListedRedemption
from hexiao.storage import exporting, loading, naming, pages, rows
from hexiao.storage.base import ConnectionLost, RedemptionFilter
from hexiao.storage.lists import RedemptionQuery
from hexiao.storage.postgres_queries import SPREAD_INVARIANTS, SPREAD_QUERIES
from hexiao.storage.postgres_storage import PostgresStorage
from hexiao.storage.snapshot import Changes
from hexiao.storage.texts import COLUMNS

_json = msgspec.json.Encoder().encode
_COUPON_ID = pages.SHOWN["p"].index("coupon_id")
_MEMBER_ID = pages.SHOWN["p"].index("member_id")
_MEMBER_ID_EXPORTED = exporting.Exported._fields.index("member_id")

LATER_STATES = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""Each connection to a machine would keep a state of its own: what is read later must not be older than the guard that
was read before it. The guards part what came between."""


class SpreadStorage(PostgresStorage):
    """Implements storage.base.Storage on one connection to the coordinator."""

    _queries = SPREAD_QUERIES
    _invariants = SPREAD_INVARIANTS
    # None of PLANS: no generic plan runs over several shards, for parameters say where a statement goes. Master data
    # is read where it is changed first: elsewhere an edition may be there before the rows that it stands for.
    _settings = ("SET citus.task_assignment_policy = 'greedy'",)
    _begin = LATER_STATES

    def save(self, changes: Changes, now: int, node: int) -> None:
        self._save_row_by_row(changes, now, node, tallied=False)

    def tally(self, now: int) -> Iterator[bool]:
        return iter(())

    def _ask_alone(self, asked: Sequence[loading.Asked]) -> Sequence[Iterable[rows.Row]]:
        return self._ask_one_by_one(asked)

    def _sent(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Ids are a plain array, so that only the machines are asked that have them; what keys are made of, too."""
        keys = list(parameters.get("keys", ()))
        arrays = {name: list(value) for name, value in parameters.items() if name == "ids"}
        arrays |= {f"keys_{letter}": list(part) for letter, part in zip("abc", zip(*keys, strict=True), strict=False)}
        return {**parameters, "keys": _json(keys).decode(), **arrays}

    @contextmanager
    def _as_ours(self) -> Iterator[None]:
        """A machine that hung up gives no code, and Citus calls it an internal error, also when that machine alone was
        to commit: perhaps it did."""
        with super()._as_ours():
            try:
                yield
            except psycopg.errors.InternalError_ as failed:
                raise ConnectionLost(f"PostgreSQL: {failed}") from failed

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        with self._translating(), self._db.transaction():
            yield

    def redemption_page(
        self, wanted: RedemptionFilter, page: int, page_size: int
    ) -> tuple[int, list[ListedRedemption]]:
        with self._one_state():
            [(edition,)] = self.query("edition")  # first: what is read later may be newer, never older
            listed = RedemptionQuery(self._query_or_remember, wanted)
            [(count,)] = self._run(pages.count(listed.where), listed.parameters)
            parameters = {**listed.parameters, "offset": (page - 1) * page_size}
            found = list(self._run(pages.plain_rows(listed.where, listed.plus, page_size), parameters))
            coupons = self._beside("coupon", "c", {row[_COUPON_ID] for row in found})
            members = self._beside("member", "m", {row[_MEMBER_ID] for row in found})
            nobody = (None,) * len(pages.SHOWN["m"])
            whole = [(*r, *coupons[r[_COUPON_ID]], *members.get(r[_MEMBER_ID], nobody)) for r in found]
            return int(count), naming.named(self.query, whole, edition, self._kept)

    def exported(self, wanted: RedemptionFilter) -> Generator[list[tuple[Any, ...]], None, None]:
        with self._one_state():
            for block in self._stream(*exporting.statement(self.query, wanted, members=False), exporting.BLOCK):
                yield self._with_members(block)

    def _beside(self, table: str, shown: str, ids: set[Any]) -> dict[int, tuple[Any, ...]]:
        """What a page shows of these rows of a table."""
        ids -= {None}
        places = [COLUMNS[table].index(name) for name in pages.SHOWN[shown]]
        found = self.query(f"{table}s_by_id", ids=ids) if ids else ()
        return {row[0]: tuple([row[place] for place in places]) for row in found}

    def _with_members(self, block: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows of an export that were read without the member's columns, and those."""
        at = _MEMBER_ID_EXPORTED
        ids = {row[at] for row in block} - {None}
        found: list[Member] = [rows.record(Member, row) for row in self.query("members_by_id", ids=ids)] if ids else []
        members = {m.id: (m.name, m.mobile, m.card_number) for m in found}
        return [(*row[: at + 1], *members.get(row[at], (None, None, None)), *row[at + 1 :]) for row in block]
