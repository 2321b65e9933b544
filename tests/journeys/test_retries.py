"""docs/build/retries.md: its client never redeems twice, and what the page tells about keys is so."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from journeys.doors import ADMIN, TILL, Doors
from journeys.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "build" / "retries.md")
LOST = 2


class LossyLine:
    """Passes requests on to a server, and loses the first answers to each of them: the worst that a line can do."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._heard: Counter[bytes] = Counter()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._carry, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _carry(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller, socket.create_connection(self._server) as server:
                caller.settimeout(5)
                request = caller.recv(65536)
                while b"\r\n\r\n" not in request or len(request) < _length(request):
                    request += caller.recv(65536)
                server.sendall(request)
                answer = server.recv(65536)  # it arrived, and it was answered
                self._heard[request] += 1
                if self._heard[request] > LOST:
                    caller.sendall(answer)


def _length(message: bytes) -> int:
    head, _, _ = message.partition(b"\r\n\r\n")
    announced = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(head) + 4 + int(announced[0].partition(b":")[2])


@pytest.fixture
def change() -> Callable[..., tuple[int, Any]]:
    """The function that the page prints."""
    (block,) = [block for block in PAGE.blocks if block.language == "python"]
    names: dict[str, Any] = {}
    exec(compile(block.text, f"{PAGE.name}:{block.line}", "exec"), names)  # noqa: S102 - it is our own page
    return names["change"]  # type: ignore[no-any-return]


@pytest.fixture
def line(doors: Doors) -> Iterator[LossyLine]:
    line = LossyLine(doors.server.port)
    yield line
    line.close()


def body(code: str, number: str, quantity: int = 6) -> dict[str, Any]:
    lines = [{"sku": "12345678", "quantity": quantity, "unit_price_fen": 980}]
    return {"mode": "redeem", "coupons": [{"code": code}], "bill": {"number": number, "shop_id": "284", "lines": lines}}


def on_bill(doors: Doors, number: str) -> list[dict[str, Any]]:
    found = doors.api("GET", f"/v1/redemptions?shop_id=284&bill_number={number}")["redemptions"]
    return list(found)


def test_answers_that_are_lost_make_no_second_redemption(
    doors: Doors, line: LossyLine, change: Callable[..., tuple[int, Any]]
) -> None:
    url = f"http://127.0.0.1:{line.port}/v1/redemptions"
    status, answer = change(url, TILL, "lossy-1", body("DEMOMONEY1", "LOSSY-1"), pauses=(0,) * (LOST + 1))
    assert (status, answer["redemptions"][0]["state"]) == (201, "captured")
    assert [row["id"] for row in on_bill(doors, "LOSSY-1")] == [answer["redemptions"][0]["id"]]


def test_a_client_that_gives_up_says_that_the_outcome_is_unknown(
    doors: Doors, line: LossyLine, change: Callable[..., tuple[int, Any]]
) -> None:
    url = f"http://127.0.0.1:{line.port}/v1/redemptions"
    with pytest.raises(TimeoutError, match="lossy-2"):
        change(url, TILL, "lossy-2", body("DEMOMONEY2", "LOSSY-2"), pauses=(0,) * LOST)
    status, _ = change(url, TILL, "lossy-2", body("DEMOMONEY2", "LOSSY-2"), pauses=(0,))
    assert (status, len(on_bill(doors, "LOSSY-2"))) == (201, 1)


def test_a_refusal_stays_one_under_its_key_and_a_mended_call_may_keep_its_key(
    doors: Doors, change: Callable[..., tuple[int, Any]]
) -> None:
    url = f"{doors.server.base_url}/v1/redemptions"
    assert change(url, TILL, "small", body("DEMOMONEY3", "R-1", quantity=1))[0] == 409
    assert change(url, TILL, "small", body("DEMOMONEY3", "R-1", quantity=1))[1]["code"] == "below_minimum_spend"
    assert change(url, TILL, "small", body("DEMOMONEY3", "R-1"))[1]["code"] == "request_id_reused"
    wrong = body("DEMOMONEY3", "R-2")
    wrong["bill"]["shop_id"] = "999"
    assert change(url, TILL, "mended", wrong)[0] == 422
    assert change(url, TILL, "mended", body("DEMOMONEY3", "R-2"))[0] == 201


def test_under_another_api_key_the_bill_still_protects(doors: Doors, change: Callable[..., tuple[int, Any]]) -> None:
    url = f"{doors.server.base_url}/v1/redemptions"
    assert change(url, TILL, "moved", body("DEMOCARD1", "R-3"))[0] == 201
    status, answer = change(url, ADMIN, "moved", body("DEMOCARD1", "R-3"))
    assert (status, answer["code"]) == (409, "already_on_bill")
    hold = body("DEMOCARD2", "R-4") | {"mode": "hold"}
    first, second = (change(url, bearer, "moved-hold", hold)[1]["redemptions"][0]["id"] for bearer in (TILL, ADMIN))
    assert first == second
