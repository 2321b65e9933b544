"""The three doors of a running demo, as callers reach them: over HTTP, signed where the door asks for it.

Signatures are those that `hexiao keys sign` prints, so a page that shows a request without them can be followed.
"""

from __future__ import annotations

import json
import os
from types import TracebackType
from typing import Any

import httpx
from typer.testing import CliRunner

from hexiao.cli.app import app
from journeys.exchanges import Request
from journeys.served import Served

TILL, ADMIN = "demo-till-key", "demo-admin-key"


class Doors:
    """`send` takes a request as a page prints it. The rest is short for what journeys ask again and again."""

    def __init__(self, server: Served) -> None:
        self.server = server
        # A system's proxy has no business between a test and its own machine.
        self._http = httpx.Client(base_url=server.base_url, timeout=30, trust_env=False)
        self._app_token = ""

    def __enter__(self) -> Doors:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(self, request: Request) -> httpx.Response:
        target, headers, body = request.target, dict(request.headers), request.body
        if target.startswith("/jdy/"):
            headers |= self._kingdee_headers(self.server.base_url + target)
        elif target == "/api/v2":
            asked = json.loads(body)
            body = _typed("keys", "sign", "zvcms", "--action", asked["Action"], "--params", json.dumps(asked["Params"]))
        if body:
            headers.setdefault("Content-Type", "application/json")
        return self._http.request(request.method, target, headers=headers, content=body.encode())

    def api(self, method: str, target: str, body: object = None, *, key: str = "", bearer: str = TILL) -> Any:
        """Our API: the answer's JSON. `key` is the Idempotency-Key."""
        headers = {"Authorization": f"Bearer {bearer}"} | ({"Idempotency-Key": key} if key else {})
        return self.send(Request(method, target, headers, "" if body is None else json.dumps(body))).json()

    def kingdee(self, **query: str) -> list[dict[str, Any]]:
        """The rows of the first page."""
        target = f"/jdy/v2/ls/coupons_write_off?{httpx.QueryParams(query)}"
        answer = self.send(Request("GET", target, {}, "")).json()
        assert answer["errcode"] == 0, answer
        return list(answer["data"]["rows"])

    def zvcms(self, code: str) -> dict[str, Any]:
        """The data of the coupon."""
        body = json.dumps({"Action": "coupon.off-coupon", "Params": {"code": code}})
        answer = self.send(Request("POST", "/api/v2", {}, body)).json()
        assert (answer["status"], answer["code"]) == (True, 0), answer
        return dict(answer["data"])

    def _kingdee_headers(self, url: str) -> dict[str, str]:
        known = ("--app-token", self._app_token) if self._app_token else ()
        headers: dict[str, str] = json.loads(_typed("keys", "sign", "kingdee", url, "--json", *known))
        self._app_token = headers["app-token"]
        return headers


def _typed(*arguments: str) -> str:
    settings = {name: None for name in os.environ if name.startswith("HEXIAO_")}
    result = CliRunner().invoke(app, list(arguments), env=settings)
    assert result.exit_code == 0, result.stderr
    return result.stdout
