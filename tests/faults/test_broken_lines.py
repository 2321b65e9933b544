"""Tills whose line breaks before, while and after they ask; asking again, each gets its one answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.burst import CLIENTS
from faults.client import Broken, Connection, Request, ask, to_bytes
from faults.server import serving
from faults.shop import SINGLE, FaultShop, redeem, request_id

CARRIED_OUT_SECONDS_MAX = 1.0
HELD_UP_SECONDS_MAX = 5.0

pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture(scope="module")
def port(shop: FaultShop) -> Iterator[int]:
    with serving(shop.database, shop.path.parent) as (port,):
        yield port


@pytest.fixture
def requests(shop: FaultShop, port: int, rounds: int, request: pytest.FixtureRequest) -> dict[str, Request]:
    """code → one redemption that is about to be asked for."""
    return _requests(shop, port, rounds, request.node.name)


def _requests(shop: FaultShop, port: int, count: int, name: str) -> dict[str, Request]:
    codes = shop.issue(SINGLE, count)
    return {code: redeem(port, code, key=f"{name}-{code}", bill=f"{name}-{code}") for code in codes}


def carried_out(shop: FaultShop, code: str) -> bool:
    """Whether the coupon is redeemed within a second; a server may also drop what nobody waits for."""
    deadline = time.monotonic() + CARRIED_OUT_SECONDS_MAX
    while not shop.redemptions(code):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def ids_of(shop: FaultShop, code: str) -> list[str]:
    return [str(row["id"]) for row in shop.redemptions(code)]


def the_id(answer: Any) -> str:
    (redemption,) = answer.body["redemptions"]
    return str(redemption["id"])


@pytest.mark.parametrize("leave", [Connection.cut, Connection.close], ids=["reset", "closed"])
def test_a_till_that_asked_and_left_gets_its_answer_when_it_asks_again(
    shop: FaultShop, requests: dict[str, Request], leave: Callable[[Connection], None]
) -> None:
    replayed = 0
    for number, (code, request) in enumerate(requests.items()):
        connection = Connection(request.port)
        connection.send(to_bytes(request))
        leave(connection)
        done = number % 2 == 0 and carried_out(shop, code)  # the others ask again at once
        answer = ask(request)
        assert answer.status == 201
        assert answer.replayed or not done
        assert ids_of(shop, code) == [the_id(answer)]
        replayed += answer.replayed
    print(f"{replayed} of {len(requests)} requests outlived their line")
    assert replayed > 0, "no request outlived its line: nothing was tested"


def test_a_till_that_read_half_of_its_answer_gets_the_whole_of_it_when_it_asks_again(
    shop: FaultShop, requests: dict[str, Request]
) -> None:
    for code, request in requests.items():
        connection = Connection(request.port)
        connection.send(to_bytes(request))
        assert connection.read_some(12) == b"HTTP/1.1 201"
        connection.cut()
        answer = ask(request)
        assert (answer.status, answer.replayed) == (201, True)
        assert ids_of(shop, code) == [the_id(answer)]


@pytest.mark.parametrize("leave", [Connection.cut, Connection.close], ids=["reset", "closed"])
@pytest.mark.parametrize("sent", [-1, -60, 60], ids=["last_byte", "half_a_body", "half_a_head"])
def test_a_request_that_did_not_arrive_whole_changes_nothing(
    shop: FaultShop, requests: dict[str, Request], leave: Callable[[Connection], None], sent: int
) -> None:
    for request in requests.values():
        connection = Connection(request.port)
        connection.send(to_bytes(request)[:sent])
        leave(connection)
    for code, request in requests.items():
        assert shop.redemptions(code) == []
        assert shop.rows("SELECT 1 FROM request WHERE id = ?", request_id(request.key)) == []
        answer = ask(request)
        assert (answer.status, answer.replayed) == (201, False)
        assert ids_of(shop, code) == [the_id(answer)]


def test_a_till_that_ends_its_side_still_hears_its_answer_or_gets_it_again(
    shop: FaultShop, requests: dict[str, Request]
) -> None:
    for code, request in requests.items():
        connection = Connection(request.port)
        connection.send(to_bytes(request))
        connection.end_sending()
        try:
            heard = connection.answer()
        except Broken:
            heard = None
        connection.close()
        again = ask(request)
        assert again.status == 201
        assert heard is None or (again.replayed and heard.body == again.body)
        assert ids_of(shop, code) == [the_id(again)]


def test_without_remembered_answers_such_a_till_is_refused_what_it_has(tmp_path: Path, migrated: bytes) -> None:
    """The control: a test that cannot fail proves nothing."""
    shop = FaultShop(tmp_path / "forgetful.db", migrated)
    with serving(shop.database, tmp_path, program="faults.forgetful") as (port,):
        for code, request in _requests(shop, port, 3, "forgotten").items():
            connection = Connection(port)
            connection.send(to_bytes(request))
            assert connection.read_some(12) == b"HTTP/1.1 201"
            connection.cut()
            assert ask(request).code == "already_on_bill"
            assert len(shop.redemptions(code)) == 1


def test_tills_that_leave_take_no_answer_from_those_that_stay(shop: FaultShop, port: int, rounds: int) -> None:
    """Thirty-two coupons in one batch or two; every second till is gone before its answer."""
    for number in range(rounds):
        requests = _requests(shop, port, CLIENTS, f"leaving{number}")
        connections = [Connection(port) for _ in requests]
        for connection, request in zip(connections, requests.values(), strict=True):
            connection.send(to_bytes(request)[:-1])
        for connection, request in zip(connections, requests.values(), strict=True):
            connection.send(to_bytes(request)[-1:])
        for connection in connections[::2]:
            connection.cut()
        for connection, code in list(zip(connections, requests, strict=True))[1::2]:
            answer = connection.answer()
            connection.close()
            assert (answer.status, answer.replayed) == (201, False)
            assert ids_of(shop, code) == [the_id(answer)]
        for code, request in requests.items():
            again = ask(request)
            assert again.status == 201
            assert ids_of(shop, code) == [the_id(again)]


def test_tills_that_stop_in_the_middle_of_a_request_hold_nobody_up(shop: FaultShop, port: int) -> None:
    requests = _requests(shop, port, 2 * CLIENTS, "stuck")
    stuck = [Connection(port) for _ in requests]
    for connection, request in zip(stuck, requests.values(), strict=True):
        connection.send(to_bytes(request)[:-1])
    (other,) = _requests(shop, port, 1, "other").values()
    began = time.monotonic()
    assert ask(other).status == 201
    assert time.monotonic() - began < HELD_UP_SECONDS_MAX
    for (code, request), connection in zip(requests.items(), stuck, strict=True):
        connection.send(to_bytes(request)[-1:])
        answer = connection.answer()
        connection.close()
        assert answer.status == 201
        assert ids_of(shop, code) == [the_id(answer)]
