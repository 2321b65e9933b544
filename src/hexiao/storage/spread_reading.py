"""Pages and exports where the tables lie on several machines: the rows by one statement, what stands beside by others.

Citus refuses an outer join with a table that lies apart, and for one behind a page it would fetch the whole table.
Counts every row: there are no tallies.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from hexiao.domain.party import Member
from hexiao.domain.redemption import ListedRedemption
from hexiao.storage import exporting, naming, pages, rows
from hexiao.storage.base import RedemptionFilter
from hexiao.storage.lists import RedemptionQuery
from hexiao.storage.reading import Reading
from hexiao.storage.texts import COLUMNS

_COUPON_ID = pages.SHOWN["p"].index("coupon_id")
_MEMBER_ID = pages.SHOWN["p"].index("member_id")
_MEMBER_ID_EXPORTED = exporting.Exported._fields.index("member_id")


class SpreadReading(Reading):
    """Reading, in simpler statements when the engine has found that its tables are spread."""

    _row_by_row: bool

    def redemption_page(
        self, wanted: RedemptionFilter, page: int, page_size: int
    ) -> tuple[int, list[ListedRedemption]]:
        if not self._row_by_row:
            return super().redemption_page(wanted, page, page_size)
        with self._one_state():
            [(edition,)] = self.query("edition")  # first: what is read later may be newer, never older
            listed = RedemptionQuery(self._query_or_remember, wanted)
            [(count,)] = self._run(pages.count(listed.where), listed.parameters)
            parameters = {**listed.parameters, "offset": (page - 1) * page_size}
            found = list(self._run(pages.plain_rows(listed.where, page_size), parameters))
            coupons = self._beside("coupon", "c", {row[_COUPON_ID] for row in found})
            members = self._beside("member", "m", {row[_MEMBER_ID] for row in found})
            nobody = (None,) * len(pages.SHOWN["m"])
            whole = [(*r, *coupons[r[_COUPON_ID]], *members.get(r[_MEMBER_ID], nobody)) for r in found]
            return int(count), naming.named(self.query, whole, edition, self._kept)

    def exported(self, wanted: RedemptionFilter) -> Generator[list[tuple[Any, ...]], None, None]:
        if not self._row_by_row:
            yield from super().exported(wanted)
            return
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
