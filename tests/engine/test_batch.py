"""One transaction for all that is waiting: in order, all saved before any is answered, and nobody pays for another."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from engine.desk import MERCHANT, Desk, a_bill, a_line, holding, issuing, redeeming
from engine.process import Process
from hexiao.domain.errors import Code, Unavailable
from hexiao.domain.party import Item, Member
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Balance, Goods, MoneyOff
from hexiao.engine import batch, mint
from hexiao.engine.commands import (
    Answer,
    AnyCommand,
    Assess,
    Capture,
    Failed,
    Found,
    Import,
    Imported,
    Issue,
    Issued,
    LookUp,
    PauseScheme,
    Put,
    Redeemed,
    Release,
    Reverse,
    ReviseScheme,
    Take,
    Void,
)
from hexiao.storage.base import ConnectionLost, GuardMissed, StorageDown

PAUSES = "hexiao.engine.batch.PAUSE_SECONDS_MAX"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PAUSES, 0.0)


class Saves:
    """Stands between a process and its storage: counts, and lets a test do something before or after a save."""

    def __init__(self, process: Process) -> None:
        self.count = 0
        self.before: Callable[[Any], None] = lambda changes: None
        self.after: Callable[[], None] = lambda: None
        self._save = process.storage.save
        process.storage.save = self  # type: ignore[method-assign]

    def __call__(self, changes: Any, now: int, node: int) -> None:
        self.count += 1
        self.before(changes)
        self._save(changes, now, node)
        self.after()


@pytest.fixture
def saves(alone: Process) -> Saves:
    return Saves(alone)


def poison(desk: Desk, request_id: str = "poison") -> PauseScheme:
    """No database has an integer of 64 bits, and no rule asks whether a yes or no is one."""
    paused: Any = 2**63
    return PauseScheme(merchant_id=MERCHANT, request_id=request_id, scheme_id=desk.scheme().id, paused=paused)


def codes_of(results: list[batch.Result]) -> list[Code | None]:
    outcomes = [one.code if isinstance(one, Unavailable) else one.outcome for one in results]
    return [one if isinstance(one, Code) else getattr(one, "code", None) for one in outcomes]


# One after the other, in one transaction.


def test_all_that_is_waiting_is_one_transaction(alone: Process, saves: Saves) -> None:
    codes = [alone.desk.coupon() for _ in range(40)]
    saves.count = 0
    results = alone.commit(*(redeeming(code, a_bill(code)) for code in codes))
    assert codes_of(results) == [None] * 40
    assert saves.count == 1


def test_each_command_sees_what_the_ones_before_it_did(alone: Process) -> None:
    scheme = alone.desk.scheme(MoneyOff(1_000))
    held = alone.desk.hold(alone.desk.issue(scheme)[0].code).redemption.id
    results = alone.commit(
        Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=(Imported("NEW"),)),
        redeeming("NEW", a_bill("B1")),
        redeeming("NEW", a_bill("B2")),
        Capture(merchant_id=MERCHANT, redemption_id=held),
        Capture(merchant_id=MERCHANT, redemption_id=held),
        Reverse(merchant_id=MERCHANT, redemption_id=held, amount_fen=1),
        Void(merchant_id=MERCHANT, code="NEW"),
        redeeming("NEW", a_bill("B3")),
    )
    assert codes_of(results) == [
        None,
        None,
        Code.COUPON_USED_UP,
        None,
        Code.ALREADY_CAPTURED,
        None,
        None,
        Code.COUPON_VOIDED,
    ]


def test_an_answer_shows_the_moment_it_was_given_not_what_later_commands_of_the_batch_did(alone: Process) -> None:
    held = alone.desk.hold(alone.desk.coupon()).redemption.id
    captured, reversed_ = alone.outcomes(
        Capture(merchant_id=MERCHANT, redemption_id=held), Reverse(merchant_id=MERCHANT, redemption_id=held)
    )
    assert isinstance(captured, Redeemed) and isinstance(reversed_, Redeemed)
    assert captured.redemptions[0].redemption.state is State.CAPTURED
    assert reversed_.redemptions[0].redemption.state is State.REVERSED


@pytest.mark.parametrize("change", [{"name": "二版"}, {"paused": True}], ids=["revised", "paused"])
def test_a_coupon_of_an_older_version_is_shown_as_a_batch_of_its_own_would_show_it(
    change: dict[str, Any], alone: Process, clock: Any
) -> None:
    scheme = alone.desk.scheme()
    together, later = alone.desk.issue(scheme, 2)
    alone.desk.revise(scheme)
    clock.forward(1)
    kind = PauseScheme if "paused" in change else ReviseScheme
    _, beside = alone.outcomes(
        kind(merchant_id=MERCHANT, scheme_id=scheme.id, **change), Void(merchant_id=MERCHANT, code=together.code)
    )
    [apart] = alone.outcomes(Void(merchant_id=MERCHANT, code=later.code))
    assert isinstance(beside, Found) and isinstance(apart, Found)
    assert beside.coupon.scheme == apart.coupon.scheme


def test_goods_have_their_category_for_a_scheme_that_asks_for_it_since_the_same_batch(alone: Process) -> None:
    scheme = alone.desk.scheme()
    tea = Item(id=0, merchant_id=MERCHANT, sku="tea", name="茶", category="drinks")
    alone.desk.must(Put(merchant_id=MERCHANT, record=tea))
    by_category = replace(scheme.terms, goods=Goods("categories", ("drinks",)))
    results = alone.commit(
        ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, terms=by_category),
        Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=(Imported("NEW"),)),
        redeeming("NEW", a_bill("B1", a_line(sku="tea", category=""))),
    )
    assert codes_of(results) == [None] * 3


def test_a_use_before_the_one_that_a_batch_reverses_is_the_latest(alone: Process, clock: Any) -> None:
    code = alone.desk.coupon(Balance(1_000))
    alone.desk.redeem(Take(code, 100), a_bill("B1"))
    clock.forward(1)
    latest = alone.desk.redeem(Take(code, 200), a_bill("B2")).redemption.id
    _, voided = alone.outcomes(
        Reverse(merchant_id=MERCHANT, redemption_id=latest), Void(merchant_id=MERCHANT, code=code)
    )
    assert isinstance(voided, Found) and voided.coupon.last_use is not None
    assert voided.coupon.last_use.bill_number == "B1"


def test_a_batch_of_nothing_but_looks_saves_nothing(alone: Process, saves: Saves) -> None:
    code = alone.desk.coupon()
    saves.count = 0
    looks: list[AnyCommand] = [
        LookUp(merchant_id=MERCHANT, code=code),
        Assess(merchant_id=MERCHANT, coupons=(), bill=a_bill()),
    ]
    assert codes_of(alone.look(*looks)) == [None, None]
    assert saves.count == 0


def test_stock_and_budget_are_exact_within_one_batch(alone: Process) -> None:
    desk = alone.desk
    stocked = desk.scheme(total=3)
    assert codes_of(alone.commit(*[issuing(stocked)] * 5)) == [None] * 3 + [Code.STOCK_EXHAUSTED] * 2
    budgeted = desk.scheme(MoneyOff(1_000), budget_fen=2_500)
    coupons = desk.issue(budgeted, 3)
    asked = [redeeming(coupon.code, a_bill(coupon.code)) for coupon in coupons]
    assert codes_of(alone.commit(*asked)) == [None, None, Code.BUDGET_EXHAUSTED]


def test_a_limit_that_is_raised_in_the_same_batch_counts_at_once(alone: Process) -> None:
    scheme = alone.desk.scheme(total=2)
    alone.desk.issue(scheme)
    raised = ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, total=3))
    assert codes_of(alone.commit(issuing(scheme), raised, issuing(scheme))) == [None, None, None]


def test_a_limit_that_is_lowered_in_the_same_batch_spoils_nothing_before_it(alone: Process, saves: Saves) -> None:
    scheme = alone.desk.scheme(MoneyOff(1_000), total=5, budget_fen=5_000)
    codes = [coupon.code for coupon in alone.desk.issue(scheme, 2)]
    lowered = ReviseScheme(
        merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, total=2, budget_fen=1_500)
    )
    saves.count = 0
    results = alone.commit(
        issuing(scheme, 3),
        redeeming(codes[0], a_bill("B1")),
        lowered,
        redeeming(codes[1], a_bill("B2")),
        issuing(scheme),
    )
    assert codes_of(results) == [None, None, None, Code.BUDGET_EXHAUSTED, Code.STOCK_EXHAUSTED]
    assert saves.count == 1


def test_what_is_given_back_after_a_limit_was_lowered_spoils_nothing_either(alone: Process, saves: Saves) -> None:
    scheme = alone.desk.scheme(MoneyOff(1_000), budget_fen=5_000)
    codes = [coupon.code for coupon in alone.desk.issue(scheme, 3)]
    held = alone.desk.hold(codes[0], a_bill("B0")).redemption.id
    lowered = ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, budget_fen=500))
    saves.count = 0
    results = alone.commit(
        redeeming(codes[1], a_bill("B1")), lowered, Release(merchant_id=MERCHANT, redemption_id=held)
    )
    assert codes_of(results) == [None, None, None]
    assert saves.count == 1


def test_a_stock_is_exact_after_a_batch_in_which_its_scheme_had_a_budget_instead(
    process: Callable[[], Process], clock: Any
) -> None:
    """What is counted meanwhile must stay where the limit is guarded, or two processes give out the last one each."""
    one, other = process(), process()
    scheme = one.desk.scheme(total=5)
    budget_instead = ReviseScheme(
        merchant_id=MERCHANT, scheme_id=scheme.id, terms=_with(scheme.terms, total=0, budget_fen=90_000)
    )
    assert codes_of(one.commit(issuing(scheme), budget_instead, issuing(scheme, 3))) == [None, None, None]
    one.desk.revise(scheme, total=5)
    saves = Saves(one)

    def intrude(changes: Any) -> None:
        if saves.count == 1:
            other.desk.issue(scheme)

    saves.before = intrude
    assert codes_of(one.commit(issuing(scheme))) == [Code.STOCK_EXHAUSTED]
    assert one.desk.read(lambda reader: reader.scheme_count(scheme.id)).issued == 5
    assert one.desk.broken(clock.now) == []


def _with(terms: Any, **changes: Any) -> Any:
    return replace(terms, **changes)


# One that spoils it for all.


def test_a_command_that_breaks_the_batch_fails_alone_and_the_others_succeed(alone: Process, clock: Any) -> None:
    codes = [alone.desk.coupon() for _ in range(9)]
    asked: list[Any] = [redeeming(code, a_bill(code), f"r{n}") for n, code in enumerate(codes)]
    asked.insert(5, poison(alone.desk))
    results = alone.commit(*asked)
    assert codes_of(results) == [None] * 5 + [Code.INTERNAL_ERROR] + [None] * 4
    failed = results[5]
    assert isinstance(failed, Answer) and isinstance(failed.outcome, Failed)
    assert len(str(failed.outcome.facts["error_id"])) == 12
    assert [alone.desk.balance(code)[1] for code in codes] == [1_000] * 9
    assert alone.desk.broken(clock.now) == []


def test_two_that_break_it_are_both_found(alone: Process) -> None:
    asked: list[Any] = [issuing(alone.desk.scheme()) for _ in range(6)]
    asked[0], asked[5] = poison(alone.desk, "p1"), poison(alone.desk, "p2")
    assert codes_of(alone.commit(*asked)) == [Code.INTERNAL_ERROR, None, None, None, None, Code.INTERNAL_ERROR]


def test_what_failed_unexpectedly_is_not_remembered_so_that_it_can_be_asked_again(alone: Process) -> None:
    broken = poison(alone.desk)
    for _ in range(2):
        [result] = alone.commit(broken)
        assert codes_of([result]) == [Code.INTERNAL_ERROR]
        assert isinstance(result, Answer) and not result.replayed


def test_a_command_that_can_never_be_saved_does_not_make_its_neighbours_busy(alone: Process, saves: Saves) -> None:
    def clash(changes: Any) -> None:
        if "poison" in changes.requests:
            raise GuardMissed("a unique key or a CHECK that no new decision can heal")

    scheme = alone.desk.scheme()
    saves.before = clash
    results = alone.commit(issuing(scheme), issuing(scheme, request_id="poison"), issuing(scheme))
    assert codes_of(results) == [None, Code.BUSY, None]


# Somebody was faster.


def test_when_somebody_was_faster_everything_is_decided_again_on_what_is_there_now(
    process: Callable[[], Process], clock: Any
) -> None:
    one, other = process(), process()
    saves = Saves(one)
    taken, free = one.desk.coupon(), one.desk.coupon()
    saves.count = 0

    def intrude(changes: Any) -> None:
        if saves.count == 1:
            other.desk.redeem(taken, a_bill("B9"))

    saves.before = intrude
    results = one.commit(redeeming(taken, a_bill("B1"), "r1"), redeeming(free, a_bill("B2"), "r2"))
    assert codes_of(results) == [Code.COUPON_USED_UP, None]
    assert saves.count == 2
    assert one.desk.broken(clock.now) == []


def test_time_is_asked_anew_for_every_attempt(process: Callable[[], Process], clock: Any) -> None:
    one, other = process(), process()
    saves = Saves(one)
    coupon = one.desk.coupon(Balance(5_000), hold_seconds=60)
    saves.count = 0

    def intrude(changes: Any) -> None:
        if saves.count == 1:
            other.desk.redeem(Take(coupon, 100))
            clock.forward(30)

    saves.before = intrude
    [held] = one.outcomes(holding(coupon))
    assert isinstance(held, Redeemed)
    assert held.redemptions[0].redemption.held_until_at == clock.now + 60_000


def test_when_somebody_is_always_faster_all_are_told_to_come_again_and_nothing_is_written(
    alone: Process, saves: Saves
) -> None:
    scheme = alone.desk.scheme()

    def never(changes: Any) -> None:
        raise GuardMissed("always")

    saves.count, saves.before = 0, never
    asked = [issuing(scheme, request_id="r1"), issuing(scheme, request_id="r2")]
    assert codes_of(alone.commit(*asked)) == [Code.BUSY, Code.BUSY]
    assert saves.count == batch.ATTEMPTS_TOGETHER_MAX + 2 * batch.ATTEMPTS_MAX  # together, then each alone
    saves.before = lambda changes: None
    results = alone.commit(*asked)
    assert [isinstance(one, Answer) and one.replayed for one in results] == [False, False]


def test_a_line_that_breaks_at_the_last_attempt_is_an_outage_like_any_other(alone: Process, saves: Saves) -> None:
    asked = issuing(alone.desk.scheme(), request_id="r1")
    saves.count = 0

    def miss_and_break(changes: Any) -> None:
        raise ConnectionLost("gone") if saves.count == batch.ATTEMPTS_MAX else GuardMissed("always")

    saves.before = miss_and_break
    assert codes_of(alone.commit(asked)) == [Code.STORAGE_UNAVAILABLE]


def test_a_batch_that_passes_no_guard_ends_soon(alone: Process, saves: Saves) -> None:
    scheme = alone.desk.scheme()

    def never(changes: Any) -> None:
        raise GuardMissed("always")

    saves.count, saves.before = 0, never
    assert codes_of(alone.commit(*[issuing(scheme)] * 256)) == [Code.BUSY] * 256
    assert saves.count < batch.MISSES_MAX + 2 * 256


# No database.


@pytest.fixture
def locked(alone: Process) -> Iterator[Callable[[bool], None]]:
    """locked(True): somebody else holds the write lock and does not let go."""
    alone.storage._db.execute("PRAGMA busy_timeout = 0")  # type: ignore[attr-defined]
    greedy = sqlite3.connect(alone.storage.path, isolation_level=None)  # type: ignore[attr-defined]

    def lock(on: bool) -> None:
        greedy.execute("BEGIN IMMEDIATE" if on else "ROLLBACK")

    yield lock
    greedy.close()


def test_when_the_database_takes_nothing_all_are_unavailable_and_nothing_is_half_written(
    alone: Process, locked: Callable[[bool], None], clock: Any
) -> None:
    code = alone.desk.coupon()
    asked: list[AnyCommand] = [redeeming(code, request_id="r1"), issuing(alone.desk.scheme(), request_id="r2")]
    before = list(alone.storage._db.iterdump())  # type: ignore[attr-defined]
    locked(True)
    assert codes_of(alone.commit(*asked)) == [Code.STORAGE_UNAVAILABLE] * 2
    assert codes_of(alone.look(LookUp(merchant_id=MERCHANT, code=code))) == [None]  # reading goes on
    locked(False)
    assert list(alone.storage._db.iterdump()) == before  # type: ignore[attr-defined]
    results = alone.commit(*asked)
    assert [isinstance(one, Answer) and one.replayed for one in results] == [False, False]
    assert codes_of(results) == [None, None]
    assert alone.desk.broken(clock.now) == []


def test_when_the_database_gives_nothing_looks_and_changes_are_unavailable(
    alone: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(names: Any) -> Any:
        raise StorageDown("gone")

    scheme = alone.desk.scheme()
    monkeypatch.setattr(alone.storage, "load", down)
    assert codes_of(alone.commit(issuing(scheme), issuing(scheme))) == [Code.STORAGE_UNAVAILABLE] * 2
    assert codes_of(alone.look(LookUp(merchant_id=MERCHANT, code="x"))) == [Code.STORAGE_UNAVAILABLE]


def test_each_caller_gets_an_exception_of_his_own(alone: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each one that raises it makes its traceback longer."""

    def down(names: Any) -> Any:
        raise StorageDown("gone")

    scheme = alone.desk.scheme()
    monkeypatch.setattr(alone.storage, "load", down)
    one, other = alone.commit(issuing(scheme), issuing(scheme))
    assert one is not other


