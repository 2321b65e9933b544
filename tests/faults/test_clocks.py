"""Servers whose clocks jump by an hour or go back: ids rise, a coupon's journal never goes back, nothing is double.

HEXIAO_FAULT_ROUNDS makes the days of odd clocks more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date
from itertools import chain, pairwise
from typing import Any

import pytest

from conftest import NOON, Clock
from engine.desk import MERCHANT, a_bill, holding, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.domain.redemption import Entry, Redemption, State
from hexiao.domain.scheme import Balance, FixedDates, MoneyOff
from hexiao.engine import ledger, mint
from hexiao.engine.commands import AnyCommand, Capture, Failed, Lapse, Redeemed, Release, Reverse, Take
from hexiao.engine.mint import COUNTER_BITS, NODES

HOUR, TEN_MINUTES, HOLD_SECONDS = 3_600, 600, 900
JUMPS = (-HOUR, -TEN_MINUTES, 0, 0, 0, HOUR)
"""Seconds by which the clock of a server is wrong from now on."""
STEPS, COUPONS = 150, 12
DAYS_OF_THE_CONTROL_MAX = 5

Meet = Callable[[], tuple[Process, "OddClock"]]


class OddClock:
    """The right time and an error of its own."""

    def __init__(self, right: Clock) -> None:
        self.right = right
        self.wrong_seconds = 0

    def __call__(self) -> int:
        return self.right() + self.wrong_seconds * 1_000


@pytest.fixture
def place(settings: Settings) -> Settings:
    """The database on which the servers meet."""
    return settings


@pytest.fixture
def right() -> Clock:
    return Clock(NOON)


@pytest.fixture
def meet(place: Settings, right: Clock) -> Iterator[Meet]:
    """meet() → one more server on the database, and its clock, which is right at first."""
    started: list[Process] = []

    def start() -> tuple[Process, OddClock]:
        clock = OddClock(right)
        one = Process(place, clock, seed=len(started))
        if not started:
            one.furnish()
        started.append(one)
        return one, clock

    yield start
    for one in started:
        one.storage.close()


def for_ever(one: Process, benefit: Any, number: str) -> Any:
    """A scheme whose coupons are valid by any of the clocks."""
    dates = FixedDates(date(2020, 1, 1), date(2099, 12, 31))
    return one.desk.scheme(benefit, number=number, validity=dates, hold_seconds=HOLD_SECONDS)


def journal(one: Process, code: str) -> list[Any]:
    """The coupon's journal, oldest first."""
    return one.storage.journal(one.desk.stored(code).id)


# One jump at a time.


@pytest.fixture
def pair(meet: Meet, right: Clock) -> Iterator[tuple[Process, Process, OddClock, str]]:
    """Two servers, the clock of the second, and a coupon."""
    (one, _), (other, clock) = meet(), meet()
    [coupon] = one.desk.issue(for_ever(one, MoneyOff(1_000), "pair"))
    yield one, other, clock, coupon.code
    assert one.desk.broken(right()) == []


def test_a_server_an_hour_ahead_lets_a_hold_lapse_early_and_the_coupon_is_used_once(pair: Any) -> None:
    one, ahead, clock, code = pair
    held = one.desk.hold(code).redemption
    clock.wrong_seconds = HOUR
    ahead.desk.lapse(held.id)
    assert one.desk.no(Capture(merchant_id=MERCHANT, redemption_id=held.id)) is Code.HOLD_LAPSED
    one.desk.redeem(code)  # its own clock is behind the last entry now
    assert one.desk.no(redeeming(code, a_bill("again"))) is Code.COUPON_USED_UP
    entries = journal(one, code)
    assert [entry.entry for entry in entries] == [Entry.ISSUE, Entry.HOLD, Entry.LAPSE, Entry.CAPTURE]
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert one.desk.balance(code) == (0, 1_000, 0, 1)


def test_a_server_an_hour_behind_keeps_a_hold_longer_but_gives_it_to_nobody_twice(pair: Any, right: Clock) -> None:
    one, behind, clock, code = pair
    held = one.desk.hold(code).redemption
    clock.wrong_seconds = -HOUR
    right.forward(HOLD_SECONDS)  # over by the right clock, not yet by the other
    assert behind.desk.no(redeeming(code, a_bill("behind"))) is Code.HELD_ELSEWHERE
    again = one.desk.hold(code).redemption
    assert again.id != held.id
    assert behind.desk.no(Capture(merchant_id=MERCHANT, redemption_id=held.id)) is Code.HOLD_LAPSED
    assert behind.desk.capture(again.id).redemption.state is State.CAPTURED
    assert one.desk.balance(code) == (0, 1_000, 0, 1)


def test_a_hold_that_lapsed_does_not_come_back_when_the_clock_goes_back(pair: Any, right: Clock) -> None:
    one, other, clock, code = pair
    held = one.desk.hold(code).redemption
    right.forward(HOLD_SECONDS)
    other.desk.lapse(held.id)
    clock.wrong_seconds = -TEN_MINUTES
    assert other.desk.no(Capture(merchant_id=MERCHANT, redemption_id=held.id)) is Code.HOLD_LAPSED
    other.desk.redeem(code)
    assert [entry.at for entry in journal(one, code)] == sorted(entry.at for entry in journal(one, code))


def test_a_retry_after_the_clock_went_back_gets_the_answer_of_before(pair: Any) -> None:
    _, other, clock, code = pair
    asked = redeeming(code, a_bill("B1"), "r1")
    first = other.call(asked)
    clock.wrong_seconds = -TEN_MINUTES
    again = other.call(asked)
    assert (again.outcome, again.replayed) == (first.outcome, True)


