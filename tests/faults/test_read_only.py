"""A database that takes no changes: looks are answered, changes get 503, and all is well again without a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from faults.client import Asked, Request, ask, ask_plainly, is_ready
from faults.server import serving
from faults.shop import SHOP_ID, SINGLE, FaultShop, issue, move, redeem
from faults.switched import SWITCH
from faults.test_races import the_redemption

NOTICED_SECONDS_MAX = 10.0

Set = Callable[[bool], None]
"""read_only(True): the database takes no changes from now on."""

pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture
def port(shop: FaultShop) -> Iterator[int]:
    with serving(shop.database, shop.path.parent, program="faults.switched") as (port,):
        yield port


@pytest.fixture
def read_only(shop: FaultShop) -> Iterator[Set]:
    switch = shop.path.with_name(SWITCH)
    yield lambda on: switch.touch() if on else switch.unlink()
    switch.unlink(missing_ok=True)


def changes(shop: FaultShop, port: int) -> list[Request]:
    """One of each kind, all of which would succeed."""
    fresh, *codes = shop.issue(SINGLE, 4)
    modes = ("hold", "hold", "redeem")
    answers = [ask(redeem(port, code, key=code, bill=code, mode=m)) for code, m in zip(codes, modes, strict=True)]
    held, kept, taken = (str(the_redemption(answer)["id"]) for answer in answers)
    return [
        redeem(port, fresh, key="ro-redeem", bill="ro"),
        move(port, held, "capture", key="ro-capture"),
        move(port, kept, "release", key="ro-release"),
        move(port, taken, "reverse", key="ro-reverse"),
        issue(port, shop.schemes[SINGLE], key="ro-issue"),
    ]


def ask_for(request: Request) -> Asked:
    return ask_plainly(request.port, "POST", request.path, request.body, key=request.key)


def looks(wanted: Request, port: int) -> dict[str, int]:
    """The status of every kind of question about the coupon that somebody wants to redeem."""
    code = wanted.body["coupons"][0]["code"]
    assessed = {name: wanted.body[name] for name in ("coupons", "bill")}
    answers = {
        "coupon": ask_plainly(port, "GET", f"/v1/coupons/{code}"),
        "assessment": ask_plainly(port, "POST", "/v1/assessments", assessed),
        "redemptions": ask_plainly(port, "GET", f"/v1/redemptions?shop_id={SHOP_ID}"),
        "live": ask_plainly(port, "GET", "/live"),
    }
    return {name: answer.status for name, answer in answers.items()}


def wait_until(ready: bool, port: int) -> None:
    deadline = time.monotonic() + NOTICED_SECONDS_MAX
    while is_ready(port) is not ready:
        assert time.monotonic() < deadline, f"/ready never said {ready}"
        time.sleep(0.02)


def test_a_database_that_takes_no_changes_is_looked_at_all_the_same(shop: FaultShop, port: int, read_only: Set) -> None:
    wanted = changes(shop, port)
    wait_until(True, port)
    before = shop.rows("SELECT coupon_id, seq FROM journal ORDER BY coupon_id, seq")
    read_only(True)
    wait_until(False, port)
    refused = [ask_for(request) for request in wanted]
    assert [(one.status, one.body["code"], one.retry_after) for one in refused] == [
        (503, "storage_unavailable", "1")
    ] * len(wanted)
    assert set(looks(wanted[0], port).values()) == {200}
    ready = ask_plainly(port, "GET", "/ready")
    assert (ready.status, ready.retry_after, ready.body) == (503, "1", {"ready": False})
    assert [tuple(row) for row in shop.rows("SELECT coupon_id, seq FROM journal ORDER BY coupon_id, seq")] == [
        tuple(row) for row in before
    ]
    read_only(False)
    wait_until(True, port)
    answers = [ask(request) for request in wanted]
    # The control: the very same requests are carried out now, and for the first time.
    assert [(one.status, one.replayed) for one in answers] == [(201, False), *[(200, False)] * 3, (201, False)]
