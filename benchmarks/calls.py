"""The requests of the benchmarks as bytes, made before the clock starts. Knows what a right answer looks like."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks import listing, shop
from hexiao.gateways.kingdee.signing import sign_request
from hexiao.gateways.zvcms.signing import sign_body

BATCH = 100
LINES = 3
WRITE_OFF_PATH = "/jdy/v2/ls/coupons_write_off"
ACTION = "coupon.off-coupon"
AGENT = f"Host: 127.0.0.1\r\nAuthorization: Bearer {shop.API_KEY}\r\nContent-Type: application/json\r\n"


class Calls(NamedTuple):
    """Requests, and what every right answer has: its status, and one text so many times."""

    requests: list[bytes]
    status: bytes
    holds: bytes
    times: int
    works: int = 1
    """Redemptions, or look-ups, in each of them."""


def redeem(run: str, scheme: int, coupons: int, first: int, count: int) -> Calls:
    """Each redeems a coupon of its own on a bill of its own."""
    requests = [
        _post("/v1/redemptions", _redemption(run, scheme, coupons, place), f"{run}-{place}")
        for place in range(first, first + count)
    ]
    return Calls(requests, b"201", b'"state":"captured"', 1)


def redeem_batch(run: str, scheme: int, coupons: int, first: int, count: int) -> Calls:
    """`count` redemptions, BATCH of them in a call."""
    requests = []
    for start in range(first, first + count - BATCH + 1, BATCH):
        items = ",".join(_redemption(run, scheme, coupons, place) for place in range(start, start + BATCH))
        requests.append(_post("/v1/redemptions/batch", f'{{"items":[{items}]}}', f"{run}-{start}"))
    return Calls(requests, b"200", b'"state":"captured"', BATCH, BATCH)


def assess(run: str, scheme: int, coupons: int, first: int, count: int) -> Calls:
    requests = []
    for place in range(first, first + count):
        code = shop.code(scheme, shop.shuffled(place, coupons))
        requests.append(_post("/v1/assessments", f'{{"code":"{code}",{_bill(run, place)}}}'))
    return Calls(requests, b"200", b'"allowed":["hold","redeem"]', 1)


def off_coupon(run: str, scheme: int, coupons: int, first: int, count: int) -> Calls:
    """Signed now, so they hold for the window of the door."""
    requests = []
    for place in range(first, first + count):
        params = {"code": shop.code(scheme, shop.shuffled(place, coupons))}
        body = sign_body(
            shop.OPEN_ID, shop.GRANT_CODE, shop.OPEN_KEY, ACTION, params, str(place), str(int(time.time()))
        )
        requests.append(_post("/api/v2", json.dumps(body)))
    return Calls(requests, b"200", b'"code":0', 1)


def live(run: str, scheme: int, coupons: int, first: int, count: int) -> Calls:
    """The same server's constant answer."""
    return Calls([b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"] * count, b"200", b'"live":true', 1)


def write_offs(query: dict[str, str], token: str, count: int) -> Calls:
    """The same page of the Kingdee list; each request is signed now, for the window of the door."""
    requests = []
    for number in range(count):
        target, headers = sign_request(
            listing.CLIENT_ID,
            listing.CLIENT_SECRET,
            "GET",
            WRITE_OFF_PATH,
            query,
            str(number),
            str(time.time_ns() // 10**6),
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        requests.append(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}app-token: {token}\r\n\r\n".encode())
    return Calls(requests, b"200", b'"errcode":0', 1)


KINDS: dict[str, Callable[..., Calls]] = {
    "redeem": redeem,
    "redeem_batch": redeem_batch,
    "assess": assess,
    "off_coupon": off_coupon,
    "live": live,
    "write_offs": write_offs,
}


def _redemption(run: str, scheme: int, coupons: int, place: int) -> str:
    code = shop.code(scheme, shop.shuffled(place, coupons))
    return f'{{"mode":"redeem","coupons":[{{"code":"{code}"}}],{_bill(run, place)}}}'


def _bill(run: str, place: int) -> str:
    lines = ",".join(_line(place + index) for index in range(LINES))
    return (
        f'"bill":{{"number":"{run}{place}","shop_id":"{shop.shop_id(place)}","cashier_id":"{shop.cashier_id(place)}",'
        f'"scene":"shop","lines":[{lines}]}}'
    )


def _line(number: int) -> str:
    return f'{{"sku":"{shop.sku(number)}","name":"商品 {number % shop.ITEMS}","quantity":2,"unit_price_fen":1990}}'


def _post(path: str, body: str, key: str = "") -> bytes:
    content = body.encode()
    idempotency = f"Idempotency-Key: {key}\r\n" if key else ""
    return f"POST {path} HTTP/1.1\r\n{AGENT}{idempotency}Content-Length: {len(content)}\r\n\r\n".encode() + content