# Any jumps.


class OddDay:
    """Three servers with clocks that jump while they work on the same coupons."""

    def __init__(self, servers: list[tuple[Process, OddClock]], right: Clock, rng: random.Random, name: str) -> None:
        self._servers, self._right, self._rng, self._name = servers, right, rng, name
        first = self._servers[0][0]
        schemes = [for_ever(first, one, f"{name}-{type(one).__name__}") for one in (MoneyOff(1_000), Balance(5_000))]
        self.codes = [coupon.code for scheme in schemes for coupon in first.desk.issue(scheme, COUPONS)]
        self.first = first
        self.ids: dict[int, list[int]] = {one.mint.node: [] for one, _ in self._servers}
        """Of each server, the ids that it made, in order."""
        self._open: list[int] = []
        self._taken: list[int] = []

    def work(self) -> None:
        for step in range(STEPS):
            self._right.forward(self._rng.choice((0, 0.001, 1, 60, 300)))
            server, clock = self._rng.choice(self._servers)
            clock.wrong_seconds = self._rng.choice(JUMPS)
            if self._rng.random() < 0.1:
                self._sweep(server, clock)
            else:
                self._ask(server, self._command(f"{self._name}-{step}"))

    def _command(self, key: str) -> AnyCommand:
        dice = self._rng.random()
        if self._open and dice < 0.4:
            kind = self._rng.choice((Capture, Release))
            return kind(merchant_id=MERCHANT, redemption_id=self._rng.choice(self._open), request_id=key)
        if self._taken and dice < 0.5:
            return Reverse(merchant_id=MERCHANT, redemption_id=self._rng.choice(self._taken), request_id=key)
        using = self._rng.choice((holding, redeeming))
        return using(Take(self._rng.choice(self.codes), 1_000), a_bill(key), key)

    def _ask(self, server: Process, command: AnyCommand) -> None:
        outcome = server.call(command).outcome
        if isinstance(outcome, Failed):
            return
        assert isinstance(outcome, Redeemed)
        (view,) = outcome.redemptions
        one = view.redemption
        if isinstance(command, (Capture, Release, Reverse)):
            (self._taken if isinstance(command, Capture) else []).append(one.id)
            return
        self.ids[server.mint.node].append(one.id)
        (self._open if one.state is State.HELD else self._taken).append(one.id)

    def _sweep(self, server: Process, clock: OddClock) -> None:
        for hold in server.storage.due_holds(clock(), 100):
            server.call(Lapse(merchant_id=hold.merchant_id, redemption_id=hold.id, actor="sweeper"))

    # What is wrong afterwards.

    def faults(self) -> set[str]:
        found = set()
        for node, made in self.ids.items():
            if any(one >= next_one for one, next_one in pairwise(made)):
                found.add("ids fall")
            if any(one >> COUNTER_BITS & NODES - 1 != node for one in made):
                found.add("an id of another node")
        for use in map(self._redemption, chain.from_iterable(self.ids.values())):
            if use.changed_at < use.created_at:
                found.add("changed before it was made")
        for code in self.codes:
            entries = journal(self.first, code)
            if any(entry.at > after.at for entry, after in pairwise(entries)):
                found.add("a journal goes back")
            found |= self._early_or_late(entries)
        found |= {row.invariant[:3].strip() for row in self.first.storage.broken(self._right())} - {"I14"}
        return found

    def _early_or_late(self, entries: list[Any]) -> set[str]:
        """No hold may lapse before its deadline by the clock that says so."""
        found = set()
        for entry in entries:
            if entry.entry is Entry.LAPSE:
                held_until_at = self._redemption(entry.redemption_id).held_until_at
                assert held_until_at is not None
                if entry.at < held_until_at:
                    found.add("lapsed too early")
        return found

    def _redemption(self, redemption_id: int) -> Redemption:
        row = self.first.storage.redemption(MERCHANT, redemption_id)
        assert row is not None
        return row.redemption


def test_days_of_odd_clocks_leave_rising_ids_and_journals_that_never_go_back(
    meet: Meet, right: Clock, rounds: int, seed: int
) -> None:
    print(f"SEED={seed}")
    servers = [meet() for _ in range(3)]
    for number in range(max(1, rounds // 10)):
        day = OddDay(servers, right, random.Random(f"{seed} clocks {number}"), f"day{number}")
        day.work()
        assert day.faults() == set()
        moves = sum(len(journal(day.first, code)) - 1 for code in day.codes)
        print(f"{moves} moves, {sum(map(len, day.ids.values()))} redemptions")
        assert moves > STEPS // 4


def test_without_the_rule_that_time_only_goes_on_the_same_day_is_found_out(
    meet: Meet, right: Clock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a test that cannot fail proves nothing."""
    print(f"SEED={seed}")
    for module in (ledger, mint):  # what is written down is what the clock says, whatever was before
        monkeypatch.setattr(module, "max", lambda now, *_: now, raising=False)
    servers = [meet() for _ in range(3)]
    wanted, found = {"ids fall", "a journal goes back", "changed before it was made", "I7"}, set[str]()
    for number in range(DAYS_OF_THE_CONTROL_MAX):
        day = OddDay(servers, right, random.Random(f"{seed} clocks {number}"), f"control{number}")
        day.work()
        found |= day.faults()
        if found >= wanted:
            break
    assert found >= wanted
