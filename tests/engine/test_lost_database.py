"""No database, or a line that broke: what was committed is found and answered, and nothing is done twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.desk import MERCHANT, entries, issuing, redeeming
from engine.process import Process
from engine.saves import Saves, codes_of
from hexiao.domain.errors import Code
from hexiao.domain.party import Member
from hexiao.domain.redemption import Entry
from hexiao.engine import mint
from hexiao.engine.commands import Answer, AnyCommand, Issue, Issued, Lapse, LookUp, Put
from hexiao.storage import sqlite
from hexiao.storage.base import ConnectionLost, GuardMissed, StorageDown

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture
def locked(alone: Process, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """locked(True): somebody else holds the write lock and does not let go."""
    monkeypatch.setattr(sqlite, "WAIT_FOR_LOCK_MS", 0)
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


def test_a_record_with_its_id_is_put_again_when_nobody_knows_whether_it_was_kept(alone: Process, saves: Saves) -> None:
    """Putting it twice is putting it once, so its caller is spared the question."""
    saves.after = Cut()
    [put] = alone.commit(Put(merchant_id=MERCHANT, record=Member(id=77, merchant_id=MERCHANT, name="once")))
    assert isinstance(put, Answer)
    names = [member.name for member in alone.storage.members(MERCHANT, 0, 10)]
    assert names.count("once") == 1


def test_a_hold_lapses_once_when_nobody_knows_whether_it_did(alone: Process, saves: Saves, clock: Any) -> None:
    """As the sweeper asks it, which has no request id."""
    code = alone.desk.coupon(hold_seconds=60)
    held = alone.desk.hold(code).redemption.id
    clock.forward(60)
    saves.after = Cut()
    [lapsed] = alone.commit(Lapse(merchant_id=MERCHANT, redemption_id=held, actor="sweeper"))
    assert isinstance(lapsed, Answer)
    assert [kind for kind, _, _ in entries(alone.desk, code)] == [Entry.HOLD, Entry.LAPSE]
