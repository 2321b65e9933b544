"""The same app behind a real server on a real socket: what no in-process client can show."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from web.conftest import Api, App, MakeBill


@pytest.fixture
def http(app: App, serve: Callable[[Any], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=serve(app), headers={"Authorization": "Bearer key-of-till"}) as client:
        yield client


def exchange(http: httpx.Client, raw: bytes) -> bytes:
    """Send raw bytes, read the whole answer."""
    place = urlsplit(str(http.base_url))
    with socket.create_connection((place.hostname, place.port), 5) as wire:
        wire.sendall(raw)
        wire.settimeout(5)
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer) < 20:
            chunk = wire.recv(65536)
            if not chunk:
                break
            answer += chunk
    return answer


def test_the_main_job(api: Api, http: httpx.Client, bill: MakeBill) -> None:
    code = api.code()
    body = {"mode": "redeem", "coupons": [{"code": code}], "bill": bill()}
    first = http.post("/v1/redemptions", json=body, headers={"Idempotency-Key": "k"})
    assert (first.status_code, first.json()["redemptions"][0]["state"]) == (201, "captured")
    again = http.post("/v1/redemptions", json=body, headers={"Idempotency-Key": "k"})
    assert again.content == first.content and again.headers["Idempotent-Replay"] == "true"
    assert http.get("/v1/redemptions").json()["redemptions"][0]["code"] == code


def test_sixteen_tills_at_once_get_one_redemption(api: Api, http: httpx.Client, bill: MakeBill) -> None:
    code = api.code()

    def redeem(number: int) -> int:
        body = {"mode": "redeem", "coupons": [{"code": code}], "bill": bill(f"M{number}")}
        return http.post("/v1/redemptions", json=body, headers={"Idempotency-Key": f"k{number}"}).status_code

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(redeem, range(16))) == [201] + [409] * 15


def test_the_same_request_sent_many_times_at_once_has_one_answer(api: Api, http: httpx.Client, bill: MakeBill) -> None:
    body = {"mode": "redeem", "coupons": [{"code": api.code()}], "bill": bill()}

    def redeem(_: int) -> bytes:
        return http.post("/v1/redemptions", json=body, headers={"Idempotency-Key": "same"}).content

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(redeem, range(8)))) == 1


def test_a_body_without_an_announced_length_is_bounded_too(http: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    answer = http.post(
        "/v1/redemptions",
        content=endless(),
        headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(("announced", "status"), [(99, 400), (2 << 20, 413)])
def test_a_body_shorter_than_announced_changes_nothing(http: httpx.Client, announced: int, status: int) -> None:
    """Whole JSON, and yet not the whole body: who knows what was to follow."""
    place, body = urlsplit(str(http.base_url)), b'{"number": "009", "name": "cut short"}'
    with socket.create_connection((place.hostname, place.port), 5) as wire:
        wire.sendall(
            b"POST /v1/shops HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-of-admin\r\nIdempotency-Key: k\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (announced, body)
        )
        wire.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 %d " % status) and b"problem+json" in answer
    assert "cut short" not in http.get("/v1/shops").text


@pytest.mark.parametrize("other", [b"first", b"second"])
def test_two_keys_are_refused_also_when_they_are_the_same(http: httpx.Client, other: bytes) -> None:
    body = b'{"number": "009", "name": "twice"}'
    answer = exchange(
        http,
        b"POST /v1/shops HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-of-admin\r\nIdempotency-Key: first\r\n"
        b"Idempotency-Key: %b\r\nContent-Length: %d\r\n\r\n%b" % (other, len(body), body),
    )
    assert answer.startswith(b"HTTP/1.1 400 ") and b"more than once" in answer
    assert "twice" not in http.get("/v1/shops").text


def test_bytes_in_the_path_and_the_headers_that_are_no_text(http: httpx.Client) -> None:
    for raw in (
        b"GET /v1/coupons/%FF%00%FE HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-of-till\r\n\r\n",
        b"GET /v1/schemes?cursor=%FF HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-of-till\r\n\r\n",
        b"GET /v1/schemes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
        b"POST /v1/shops HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-of-till\r\nIdempotency-Key: \xff\r\n\r\n",
    ):
        head, _, body = exchange(http, raw).partition(b"\r\n\r\n")
        assert b" 4" in head.split(b"\r\n")[0] and b" 500 " not in head
        assert json.loads(body)["code"] in ("unknown_coupon", "malformed_request", "unauthenticated", "forbidden")


def test_the_pages_are_served(http: httpx.Client) -> None:
    for path, kind in (("/", "text/html"), ("/docs", "text/html"), ("/openapi.json", "application/json")):
        answer = http.get(path, headers={"Authorization": ""})
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
        head = http.head(path)
        assert head.status_code == 200 and head.content == b""
    assert http.get("/live").json() == {"live": True}
    assert http.get("/ready").json() == {"ready": True}
