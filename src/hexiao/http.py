"""What the doors share of HTTP: reading a body that may be hostile, and logging what must never happen.

Knows nothing of coupons; each door renders errors in its own form.
"""

from __future__ import annotations

import secrets

import falcon.asgi

from hexiao.domain.errors import BadRequest, Code
from hexiao.logs import Log

BODY_MAX_BYTES = 1 << 20
DROPPED_MAX_BYTES = 8 << 20

log = Log("hexiao.http")


async def read_body(req: falcon.asgi.Request, limit: int = BODY_MAX_BYTES) -> bytes:
    """The whole body, at most `limit` bytes. Raises BadRequest(BODY_TOO_LARGE) and keeps none of a larger one.

    What is too large is still read and dropped, within bounds: a client that is cut off while it sends sees a broken
    pipe instead of the answer.
    """
    announced = req.content_length
    if announced is not None and announced <= limit:
        return await req.stream.read()  # never more than was announced
    body = b""
    dropped = 0
    async for chunk in req.stream:
        if len(body) + len(chunk) <= limit and not dropped:
            body += chunk
            continue
        dropped += len(chunk)
        if dropped > DROPPED_MAX_BYTES:
            break
    if dropped:
        raise BadRequest(Code.BODY_TOO_LARGE, limit_bytes=limit)
    return body


def log_unexpected(req: falcon.asgi.Request, unexpected: BaseException) -> str:
    """Log an exception that nobody foresaw; the id that the answer shows. Query and path values stay out of it."""
    error_id = secrets.token_hex(6)
    path = req.uri_template or req.path
    log.error("unexpected", error_id=error_id, method=req.method, path=path, exc_info=unexpected)
    return error_id