class Cut:
    """The connection breaks once, right after the database committed."""

    def __init__(self) -> None:
        self.times = 1

    def __call__(self) -> None:
        if self.times:
            self.times -= 1
            raise ConnectionLost("after COMMIT, before its answer")


def test_what_was_committed_before_the_connection_broke_is_found_and_answered(alone: Process, saves: Saves) -> None:
    scheme = alone.desk.scheme(total=3)
    saves.after = Cut()
    [result] = alone.commit(issuing(scheme, 2, request_id="r1"))
    assert isinstance(result, Answer) and isinstance(result.outcome, Issued)
    assert alone.storage.scheme_count(scheme.id).issued == 2


def test_an_answer_is_replayed_only_after_what_it_tells_was_confirmed(
    alone: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed: list[bool] = []
    monkeypatch.setattr(alone.storage, "confirm", lambda: confirmed.append(True))
    asked = issuing(alone.desk.scheme(), request_id="r1")
    alone.commit(asked)
    assert not confirmed
    alone.commit(asked)
    assert confirmed

    def part() -> None:
        raise StorageDown("the standby is gone")

    monkeypatch.setattr(alone.storage, "confirm", part)
    assert codes_of(alone.commit(asked)) == [Code.STORAGE_UNAVAILABLE]


def test_a_process_whose_line_breaks_again_and_again_uses_up_no_numbers_that_keep_ids_apart(
    process: Callable[[], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids know few numbers, which come again: then two processes would give two redemptions one id."""
    monkeypatch.setattr(mint, "NODES", 4)
    first, unlucky = process(), process()
    lanes = []
    for _ in range(mint.NODES - 2):
        unlucky.chain.lose()
        unlucky.desk.coupon()
        lanes.append(unlucky.chain.lane)
    later = process()
    assert len({first.mint.node, unlucky.mint.node, later.mint.node}) == 3
    assert len({first.chain.lane, later.chain.lane, *lanes}) == 2 + len(lanes)


def test_a_process_whose_place_in_its_lane_is_taken_goes_on_in_a_new_lane(process: Callable[[], Process]) -> None:
    """As after a restore, or when a standby took over that knows of a block more, or of one less."""
    one, other = process(), process()
    scheme = one.desk.scheme()
    one.commit(issuing(scheme))
    other.chain.begin(one.chain.lane)
    assert codes_of(other.commit(issuing(scheme))) == [None]
    assert other.chain.lane != one.chain.lane
    assert codes_of(one.commit(issuing(scheme))) == [None]


@pytest.mark.parametrize(
    ("failed", "same_lane"),
    [
        pytest.param(GuardMissed("somebody was faster"), True, id="nothing was committed"),
        pytest.param(StorageDown("read-only"), True, id="nothing could be committed"),
        pytest.param(RuntimeError("what it means, nobody knows"), False, id="perhaps it was committed"),
    ],
)
def test_a_lane_goes_on_only_from_a_block_that_is_known_to_be_there(
    failed: Exception, same_lane: bool, alone: Process, saves: Saves
) -> None:
    scheme, lane = alone.desk.scheme(), alone.chain.lane

    def fail_once(changes: Any) -> None:
        saves.before = lambda changes: None
        raise failed

    saves.before = fail_once
    alone.commit(issuing(scheme))
    alone.commit(issuing(scheme))
    assert (alone.chain.lane == lane) is same_lane


def test_a_command_without_a_request_id_is_not_carried_out_twice(alone: Process, saves: Saves) -> None:
    scheme = alone.desk.scheme()
    saves.after = Cut()
    alone.commit(Issue(merchant_id=MERCHANT, scheme_id=scheme.id))
    assert alone.storage.scheme_count(scheme.id).issued == 1


def test_a_command_without_a_request_id_is_tried_again_when_the_line_broke_before_anything_was_sent(
    alone: Process, saves: Saves, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme = alone.desk.scheme()
    cut, load = Cut(), alone.storage.load

    def broken_load(names: Any) -> Any:
        cut()
        return load(names)

    monkeypatch.setattr(alone.storage, "load", broken_load)
    assert codes_of(alone.commit(Issue(merchant_id=MERCHANT, scheme_id=scheme.id))) == [None]
    assert alone.storage.scheme_count(scheme.id).issued == 1


def test_a_record_without_an_id_is_not_made_twice(alone: Process, saves: Saves) -> None:
    saves.after = Cut()
    alone.commit(Put(merchant_id=MERCHANT, record=Member(id=0, merchant_id=MERCHANT, name="once")))
    names = [member.name for member in alone.storage.members(MERCHANT, 0, 10)]
    assert names.count("once") == 1
