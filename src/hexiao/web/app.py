"""The ASGI app of our own API: every operation gets its route, its roles and the same four steps.

Let in → understand → handle → render; the handlers themselves stand in `api/`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import groupby

import falcon
import falcon.asgi
import msgspec

from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.party import Role
from hexiao.engine.committer import Engine
from hexiao.http import App, read_body
from hexiao.web import pages, problems
from hexiao.web.api import OPERATIONS
from hexiao.web.auth import ROLES, authenticate, authorize
from hexiao.web.operation import Call, Operation, Zones
from hexiao.web.parsing import malformed, parse_body, parse_query

KEY_HEADER = "Idempotency-Key"
KEY_MAX = 255

SAFE_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)

encode = msgspec.json.Encoder().encode

Responder = Callable[..., Awaitable[None]]


class SafeHeaders:
    """Nothing of this app is sniffed, framed or, under /v1, kept by a cache."""

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, resource: object, req_succeeded: bool
    ) -> None:
        own = resp.get_header("Content-Security-Policy")
        resp.set_headers(SAFE_HEADERS)
        if own is not None:
            resp.set_header("Content-Security-Policy", own)
        if req.path.startswith("/v1"):
            resp.set_header("Cache-Control", "no-store")


class ExactPaths:
    """`/v1/shops/` is no shop without an id, and `//v1/shops` is not what a proxy's rule for `/v1` lets through."""

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        if req.path != "/" and (req.path.endswith("/") or req.path.startswith("//")):
            raise falcon.HTTPNotFound


class Resource:
    """A path; its `on_get` and `on_post` are set from the operations."""


def build(engine: Engine, *, demo_requests: tuple[tuple[str, str], ...] = ()) -> App:
    """The whole app: /v1, /openapi.json, /docs, /, /live, /ready. / shows `demo_requests`: (title, shell text)."""
    app = App(middleware=[SafeHeaders()])
    app.add_middleware(ExactPaths())
    problems.install(app)
    zones = Zones(engine)
    for path, operations in groupby(sorted(OPERATIONS, key=lambda one: one.path), lambda one: one.path):
        resource = Resource()
        for operation in operations:
            roles = ROLES[operation.method, operation.path]
            setattr(resource, f"on_{operation.method.lower()}", _responder(operation, roles, engine, zones))
        app.add_route(path, resource)
    pages.install(app, engine, demo_requests)
    return app


def _responder(operation: Operation, roles: frozenset[Role], engine: Engine, zones: Zones) -> Responder:
    async def respond(req: falcon.asgi.Request, resp: falcon.asgi.Response, **path: str) -> None:
        caller = await authenticate(req, engine)
        authorize(caller, roles)
        request_id = f"{caller.id}:{_key(req)}" if operation.changes else ""
        body = b""
        if operation.method == "POST":
            _demand_json(req)
            body = await read_body(req)
        call = Call(
            engine=engine,
            zones=zones,
            operation=operation,
            caller=caller,
            path=path,
            body=parse_body(body, operation.body),
            query=parse_query(req.params, operation.query),
            request_id=request_id,
        )
        reply = await operation.handle(call)
        resp.status = operation.status
        resp.content_type = falcon.MEDIA_JSON
        resp.data = encode(reply)
        if call.replayed:
            resp.set_header("Idempotent-Replay", "true")

    return respond


def _key(req: falcon.asgi.Request) -> str:
    """The caller's own number for this change; it must survive logs and lines, so it is visible ASCII."""
    key = req.get_header(KEY_HEADER)
    if not key:
        raise BadRequest(Code.REQUEST_ID_MISSING)
    if len(key) > KEY_MAX or not (key.isascii() and key.isprintable() and " " not in key):
        raise malformed("bad_key", field=KEY_HEADER, most=KEY_MAX)
    if "," in key and [name for name, _ in req.scope["headers"]].count(KEY_HEADER.lower().encode()) > 1:
        raise malformed("given_twice", field=KEY_HEADER)  # the framework joined them by a comma
    return key


def _demand_json(req: falcon.asgi.Request) -> None:
    announced = (req.content_type or falcon.MEDIA_JSON).partition(";")[0].strip().lower()
    if announced != falcon.MEDIA_JSON:
        raise falcon.HTTPUnsupportedMediaType(description="not_called_json")
