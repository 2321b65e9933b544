"""Moves that do not get on with each other, asked by thirty-two tills at the same moment: one of them happens.

Rows, journal and balances are counted afterwards, not only answers. A sweeper of its own races with the tills.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.burst import CLIENTS, Burst, spread
from faults.client import Answer, Request, ask
from faults.server import serving
from faults.shop import FaultShop, issue, move, redeem
from faults.test_races import CAPTURED, HELD, REVERSED, Ports, hold_each, losers, the_redemption, winners
from hexiao.domain.scheme import MoneyOff

LAPSED = 4
TOTAL = 10
BRIEF, BRIEF_SECONDS = "brief", 3
"""A scheme whose holds are soon over, and how soon."""
DEADLINES, APART_SECONDS = 16, 0.15
"""So many holds end one after the other; all of them are made before the first one ends."""
TRIES_MORE = 4
"""When all of them ended alike."""
SWEEP_SECONDS = 0.005

pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture(scope="module", params=[1, 2], ids=["one_server", "two_servers"])
def ports(request: pytest.FixtureRequest, shop: FaultShop) -> Iterator[Ports]:
    with serving(shop.database, shop.path.parent, request.param) as ports:
        yield ports


def test_32_retries_of_one_capture_are_one_capture_and_one_answer(
    shop: FaultShop, burst: Burst, ports: Ports, rounds: int
) -> None:
    race = f"same{len(ports)}"
    ids = hold_each(shop, ports, race, rounds)
    requests = [
        [move(spread(ports, i), one, "capture", key=f"{race}-{one}") for i in range(CLIENTS)] for one in ids.values()
    ]
    for code, answers in zip(ids, burst.run(requests), strict=True):
        assert {answer.status for answer in answers} == {200}
        assert [answer.replayed for answer in answers].count(False) == 1
        assert all(answer.body == answers[0].body for answer in answers)
        assert [entry["entry"] for entry in shop.journal(code)] == ["hold", "capture"]
        assert shop.balance(code) == (0, 1_000, 0, 1)


def test_a_hold_that_is_captured_and_reversed_at_once_ends_as_the_answers_say(
    shop: FaultShop, burst: Burst, ports: Ports, rounds: int
) -> None:
    race = f"capture-reverse{len(ports)}"
    ids = hold_each(shop, ports, race, rounds)
    requests = [
        [move(spread(ports, i), one, ("capture", "reverse")[i % 2], key=f"{race}-{one}-{i}") for i in range(CLIENTS)]
        for one in ids.values()
    ]
    reversed_too = 0
    for code, answers in zip(ids, burst.run(requests), strict=True):
        (captured,) = winners(answers[0::2])
        reversals = winners(answers[1::2])
        assert len(reversals) <= 1
        assert {reason for _, reason in losers(answers)} <= {"already_captured", "still_held", "already_reversed"}
        (row,) = shop.redemptions(code)
        assert (str(row["id"]), row["state"]) == (captured.body["id"], REVERSED if reversals else CAPTURED)
        assert [entry["entry"] for entry in shop.journal(code)] == ["hold", "capture", *(["reverse"] * len(reversals))]
        assert shop.balance(code) == ((0, 0, 0, 0) if reversals else (0, 1_000, 0, 1))
        reversed_too += len(reversals)
    print(f"{len(ids)} captured, {reversed_too} of them reversed at once")
    assert reversed_too > 0, "no reversal met its capture"


def issuing(shop: FaultShop, ports: Ports, number: str) -> list[Request]:
    """A new scheme with TOTAL coupons, of which thirty-two tills want one each."""
    shop.add_schemes({number: MoneyOff(amount_fen=1_000)}, total=TOTAL)
    return [issue(spread(ports, i), shop.schemes[number], key=f"{number}-{i}") for i in range(CLIENTS)]


def issued(shop: FaultShop, number: str) -> tuple[int, int]:
    """(coupons there are, coupons counted) of the scheme."""
    ((coupons,),) = shop.rows("SELECT count(*) FROM coupon WHERE scheme_id = ?", shop.schemes[number])
    ((counted,),) = shop.rows("SELECT sum(issued) FROM scheme_count WHERE scheme_id = ?", shop.schemes[number])
    return coupons, int(counted)


def test_of_32_tills_that_issue_of_a_scheme_as_many_succeed_as_it_has(
    shop: FaultShop, burst: Burst, ports: Ports, rounds: int
) -> None:
    numbers = [f"total{len(ports)}-{index}" for index in range(rounds)]
    requests = [issuing(shop, ports, number) for number in numbers]
    for number, answers in zip(numbers, burst.run(requests), strict=True):
        assert len({answer.body["code"] for answer in winners(answers)}) == len(winners(answers)) == TOTAL
        assert losers(answers) == {(409, "stock_exhausted"): CLIENTS - TOTAL}
        assert issued(shop, number) == (TOTAL, TOTAL)


def at_the_deadline(ports: Ports, code: str, redemption_id: str, mix: str) -> list[Request]:
    """What thirty-two tills want of a hold that is about to end: to capture it, to hold its coupon anew, or both."""
    kinds = {"captures": ("capture",), "holds": ("hold",), "both": ("capture", "hold")}[mix]
    requests = []
    for i in range(CLIENTS):
        key, port = f"late-{redemption_id}-{i}", spread(ports, i)
        if kinds[i // 16 % len(kinds)] == "capture":
            requests.append(move(port, redemption_id, "capture", key=key))
        else:
            requests.append(redeem(port, code, key=key, bill=key, mode="hold"))
    return requests


def test_a_hold_that_ends_while_everybody_wants_it_is_captured_or_lapses_once(
    shop: FaultShop, burst: Burst, ports: Ports, rounds: int, seed: int
) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} deadlines {len(ports)}")
    if BRIEF not in shop.schemes:
        shop.add_schemes({BRIEF: MoneyOff(amount_fen=1_000)}, hold_seconds=BRIEF_SECONDS)
    ends: Counter[str] = Counter()
    wanted = max(1, rounds // 20)
    for number in range(wanted + TRIES_MORE):
        if number >= wanted and 0 < ends["captured"] < ends.total():
            break
        answers = race_to_the_deadlines(shop, burst, ports, rng)
        for code, (redemption_id, given) in answers.items():
            ends[check_the_end(shop, code, redemption_id, given)] += 1
    print(f"how {ends.total()} holds ended: {dict(ends)}")
    assert 0 < ends["captured"] < ends.total(), "everybody came too early, or too late"


def race_to_the_deadlines(
    shop: FaultShop, burst: Burst, ports: Ports, rng: random.Random
) -> dict[str, tuple[str, list[Answer]]]:
    """code → (its first hold, what everybody was answered at its end)."""
    holds: list[tuple[str, str, float]] = []
    began = time.monotonic()
    for number, code in enumerate(shop.issue(BRIEF, DEADLINES)):
        time.sleep(max(0.0, began + number * APART_SECONDS - time.monotonic()))
        held = ask(redeem(ports[0], code, key=f"brief-{code}", bill=f"brief-{code}", mode="hold"))
        holds.append((code, str(the_redemption(held)["id"]), time.monotonic() + BRIEF_SECONDS))
    answers = {}
    with shop.swept(SWEEP_SECONDS) as process:
        for code, redemption_id, ends_at in holds:
            requests = at_the_deadline(ports, code, redemption_id, rng.choice(("captures", "holds", "both")))
            time.sleep(max(0.0, ends_at - rng.uniform(0.0, 0.1) - time.monotonic()))
            (given,) = burst.run([requests])
            answers[code] = (redemption_id, given)
        time.sleep(max(0.0, ends_at + 0.01 - time.monotonic()))
        process.sweeper.sweep()
    return answers


def check_the_end(shop: FaultShop, code: str, redemption_id: str, answers: list[Answer]) -> str:
    """Rows, journal and balance say what the answers said; which of the two ends it was."""
    won = winners(answers)
    assert len(won) <= 1
    assert set(losers(answers)) <= {
        (409, reason) for reason in ("held_elsewhere", "hold_lapsed", "already_captured", "coupon_used_up")
    }
    first, *others = shop.redemptions(code)
    assert str(first["id"]) == redemption_id
    entries = [entry["entry"] for entry in shop.journal(code)]
    if won and won[0].status == 200:  # a capture
        assert (first["state"], others, entries) == (CAPTURED, [], ["hold", "capture"])
        assert shop.balance(code) == (0, 1_000, 0, 1)
        return "captured"
    assert first["state"] == LAPSED
    if not won:
        assert (others, entries) == ([], ["hold", "lapse"])
        assert shop.balance(code) == (0, 0, 0, 0)
        return "lapsed"
    (anew,) = others
    assert str(anew["id"]) == the_redemption(won[0])["id"]
    lapsed_again = anew["state"] == LAPSED  # it is as brief as the first
    assert lapsed_again or anew["state"] == HELD
    assert entries == ["hold", "lapse", "hold", *(["lapse"] * lapsed_again)]
    assert shop.balance(code) == ((0, 0, 0, 0) if lapsed_again else (1_000, 0, 1, 0))
    return "held anew"


def lost_races(shop: FaultShop, burst: Burst, ports: Ports) -> set[str]:
    """Which of the races above go wrong within ten rounds."""
    lost = set()
    for number in range(10):
        (code, one), *_ = hold_each(shop, ports, f"control{number}", 1).items()
        kinds = ("capture", "release")
        moves = [move(spread(ports, i), one, kinds[i % 2], key=f"control-{one}-{i}") for i in range(CLIENTS)]
        wanted = issuing(shop, ports, f"control{number}")
        moved, given = burst.run([moves, wanted])
        if len(winners(moved)) > 1:
            lost.add("moves")
        if issued(shop, f"control{number}")[0] > TOTAL:
            lost.add("total")
        assert code and len(winners(given)) == issued(shop, f"control{number}")[0]
        if lost == {"moves", "total"}:
            break
    return lost


def test_without_the_guards_these_races_are_lost_within_ten_rounds(
    tmp_path: Path, migrated: bytes, burst: Burst
) -> None:
    """The control: a test that cannot fail proves nothing."""
    shop = FaultShop(tmp_path / "unguarded.db", migrated)
    with serving(shop.database, tmp_path, 2, program="faults.unguarded") as ports:
        assert lost_races(shop, burst, ports) == {"moves", "total"}, "nobody got too much: the races have no power"
    assert shop.broken() != [], "the invariants overlooked it"
