"""A body that does not come: each door ends the wait in its own form, and takes nothing of what did come."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import falcon
import pytest

from hexiao import http
from hexiao.config import Settings
from hexiao.domain.party import Credential, Role
from hexiao.engine.commands import Put
from hexiao.engine.committer import Engine
from hexiao.vault import Vault
from hexiao.web.auth import DOOR, hash_key
from hexiao.wiring import build_app

KEY = "key-of-admin"
BODY = b'{"number":"009","name":"x"}'
IN_CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n"

Exchange = Callable[..., tuple[int, Any]]


@pytest.fixture
def exchange(
    engine: Engine, vault: Vault, settings: Settings, serve: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> Exchange:
    """POST with the end of the headers and what came of the body, and perhaps nothing after it: (status, answer)."""
    monkeypatch.setattr(http, "BODY_SECONDS_MAX", 0.1)
    admin = Credential(id=501, merchant_id=1, door=DOOR, public_id=hash_key(KEY), name="admin", role=Role.ADMIN)
    engine.call(Put(merchant_id=1, record=admin))
    host, _, port = serve(build_app(engine, vault, settings)).removeprefix("http://").partition(":")

    def ask(path: str, rest: bytes, *, ends: bool = False) -> tuple[int, Any]:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nIdempotency-Key: slow\r\n"
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(f"{head}Content-Type: application/json\r\n".encode() + rest)
            if ends:
                line.shutdown(socket.SHUT_WR)
            status, _, body = line.recv(65536).partition(b"\r\n\r\n")
        return int(status.split()[1]), json.loads(body)

    return ask


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 27\r\n\r\n",
        b"Content-Length: 27\r\n\r\n" + BODY[:26],
        b"Transfer-Encoding: chunked\r\n\r\n",
        IN_CHUNKS % (len(BODY), BODY),
    ],
)
def test_ours_says_408_and_changes_nothing(exchange: Exchange, engine: Engine, rest: bytes) -> None:
    status, problem = exchange("/v1/shops", rest)
    assert (status, problem["code"]) == (408, "malformed_request")
    assert problem["facts"] == {"reason": "body_late", "limit_seconds": "0.1"}
    assert engine.read_now(lambda reader: reader.shops(1, 0, 10)) == []


@pytest.mark.parametrize(
    "rest", [b"Content-Length: 27\r\n\r\n", b"transfer-encoding: CHUNKED\r\n\r\n", IN_CHUNKS % (len(BODY), BODY)]
)
def test_ours_says_400_to_one_that_promised_a_body_and_hangs_up(
    exchange: Exchange, engine: Engine, rest: bytes
) -> None:
    status, problem = exchange("/v1/shops", rest, ends=True)
    assert (status, problem["code"]) == (400, "malformed_request")
    assert problem["facts"] == {"reason": "broken_off"}
    assert engine.read_now(lambda reader: reader.shops(1, 0, 10)) == []


def test_ours_says_413_to_one_that_promised_too_much_and_hangs_up(exchange: Exchange) -> None:
    status, problem = exchange("/v1/shops", b"Content-Length: 2097152\r\n\r\n" + BODY, ends=True)
    assert (status, problem["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("ends", [True, False])
def test_zvcms_says_unreadable(exchange: Exchange, ends: bool) -> None:
    status, answer = exchange("/api/v2", b"Content-Length: 27\r\n\r\n" + BODY[:26], ends=ends)
    assert (status, answer["code"]) == (200, 100001)


def test_who_sends_it_whole_is_served(exchange: Exchange) -> None:
    status, shop = exchange("/v1/shops", b"Content-Length: 27\r\n\r\n" + BODY)
    assert (status, shop["number"]) == (201, "009")


async def wait(seconds: float) -> str:
    with http.Deadline():
        await asyncio.sleep(seconds)
    await asyncio.sleep(0.05)  # a deadline that outlived its wait would end this one
    return "done"


def test_a_deadline_ends_only_its_own_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS_MAX", 0.02)

    async def both() -> Any:
        return await asyncio.gather(wait(0), wait(5), return_exceptions=True)

    in_time, late = asyncio.run(both())
    assert in_time == "done"
    assert isinstance(late, falcon.HTTPError)
    assert late.status_code == 408


def test_who_begins_to_wait_later_has_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS_MAX", 0.3)

    async def two() -> float:
        early = asyncio.create_task(wait(5))
        await asyncio.sleep(0.2)
        begun_at = time.monotonic()
        with pytest.raises(falcon.HTTPError):
            await wait(5)
        assert early.done()
        return time.monotonic() - begun_at

    assert asyncio.run(two()) >= 0.3


def test_a_task_goes_on_after_its_deadline_as_if_never_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS_MAX", 0.01)

    async def late() -> int:
        with pytest.raises(falcon.HTTPError), http.Deadline():
            await asyncio.sleep(5)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert asyncio.run(late()) == 0


@pytest.mark.parametrize("seconds", [5, 0.005])
def test_who_is_cancelled_by_somebody_else_stays_cancelled(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Also when the deadline passes in the same breath."""
    monkeypatch.setattr(http, "BODY_SECONDS_MAX", seconds)

    async def cancelled() -> None:
        task = asyncio.create_task(wait(5))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.01, task.cancel)
        time.sleep(0.02)  # so that the loop finds both of them due
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
