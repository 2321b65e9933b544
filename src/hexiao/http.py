"""What the doors share of HTTP: reading a body that may be hostile, and logging what must never happen.

Knows nothing of coupons; each door renders errors in its own form.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import falcon
import falcon.asgi

from hexiao.domain.errors import BadRequest, Code
from hexiao.logs import Log

BODY_MAX_BYTES = 1 << 20
DROPPED_MAX_BYTES = 8 << 20

Receive = Callable[[], Awaitable[dict[str, Any]]]

log = Log("hexiao.http")


async def read_body(req: falcon.asgi.Request, limit: int = BODY_MAX_BYTES) -> bytes:
    """The whole body, at most `limit` bytes. Raises BadRequest(BODY_TOO_LARGE) and keeps none of a larger one.

    Raises HTTPBadRequest for one that broke off: what did not arrive whole changes nothing.

    What is too large is still read and dropped, within bounds: a client that is cut off while it sends sees a broken
    pipe instead of the answer.
    """
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


class ChunkedBody:
    """receive() of a request in chunks: a body that breaks off is refused by the door, in the door's own form.

    To the web server a broken chunk is a client that left. The framework would take that for the end of the body or,
    before the first chunk, for a client that waits for no answer.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._broken = False

    async def __call__(self) -> dict[str, Any]:
        if self._broken:
            raise cut_short()
        event = await self._receive()
        self._broken = event["type"] == "http.disconnect"
        # More is promised, and breaks when the door asks for it: whatever it checks before the body comes first.
        return {"type": "http.request", "body": b"", "more_body": True} if self._broken else event


def cut_short() -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(description="the body broke off before its end")


def log_unexpected(req: falcon.asgi.Request, unexpected: BaseException) -> str:
    """Log an exception that nobody foresaw; the id that the answer shows. Query and path values stay out of it."""
    error_id = secrets.token_hex(6)
    path = req.uri_template or req.path
    log.error("unexpected", error_id=error_id, method=req.method, path=path, exc_info=unexpected)
    return error_id
