"""Thirty-two tills want the same thing at the same moment, through HTTP; one gets it, however many servers there are.

With two servers, two committers meet in one database file, so nothing but the guards keeps them apart.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from faults.burst import CLIENTS, Burst, spread
from faults.client import Answer, Request, ask
from faults.server import serving
from faults.shop import BALANCE, FACE_FEN, SINGLE, FaultShop, move, redeem, request_id

COUPONS_A_ROUND = 5
HELD, CAPTURED, RELEASED, REVERSED = 1, 2, 3, 5

Ports = list[int]

pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture(scope="module", params=[1, 2], ids=["one_server", "two_servers"])
def ports(request: pytest.FixtureRequest, shop: FaultShop) -> Iterator[Ports]:
    with serving(shop.database, shop.path.parent, request.param) as ports:
        yield ports


@pytest.fixture
def coupons(rounds: int) -> int:
    return rounds * COUPONS_A_ROUND


def every_till(ports: Ports, code: str, race: str, mode: str = "redeem") -> list[Request]:
    """The same coupon on thirty-two bills, each with its own Idempotency-Key."""
    names = [f"{race}-{code}-{index}" for index in range(CLIENTS)]
    return [redeem(spread(ports, i), code, key=name, bill=name, mode=mode) for i, name in enumerate(names)]


def winners(answers: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.status < 300]


def losers(answers: Sequence[Answer]) -> Counter[tuple[int, str]]:
    return Counter((answer.status, answer.code) for answer in answers if answer.status >= 300)


def the_redemption(answer: Answer) -> dict[str, Any]:
    redemption: dict[str, Any]
    (redemption,) = answer.body["redemptions"]
    return redemption


@pytest.mark.parametrize(
    ("mode", "reason", "state", "entries", "balance"),
    [
        ("redeem", "coupon_used_up", CAPTURED, ["capture"], (0, 1_000, 0, 1)),
        ("hold", "held_elsewhere", HELD, ["hold"], (1_000, 0, 1, 0)),
    ],
    ids=["redeem", "hold"],
)
def test_of_32_tills_that_want_one_coupon_exactly_one_gets_it(
    shop: FaultShop, burst: Burst, ports: Ports, coupons: int,
    mode: str, reason: str, state: int, entries: list[str], balance: tuple[int, int, int, int],
) -> None:  # fmt: skip
    codes = shop.issue(SINGLE, coupons)
    race = f"{mode}{len(ports)}"
    for code, answers in zip(codes, burst.run([every_till(ports, code, race, mode) for code in codes]), strict=True):
        (winner,) = winners(answers)
        assert winner.status == 201
        assert losers(answers) == {(409, reason): CLIENTS - 1}
        (row,) = shop.redemptions(code)
        assert (str(row["id"]), row["state"]) == (the_redemption(winner)["id"], state)
        assert row["request_id"] == request_id(f"{race}-{code}-{answers.index(winner)}")
        assert [entry["entry"] for entry in shop.journal(code)] == entries
        assert shop.balance(code) == balance


def test_of_32_tills_on_one_bill_exactly_one_redeems_the_coupon(
    shop: FaultShop, burst: Burst, ports: Ports, rounds: int
) -> None:
    codes = shop.issue(SINGLE, rounds)
    race = f"bill{len(ports)}"
    requests = [
        [redeem(spread(ports, i), code, key=f"{race}-{code}-{i}", bill=f"{race}-{code}") for i in range(CLIENTS)]
        for code in codes
    ]
    for code, answers in zip(codes, burst.run(requests), strict=True):
        assert [winner.status for winner in winners(answers)] == [201]
        assert losers(answers) == {(409, "already_on_bill"): CLIENTS - 1}
        assert len(shop.redemptions(code)) == 1


def test_32_retries_of_one_request_are_one_redemption_and_one_answer(
    shop: FaultShop, burst: Burst, ports: Ports, rounds: int
) -> None:
    codes = shop.issue(SINGLE, rounds)
    race = f"retry{len(ports)}"
    requests = [
        [redeem(spread(ports, i), code, key=f"{race}-{code}", bill=f"{race}-{code}") for i in range(CLIENTS)]
        for code in codes
    ]
    for code, answers in zip(codes, burst.run(requests), strict=True):
        assert {answer.status for answer in answers} == {201}
        assert [answer.replayed for answer in answers].count(False) == 1
        assert all(answer.body == answers[0].body for answer in answers)
        assert [str(row["id"]) for row in shop.redemptions(code)] == [the_redemption(answers[0])["id"]]


def test_a_balance_used_in_parts_by_32_tills_is_never_overspent(
    shop: FaultShop, burst: Burst, ports: Ports, coupons: int, seed: int
) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} parts {len(ports)}")
    codes = shop.issue(BALANCE, coupons)
    parts = {code: [rng.randint(1, 3_000) for _ in range(CLIENTS)] for code in codes}
    race = f"parts{len(ports)}"
    requests = [
        [
            redeem(spread(ports, i), code, key=f"{race}-{code}-{i}", bill=f"{race}-{code}-{i}", amount_fen=part)
            for i, part in enumerate(parts[code])
        ]
        for code in codes
    ]
    for code, answers in zip(codes, burst.run(requests), strict=True):
        taken = Counter(
            {
                str(the_redemption(answer)["id"]): part
                for answer, part in zip(answers, parts[code], strict=True)
                if answer.status == 201
            }
        )
        captured_fen = taken.total()
        assert 0 < captured_fen <= FACE_FEN
        assert {str(row["id"]): row["captured_fen"] for row in shop.redemptions(code)} == taken
        assert shop.balance(code) == (0, captured_fen, 0, len(taken))
        assert sum(entry["d_captured_fen"] for entry in shop.journal(code)) == captured_fen
        assert set(losers(answers)) <= {(409, "amount_too_large"), (409, "coupon_used_up")}
        # The balance only shrinks here: whoever was refused asked for more than is left now.
        left_fen = FACE_FEN - captured_fen
        refused = [part for answer, part in zip(answers, parts[code], strict=True) if answer.status == 409]
        assert all(part > left_fen for part in refused)


def hold_each(shop: FaultShop, ports: Ports, race: str, count: int, *, capture: bool = False) -> dict[str, str]:
    """code → redemption id of fresh holds, or of captures."""
    mode = "redeem" if capture else "hold"
    ids = {}
    for code in shop.issue(SINGLE, count):
        answer = ask(redeem(ports[0], code, key=f"{race}-{code}", bill=f"{race}-{code}", mode=mode))
        assert answer.status == 201
        ids[code] = str(the_redemption(answer)["id"])
    return ids


@pytest.mark.parametrize(
    ("moves", "outcomes"),
    [
        (("capture", "capture"), {CAPTURED: "already_captured"}),
        (("release", "release"), {RELEASED: "already_released"}),
        (("capture", "release"), {CAPTURED: "already_captured", RELEASED: "already_released"}),
        (("reverse", "reverse"), {REVERSED: "already_reversed"}),
    ],
    ids=["capture-capture", "release-release", "capture-release", "reverse-reverse"],
)
def test_of_32_moves_on_one_redemption_exactly_one_has_an_effect(
    shop: FaultShop, burst: Burst, ports: Ports, rounds: int, moves: tuple[str, str], outcomes: dict[int, str]
) -> None:
    race = f"{'-'.join(moves)}{len(ports)}"
    ids = hold_each(shop, ports, race, rounds, capture=moves == ("reverse", "reverse"))
    requests = [
        [move(spread(ports, i), one, moves[i % 2], key=f"{race}-{one}-{i}") for i in range(CLIENTS)]
        for one in ids.values()
    ]
    for code, answers in zip(ids, burst.run(requests), strict=True):
        (row,) = shop.redemptions(code)
        (winner,) = winners(answers)
        assert winner.status == 200
        assert losers(answers) == {(409, outcomes[row["state"]]): CLIENTS - 1}
        assert len(shop.journal(code)) == 2
        held = row["state"] == HELD
        captured = row["state"] == CAPTURED
        assert shop.balance(code) == (1_000 * held, 1_000 * captured, int(held), int(captured))


def test_reversals_in_parts_never_give_back_more_than_was_taken(
    shop: FaultShop, burst: Burst, ports: Ports, rounds: int, seed: int
) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} reversals {len(ports)}")
    race = f"back{len(ports)}"
    ids = hold_each(shop, ports, race, rounds, capture=True)
    parts = {code: [rng.randint(1, 300) for _ in range(CLIENTS)] for code in ids}
    requests = [
        [
            move(spread(ports, i), one, "reverse", key=f"{race}-{one}-{i}", amount_fen=part)
            for i, part in enumerate(parts[code])
        ]
        for code, one in ids.items()
    ]
    for code, answers in zip(ids, burst.run(requests), strict=True):
        back_fen = sum(part for answer, part in zip(answers, parts[code], strict=True) if answer.status == 200)
        assert 0 < back_fen <= 1_000
        assert set(losers(answers)) <= {(409, "reverse_too_large"), (409, "already_reversed")}
        (row,) = shop.redemptions(code)
        assert (row["captured_fen"], row["reversed_fen"]) == (1_000, back_fen)
        assert shop.balance(code)[1] == 1_000 - back_fen


def test_without_the_guards_the_same_race_is_lost_within_ten_rounds(
    tmp_path: Path, migrated: bytes, burst: Burst
) -> None:
    """The control: a test that cannot fail proves nothing."""
    shop = FaultShop(tmp_path / "unguarded.db", migrated)
    with serving(shop.database, tmp_path, 2, program="faults.unguarded") as ports:
        codes = shop.issue(SINGLE, 10)
        for code in codes:
            (answers,) = burst.run([every_till(ports, code, "unguarded")])
            if len(winners(answers)) > 1:
                break
    assert len(winners(answers)) > 1, "nobody redeemed twice: the race has no power"
    assert len(shop.redemptions(code)) == len(winners(answers))
    assert any(row.startswith("I4 ") for row in shop.broken()), "the invariants overlooked a double redemption"
