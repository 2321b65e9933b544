"""What the doors share of HTTP: reading a body that may be hostile, and logging what must never happen.

Knows nothing of coupons; each door renders errors in its own form.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

import falcon
import falcon.asgi

from hexiao.domain.errors import BadRequest, Code, Fact
from hexiao.domain.reasons import REASONS
from hexiao.logs import Log

BODY_MAX_BYTES = 1 << 20
DROPPED_MAX_BYTES = 8 << 20
BODY_SECONDS_MAX = 30.0
"""As long as the web server waits for the headers. Who sends slower keeps a connection that others could have."""

RECEIVE = "hexiao.receive"
"""Where a request's scope keeps how its body is read."""

Event = Mapping[str, Any]
Receive = Callable[[], Awaitable[Event]]

log = Log("hexiao.http")


class App(falcon.asgi.App[Any, Any]):
    """A door sees a request before its body; the framework would first wait for a piece of the body."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Any) -> None:  # type: ignore[override]
        if scope["type"] == "http":
            scope[RECEIVE] = receive
            receive = _promise
        await super().__call__(scope, receive, send)


async def _promise() -> Event:
    """Stands for a body that its door has not asked for yet."""
    return {"type": "http.request", "body": b"", "more_body": True}


async def read_body(req: falcon.asgi.Request, limit: int = BODY_MAX_BYTES) -> bytes:
    """The whole body, at most `limit` bytes. Raises BadRequest(BODY_TOO_LARGE) and keeps none of a larger one.

    Raises HTTPError for one that broke off (400) or takes too long (408): what did not arrive whole changes nothing.

    What is too large is still read and dropped, within bounds: a client that is cut off while it sends sees a broken
    pipe instead of the answer.
    """
    receive: Receive = req.scope[RECEIVE]
    announced = req.content_length
    left = sys.maxsize if announced is None else announced
    too_large = announced is not None and announced > limit
    pieces: list[bytes] = []
    kept = dropped = 0
    with Deadline():
        while left > 0 and dropped <= DROPPED_MAX_BYTES:
            event = await receive()
            if event["type"] == "http.disconnect" and not too_large:  # to the web server, a client that left
                raise cut_short()
            piece = event.get("body", b"")[:left]
            if too_large or kept + len(piece) > limit:
                too_large = True
                dropped += len(piece)
            else:
                pieces.append(piece)
                kept += len(piece)
            left = left - len(piece) if event.get("more_body") else 0
    if too_large:
        raise BadRequest(Code.BODY_TOO_LARGE, limit_bytes=limit)
    if announced is not None and kept < announced:
        raise cut_short()
    return b"".join(pieces)


class Deadline:
    """Ends this task's wait by HTTPError 408, as `asyncio.timeout` would; but a timer each costs more than the body."""

    __slots__ = ("_cohort", "_task")

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cohort = Cohort.of(task.get_loop())
        self._cohort.waiting.add(task)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._task in self._cohort.waiting:
            self._cohort.waiting.remove(self._task)
        elif self._task.uncancel() == 0 and kind is asyncio.CancelledError:  # else somebody else ends it, too
            raise falcon.HTTPError(falcon.HTTP_408, description="body_late") from None


class Cohort:
    """Tasks that began to wait within a thirtieth of the time they have: one timer ends what is left of their waits."""

    newest: ClassVar[Cohort | None] = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        span = BODY_SECONDS_MAX / 30
        self.loop = loop
        self.open_until = loop.time() + span
        self.waiting: set[asyncio.Task[Any]] = set()
        loop.call_later(BODY_SECONDS_MAX + span, self._end)  # so that its last one, too, has all of its time

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Cohort:
        """The one to join now."""
        newest = cls.newest
        if newest is None or newest.loop is not loop or loop.time() > newest.open_until:
            newest = cls.newest = cls(loop)
        return newest

    def _end(self) -> None:
        late, self.waiting = self.waiting, set()
        for task in late:
            task.cancel()


def cut_short() -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(description="broken_off")


def facts_of(refusal: falcon.HTTPError) -> dict[str, Fact]:
    """The facts of malformed_request for a refusal of the framework; ours name their reason in its description."""
    if refusal.description == "body_late":
        return {"reason": refusal.description, "limit_seconds": f"{BODY_SECONDS_MAX:g}"}
    if refusal.description in REASONS:
        return {"reason": refusal.description}
    return {"reason": "not_understood", "said": refusal.description or refusal.title}


def log_unexpected(req: falcon.asgi.Request, unexpected: BaseException) -> str:
    """Log an exception that nobody foresaw; the id that the answer shows. Query and path values stay out of it."""
    error_id = secrets.token_hex(6)
    path = req.uri_template or req.path
    log.error("unexpected", error_id=error_id, method=req.method, path=path, exc_info=unexpected)
    return error_id
