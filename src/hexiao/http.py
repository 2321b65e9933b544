"""What the doors share of HTTP: reading a body that may be hostile, and logging what must never happen.

Knows nothing of coupons; each door renders errors in its own form.
"""

from __future__ import annotations

import secrets

import falcon.asgi
import structlog

from hexiao.domain.errors import BadRequest, Code

BODY_MAX_BYTES = 1 << 20

log = structlog.get_logger("hexiao.http")


async def read_body(req: falcon.asgi.Request, limit: int = BODY_MAX_BYTES) -> bytes:
    """The whole body, at most `limit` bytes. Raises BadRequest(BODY_TOO_LARGE) before reading more than that."""
    announced = req.content_length or 0
    if announced > limit:
        raise BadRequest(Code.BODY_TOO_LARGE, limit_bytes=limit)
    body = b""
    async for chunk in req.stream:
        body += chunk
        if len(body) > limit:
            raise BadRequest(Code.BODY_TOO_LARGE, limit_bytes=limit)
    return body


def log_unexpected(req: falcon.asgi.Request, unexpected: BaseException) -> str:
    """Log an exception that nobody foresaw; returns the id that the answer shows. The query is left out: it may hold secrets."""
    error_id = secrets.token_hex(6)
    log.error("unexpected", error_id=error_id, method=req.method, path=req.path, exc_info=unexpected)
    return error_id
