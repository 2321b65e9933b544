"""What eight clients were told by two servers, recorded and judged: as if one thing had happened after the other.

HEXIAO_HISTORY_COUPONS=500 makes a night's work, for every test here; SEED=… asks the same things again.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from faults.histories.lies import LIES
from faults.histories.recorder import OPERATIONS, History, record
from faults.histories.trouble import troubled
from faults.server import serving
from faults.shop import BALANCE, FaultShop

COUPONS = int(os.environ.get("HEXIAO_HISTORY_COUPONS", "12"))
COUPONS_IN_TROUBLE = int(os.environ.get("HEXIAO_HISTORY_COUPONS", "5"))
COUPONS_OF_CONTROLS = 2
LIES_OF_A_KIND = 2
"""In each history."""
LIES_FOUND_MIN = 0.95
TROUBLES_MAX = 5
"""Two kills may both come at a moment when nobody asks; ten hardly do."""

AShop = Callable[[], FaultShop]


@pytest.fixture
def a_shop(tmp_path: Path, migrated: bytes) -> AShop:
    return lambda: FaultShop(tmp_path / "hexiao.db", migrated)


@pytest.fixture
def unguarded() -> str:
    return "faults.unguarded"


def judge(histories: Sequence[History]) -> None:
    """Both checkers on every history; says how fast they were."""
    operations = sum(len(one.operations) for one in histories)
    began = time.monotonic()
    by_ledger = [one.by_ledger() for one in histories]
    then = time.monotonic()
    by_search = [one.by_search() for one in histories]
    end = time.monotonic()
    entries = sum(len(one.entries) for one in histories)
    unknown = sum(asked.told is None for one in histories for asked in one.operations)
    print(
        f"{len(histories)} coupons, {operations} operations, {entries} entries, {unknown} unknown; checked per second:"
        f" {operations / (then - began):.0f} by ledger order, {operations / (end - then):.0f} by search"
    )
    assert [faults for faults in by_ledger + by_search if faults] == []


def refusals(histories: Sequence[History]) -> Counter[str]:
    told = (asked.told for one in histories for asked in one.operations if asked.told)
    return Counter(one[1] for one in told if one[0] == "no")


@pytest.mark.timeout(7_200)
def test_every_history_is_in_order_and_a_lie_in_it_is_found(a_shop: AShop, tmp_path: Path, seed: int) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} histories")
    shop = a_shop()
    codes = shop.issue(BALANCE, COUPONS)
    with serving(shop.database, tmp_path, 2) as ports:
        began = time.monotonic()
        histories = record(shop, ports, codes, rng)
        print(f"{COUPONS * OPERATIONS / (time.monotonic() - began):.0f} operations recorded in a second")
    judge(histories)
    assert shop.broken() == []
    assert sum(len(one.entries) for one in histories) > COUPONS * OPERATIONS / 10, "hardly anything happened"
    assert len(refusals(histories)) >= 7, "hardly anything was refused"
    assert overlapping(histories) > COUPONS * OPERATIONS, "the clients hardly met"

    found: Counter[str] = Counter()
    for plant in LIES:
        for true in histories * LIES_OF_A_KIND:
            told = plant(true, rng)
            ledger, search = bool(told.by_ledger()), bool(told.by_search())
            found.update({"planted": 1, "by ledger order": ledger, "by search": search, "by either": ledger or search})
            found[plant.__name__] += ledger or search
    print(f"lies: {dict(found)}")
    assert found["by either"] >= LIES_FOUND_MIN * found["planted"]
    assert all(found[plant.__name__] > COUPONS / 2 for plant in LIES), "a kind of lie is not seen"


def overlapping(histories: Sequence[History]) -> int:
    """Pairs of operations on one coupon that were under way at the same time."""
    pairs = 0
    for one in histories:
        asked = sorted(one.operations, key=lambda operation: operation.called)
        pairs += sum(
            later.called < earlier.returned for at, earlier in enumerate(asked) for later in asked[at + 1 : at + 9]
        )
    return pairs


@pytest.mark.timeout(7_200)
def test_histories_stay_in_order_while_servers_are_killed(a_shop: AShop, tmp_path: Path, seed: int) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} killed histories")
    shop = a_shop()
    kills = met = 0
    for _ in range(TROUBLES_MAX):
        codes = shop.issue(BALANCE, COUPONS_IN_TROUBLE)
        with troubled(shop.database, tmp_path, rng) as trouble:
            histories = record(shop, trouble.ports, codes, rng)
        kills += trouble.kills
        judge(histories)
        assert shop.broken() == []
        met += sum(asked.told is None for one in histories for asked in one.operations)
        if met:
            break
    print(f"{kills} servers killed, which met {met} requests on their way")
    assert kills > 0
    assert met > 0, "no kill met a request on its way"


def test_without_the_guards_both_checkers_find_it_out(a_shop: AShop, unguarded: str, tmp_path: Path, seed: int) -> None:
    """The control: a test that cannot fail proves nothing."""
    print(f"SEED={seed}")
    shop = a_shop()
    codes = shop.issue(BALANCE, COUPONS_OF_CONTROLS)
    with serving(shop.database, tmp_path, 2, program=unguarded) as ports:
        histories = record(shop, ports, codes, random.Random(f"{seed} unguarded"))
    assert any(one.by_ledger() for one in histories), "the ledger-order checker has no power"
    assert any(one.by_search() for one in histories), "the search has no power"


def test_stale_balances_are_found_by_the_search_which_needs_no_entry(a_shop: AShop, tmp_path: Path, seed: int) -> None:
    """The control of the reads: the ledger knows nothing of them."""
    print(f"SEED={seed}")
    shop = a_shop()
    codes = shop.issue(BALANCE, COUPONS_OF_CONTROLS)
    with serving(shop.database, tmp_path, 2, program="faults.histories.stale") as ports:
        histories = record(shop, ports, codes, random.Random(f"{seed} stale"))
    assert not any(one.by_ledger() for one in histories)
    assert any(one.by_search() for one in histories), "the search has no power over reads"
