"""Everything beside /v1: the plain page /, the description as JSON and as a page, and the two questions of a monitor.

/live says that the process answers; /ready says that its database does, too, and that it takes changes. The documents
are made when somebody first asks for them: a server that starts does not wait for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

import falcon
import falcon.asgi
import msgspec

from hexiao import __version__
from hexiao.domain.errors import Unavailable
from hexiao.engine.committer import Engine
from hexiao.http import log_unexpected
from hexiao.web.html import POLICY, Html, join, page, tag

SHORT_CACHE = "public, max-age=300"


class Fixed:
    """A document that does not change while the process lives."""

    def __init__(self, make: Callable[[], bytes], media_type: str) -> None:
        self._make = cache(make)
        self._media_type = media_type

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.data = await asyncio.to_thread(self._make)  # the first time takes long, and other requests wait
        resp.content_type = self._media_type
        resp.set_header("Cache-Control", SHORT_CACHE)
        if self._media_type == falcon.MEDIA_HTML:
            resp.set_header("Content-Security-Policy", POLICY)

    on_head = on_get


class Live:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        _say(resp, 200, {"live": True})

    on_head = on_get


class Ready:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """A small read; 503 while the database does not answer, or takes no changes."""
        try:
            ready = await self._engine.read(lambda reader: (reader.merchant(0), reader.writable())[1])
        except Exception as down:  # whatever it is, this process cannot serve now
            if not isinstance(down, Unavailable):  # that a database is down is said once, where it is met
                log_unexpected(req, down)
            ready = False
        if not ready:
            resp.set_header("Retry-After", "1")
        _say(resp, 200 if ready else 503, {"ready": ready})

    on_head = on_get


def install(app: falcon.asgi.App[Any, Any], engine: Engine, demo_requests: tuple[tuple[str, str], ...]) -> None:
    """Add the routes of this file to the app."""
    app.add_route("/", Fixed(lambda: _home(demo_requests), falcon.MEDIA_HTML))
    app.add_route("/docs", Fixed(_docs, falcon.MEDIA_HTML))
    app.add_route("/openapi.json", Fixed(_openapi, falcon.MEDIA_JSON))
    app.add_route("/live", Live())
    app.add_route("/ready", Ready(engine))


def _docs() -> bytes:
    from hexiao.web import docs_page, openapi

    return docs_page.render(openapi.document())


def _openapi() -> bytes:
    from hexiao.web import openapi

    return msgspec.json.encode(openapi.document())


def _say(resp: falcon.asgi.Response, status: int, what: dict[str, Any]) -> None:
    resp.status = status
    resp.content_type = falcon.MEDIA_JSON
    resp.data = msgspec.json.encode(what)
    resp.set_header("Cache-Control", "no-store")


def _home(demo_requests: tuple[tuple[str, str], ...]) -> bytes:
    doors = (
        (
            "/v1",
            "自有接口 · our own JSON API",
            "查券、预核销、核销、撤销、查询 · look up, hold, redeem, reverse, query",
        ),
        (
            "/jdy/v2",
            "金蝶精斗云 · Kingdee JDY v2",
            "优惠券核销列表 · the list of write-offs, signed as its document says",
        ),
        ("/api/v2", "智迈 · zvcms v2", "根据核销码获取券详情 · a coupon by its code, signed as its document says"),
    )
    return page(
        "hexiao 核销",
        tag(
            "main",
            tag("h1", tag("b", "核销"), " hexiao"),
            tag("p", "优惠券核销引擎正在此运行。三个入口，同一份数据。"),
            tag("p", "A coupon redemption engine runs here. Three doors, the same data.", class_="soft"),
            tag(
                "div",
                *(tag("div", tag("code", path), tag("p", tag("b", name)), tag("p", what, class_="soft"))
                  for path, name, what in doors),
                class_="cards",
            ),
            tag("p", tag("a", "接口文档 · the documentation of /v1", href="/docs"), " · ",
                tag("a", "openapi.json", href="/openapi.json")),
            _demo(demo_requests),
            tag("p", f"hexiao {__version__}", class_="soft"),
            class_="narrow",
        ),
    )  # fmt: skip


def _demo(requests: tuple[tuple[str, str], ...]) -> Html:
    if not requests:
        return Html("")
    return join(
        tag("h2", "试一试 · Try it"),
        tag("p", "这是演示数据，密钥公开。以下命令可直接粘贴。"),
        tag("p", "These are demo data with public keys. The commands work when pasted.", class_="soft"),
        *(join(tag("h3", title), tag("pre", tag("code", text))) for title, text in requests),
    )
