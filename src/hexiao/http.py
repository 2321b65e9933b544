"""What the doors share of HTTP: reading a body that may be hostile, and logging what must never happen.

Knows nothing of coupons; each door renders errors in its own form.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import falcon
import falcon.asgi

from hexiao.domain.errors import BadRequest, Code
from hexiao.logs import Log

BODY_MAX_BYTES = 1 << 20
DROPPED_MAX_BYTES = 8 << 20
BODY_SECONDS_MAX = 30.0
"""As long as the web server waits for the headers. Who sends slower keeps a connection that others could have."""

PROMISED = {"type": "http.request", "body": b"", "more_body": True}
"""Stands for a body that its door has not asked for yet."""

Receive = Callable[[], Awaitable[dict[str, Any]]]

log = Log("hexiao.http")


async def read_body(req: falcon.asgi.Request, limit: int = BODY_MAX_BYTES) -> bytes:
    """The whole body, at most `limit` bytes. Raises BadRequest(BODY_TOO_LARGE) and keeps none of a larger one.

    Raises HTTPError for one that broke off (400) or takes too long (408): what did not arrive whole changes nothing.

    What is too large is still read and dropped, within bounds: a client that is cut off while it sends sees a broken
    pipe instead of the answer.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _read_body(req, limit)
    except TimeoutError:
        reason = f"the body did not arrive within {BODY_SECONDS_MAX:g} seconds"
        raise falcon.HTTPError(falcon.HTTP_408, description=reason) from None


async def _read_body(req: falcon.asgi.Request, limit: int) -> bytes:
    announced = req.content_length
    if announced is not None and announced <= limit:
        whole = await req.stream.read()  # never more than was announced
        if len(whole) < announced:
            raise cut_short()
        return whole
    body = b""
    dropped = 0
    async for chunk in req.stream:
        if len(body) + len(chunk) <= limit and not dropped:
            body += chunk
            continue
        dropped += len(chunk)
        if dropped > DROPPED_MAX_BYTES:
            break
    if dropped or announced is not None:
        raise BadRequest(Code.BODY_TOO_LARGE, limit_bytes=limit)
    return body


class Body:
    """receive() of a request: its door sees it before its body, and refuses one that breaks off in its own form.

    The framework would wait for the first piece of the body before it looks at anything else. To the web server a body
    that breaks off is a client that left, which the framework takes for one that waits for no answer.
    """

    __slots__ = ("_begun", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._begun = False

    async def __call__(self) -> dict[str, Any]:
        if not self._begun:
            self._begun = True
            return PROMISED
        event = await self._receive()
        if event["type"] == "http.disconnect":
            raise cut_short()
        return event


def cut_short() -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(description="the body broke off before its end")


def log_unexpected(req: falcon.asgi.Request, unexpected: BaseException) -> str:
    """Log an exception that nobody foresaw; the id that the answer shows. Query and path values stay out of it."""
    error_id = secrets.token_hex(6)
    path = req.uri_template or req.path
    log.error("unexpected", error_id=error_id, method=req.method, path=path, exc_info=unexpected)
    return error_id
