"""Lists are exact, however much of the past is tallied: against a plain look at every row, on both stores.

Redemptions come now and late, change long after, and tallies are made at random moments, also with much in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.desk import CASHIER, FOREIGN_SHOP, MEMBER, MERCHANT, OTHER_SHOP, SHOP, a_bill
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.party import Member
from hexiao.domain.scheme import Balance, Benefit, Kind, RateUses
from hexiao.engine.commands import Put, Take
from hexiao.storage import tallying
from hexiao.storage.base import Cursor, RedemptionFilter
from postgres_server import Databases
from storage.postgres.tables import rows

NOON = 1_763_784_000_000
HOUR_MS = 3_600_000
EXAMPLES = 20
SHOPS = (SHOP, OTHER_SHOP)
NUMBERS = ("K0", "K1", "K2")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def fresh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated: bytes
) -> Callable[[], Settings]:
    """fresh() → an empty, migrated database."""
    if request.param == "postgres":
        server: Databases = request.getfixturevalue("server")
        return lambda: Settings(database=server.emptied(), master_key="11" * 32)

    def a_file() -> Settings:
        path = tmp_path_factory.mktemp("tallied") / "hexiao.db"
        path.write_bytes(migrated)
        return Settings(database=f"sqlite:///{path}", master_key="11" * 32)

    return a_file


@contextmanager
def small_stretches() -> Iterator[None]:
    """So small that a few redemptions make many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallying, "STRETCH_ROWS", 2)
        patch.setattr(tallying, "STRETCHES_AT_ONCE", 3)
        yield


class World:
    def __init__(self, settings: Settings) -> None:
        self.now = NOON - 3 * 24 * HOUR_MS  # so that the coupons are valid for those who are late, too
        self.settings = settings
        self.process = Process(settings, lambda: self.now)
        self.process.furnish()
        desk = self.desk = self.process.desk
        desk.must(Put(merchant_id=MERCHANT, record=Member(id=MEMBER, merchant_id=MERCHANT, name="m", card_id="CARD")))
        benefits: tuple[Benefit, ...] = (Balance(1_000_000), RateUses(100, 10_000), Balance(1_000_000))
        self.codes = [
            desk.issue(desk.scheme(benefit, number=number))[0].code
            for benefit, number in zip(benefits, NUMBERS, strict=True)
        ]
        self.now = NOON
        self.live: list[int] = []
        self.bills = 0
        self.round: Iterator[bool] | None = None

    def redeem(self, shop: int, code: int, member: bool, hold: bool, late_ms: int) -> None:
        """Perhaps by a process whose clock is behind."""
        self.bills += 1
        bill = a_bill(f"B{self.bills}", shop_id=SHOPS[shop], member_id=MEMBER if member else None, cashier_id=CASHIER)
        take: Any = Take(self.codes[code], 5) if code != 1 else Take(self.codes[code])
        self.now -= late_ms
        made = (self.desk.hold if hold else self.desk.redeem)(take, bill)
        self.now += late_ms
        self.live.append(made.redemption.id)

    def change(self, which: int, what: int) -> None:
        if self.live:
            id = self.live.pop(which % len(self.live))
            state = rows(self.settings, f"SELECT state FROM redemption WHERE id = {id}")[0]["state"]
            if state == 2:
                self.desk.reverse(id, 1 if what else None)
            elif what:
                self.desk.do(_release(id))
            else:
                self.desk.lapse(id)

    def wait(self, ms: int) -> None:
        self.now += ms

    def tally(self, pieces: int) -> None:
        """Some pieces of a round; the next time it goes on with the same, as if it had stood still meanwhile."""
        for _ in range(pieces):
            if self.round is None:
                self.round = self.process.storage.tally(self.now)
            if next(self.round, None) is None:
                self.round = None

    def look(self, filters: dict[str, Any], page: int, size: int) -> None:
        every = rows(self.settings, "SELECT * FROM redemption ORDER BY created_at, id")
        schemes = {row["id"]: row["number"] for row in rows(self.settings, "SELECT id, number FROM scheme")}
        wanted = [row for row in every if holds(row, filters, schemes)]
        count, found = self.process.storage.redemption_page(
            RedemptionFilter(merchant_id=MERCHANT, **filters), page, size
        )
        assert count == len(wanted), filters
        assert [row.id for row in found] == [row["id"] for row in wanted[(page - 1) * size : page * size]], filters
        for one, row in zip(found, wanted[(page - 1) * size :], strict=False):
            assert (one.created_at, one.state, one.kind) == (row["created_at"], row["state"], row["kind"])
            assert one.scheme_number == schemes[row["scheme_id"]]
        self.turn_pages(filters, wanted, size)
        of_all_shops = {name: value for name, value in filters.items() if name != "shop_id"}
        self.turn_pages(of_all_shops, [row for row in every if holds(row, of_all_shops, schemes)], size)

    def turn_pages(self, filters: dict[str, Any], wanted: list[dict[str, Any]], size: int) -> None:
        """Newest first, to the end."""
        listed = RedemptionFilter(merchant_id=MERCHANT, **filters)
        found: list[int] = []
        after = None
        while len(found) <= len(wanted) and (page := self.process.storage.redemptions(listed, after, size)):
            found += [row.redemption.id for row in page]
            after = Cursor(page[-1].redemption.created_at, page[-1].redemption.id)
        assert found == [row["id"] for row in reversed(wanted)], filters

    def check_and_close(self) -> None:
        broken = self.desk.broken(self.now)
        self.process.storage.close()
        assert broken == []


def _release(id: int) -> Any:
    from hexiao.engine.commands import Release

    return Release(merchant_id=MERCHANT, redemption_id=id)


def holds(row: dict[str, Any], filters: dict[str, Any], schemes: dict[int, str]) -> bool:
    """What a filter means, said a second time."""
    tests: dict[str, Callable[[Any], bool]] = {
        "shop_id": lambda value: row["shop_id"] == value,
        "kind": lambda value: row["kind"] == value,
        "scheme_number": lambda value: schemes[row["scheme_id"]] == value,
        "member_id": lambda value: row["member_id"] == value,
        "member_card_id": lambda value: value == "CARD" and row["member_id"] == MEMBER,
        "bill_number": lambda value: row["bill_number"] == value,
        "created_from_at": lambda value: row["created_at"] >= value,
        "created_until_at": lambda value: row["created_at"] < value,
        "changed_from_at": lambda value: row["changed_at"] >= value,
        "changed_until_at": lambda value: row["changed_at"] < value,
    }
    return row["merchant_id"] == MERCHANT and all(tests[name](value) for name, value in filters.items())


moments = st.builds(
    lambda hours, ms: NOON + hours * HOUR_MS // 2 + ms, st.integers(-30, 100), st.sampled_from([0, 0, 1, 2])
)
filters = st.fixed_dictionaries(
    {"shop_id": st.sampled_from([*SHOPS, FOREIGN_SHOP])},
    optional={
        "kind": st.sampled_from([Kind.BALANCE, Kind.RATE_USES, Kind.MONEY_OFF]),
        "scheme_number": st.sampled_from([*NUMBERS, "none"]),
        "member_id": st.just(MEMBER),
        "member_card_id": st.sampled_from(["CARD", "none"]),
        "bill_number": st.sampled_from(["B1", "B5"]),
        "created_from_at": moments,
        "created_until_at": moments,
        "changed_from_at": moments,
        "changed_until_at": moments,
    },
)
few_filters = st.one_of(
    filters.map(lambda given: dict(list(given.items())[:3])),
    filters.map(lambda given: {name: given[name] for name in given if name == "shop_id" or name.endswith("_at")}),
    filters.map(lambda given: {name: given[name] for name in given if name in ("shop_id", "changed_from_at", "kind")}),
)
steps = st.one_of(
    st.tuples(
        st.just("redeem"), st.integers(0, 1), st.integers(0, 2), st.booleans(), st.booleans(),
        st.sampled_from([0, 0, 0, 0, HOUR_MS, 5 * HOUR_MS, 20 * HOUR_MS]),
    ),
    st.tuples(st.just("redeem"), st.just(0), st.integers(0, 2), st.just(False), st.just(False), st.just(0)),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 1000, HOUR_MS, 3 * HOUR_MS])),
    st.tuples(st.just("change"), st.integers(0, 99), st.integers(0, 1)),
    st.tuples(st.just("tally"), st.integers(1, 6)),
    st.tuples(st.just("look"), st.one_of(filters, few_filters), st.integers(1, 5), st.sampled_from([1, 3, 100])),
)  # fmt: skip


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(plan=st.lists(steps, min_size=20, max_size=70), looks=st.lists(few_filters, min_size=3, max_size=8))
def test_every_page_and_count_is_exact_whatever_is_tallied(
    plan: list[Any], looks: list[dict[str, Any]], fresh: Callable[[], Settings]
) -> None:
    with small_stretches():
        world = World(fresh())
        for name, *arguments in plan:
            getattr(world, name)(*arguments)
        world.wait(3 * HOUR_MS)
        world.tally(100)
        for number, wanted in enumerate(looks):
            world.look(wanted, 1 + number % 3, 4)
        world.check_and_close()


@pytest.mark.parametrize("since", [-1, 0, 1, 2, 3])
def test_at_the_beginning_of_a_time_nothing_is_lost_and_nothing_comes_twice(
    since: int, fresh: Callable[[], Settings]
) -> None:
    world = World(fresh())
    for _ in range(3):
        world.redeem(0, 0, False, True, 0)
        world.wait(1)
    world.wait(HOUR_MS)
    world.change(1, 1)
    ends: list[dict[str, int]] = [
        {}, {"changed_until_at": NOON + HOUR_MS}, {"changed_until_at": NOON + 1}, {"created_until_at": NOON + 2},
        {"created_from_at": NOON + 1},
    ]  # fmt: skip
    for end, size in product(ends, (1, 5)):
        world.look({"shop_id": SHOP, "changed_from_at": NOON + since, **end}, 1, size)
    world.check_and_close()


def test_a_whole_past_is_tallied_and_only_its_end_is_counted(fresh: Callable[[], Settings]) -> None:
    with small_stretches():
        world = World(fresh())
        for number in range(30):
            world.redeem(0, number % 3, False, False, 0)
            world.wait(60_000)
        world.wait(3 * HOUR_MS)
        world.tally(100)
        tallied = rows(world.settings, "SELECT max(so_far) AS n FROM tally WHERE facet = 0")[0]["n"]
        assert 26 <= tallied < 30
        for page in range(1, 12):
            world.look({"shop_id": SHOP}, page, 3)
            world.look({"shop_id": SHOP, "scheme_number": "K2"}, page, 2)
            world.look({"shop_id": SHOP, "kind": Kind.BALANCE}, page, 2)
        world.check_and_close()


def test_a_list_of_another_merchants_shop_is_empty(fresh: Callable[[], Settings], tmp_path: Path) -> None:
    world = World(fresh())
    world.redeem(0, 0, False, False, 0)
    elsewhere = RedemptionFilter(merchant_id=MERCHANT + 1, shop_id=SHOP)
    assert world.process.storage.redemption_page(elsewhere, 1, 10) == (0, [])
    world.check_and_close()
