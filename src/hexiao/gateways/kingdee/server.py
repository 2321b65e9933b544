"""The Kingdee JDY v2 door as a server: authorisation, token, and the list of redemptions (优惠券核销).

One sink plays the vendor's gateway, because its checks come before and beside routing. Handlers only read, parse
and render; this door changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import falcon
import falcon.asgi
import msgspec

from hexiao.domain.coupon import normalise_code
from hexiao.domain.errors import Code, HexiaoError
from hexiao.engine.committer import Engine
from hexiao.gateways.kingdee import messages
from hexiao.gateways.kingdee.errors import (
    GATEWAY_STATUS,
    TOKEN_STATUS,
    GatewayCode,
    Rejected,
    gateway_refusal,
    rejected,
    unexpected,
)
from hexiao.gateways.kingdee.gate import Caller, Gate
from hexiao.gateways.kingdee.parameters import Parameters, WriteOffQuery, from_body, from_query, write_off_query
from hexiao.gateways.kingdee.signing import mobile_encipherer
from hexiao.http import App, facts_of, log_unexpected, read_body
from hexiao.storage.base import RedemptionFilter
from hexiao.vault import Vault

TOKEN_PATH: Final = "/jdyconnector/app_management/kingdee_auth_token"  # noqa: S105 - a path, not a secret
AUTHORISE_PATH: Final = "/jdyconnector/app_management/push_app_authorize"
WRITE_OFF_PATH: Final = "/jdy/v2/ls/coupons_write_off"

UID_MAX: Final = 10**10 - 1

Answer = messages.Envelope | messages.AuthorisationEnvelope
Handler = Callable[[Caller, Parameters], Awaitable[Answer]]


class Route(msgspec.Struct, frozen=True):
    """`business` paths want an app-token."""

    method: str
    handler: Handler
    business: bool


def build(engine: Engine, vault: Vault, *, window_seconds: int = 300) -> App:
    """The door as an ASGI app; it answers every path and every error itself. `window_seconds` 0 takes any timestamp."""
    door = Door(engine, Gate(engine, vault, window_seconds))
    app = App()
    # A sink and not routes: a wrong path or method gets the gateway's own body, and `get` is a method here.
    app.add_sink(door.answer, "/")
    app.add_error_handler(Rejected, _on_rejected)
    app.add_error_handler(HexiaoError, _on_our_error)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(Exception, _on_unexpected)
    return app


class Door:
    """The gateway's checks in their order, then the handler of the path."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine = engine
        self._gate = gate
        self._routes = {
            TOKEN_PATH: Route("GET", self._token, business=False),
            AUTHORISE_PATH: Route("POST", self._authorise, business=False),
            WRITE_OFF_PATH: Route("GET", self._write_offs, business=True),
        }

    async def answer(self, req: falcon.asgi.Request, resp: falcon.asgi.Response | None, **_: object) -> None:
        if resp is None:  # a WebSocket, which Falcon closes when nobody accepts it
            return
        route = self._routes.get(req.path)
        if route is None:
            raise gateway_refusal(GatewayCode.API_NOT_FOUND)
        if req.method.upper() != route.method:  # some clients send `get`
            raise gateway_refusal(GatewayCode.METHOD_NOT_ALLOWED)
        caller = await self._gate.admit(req)
        if route.business:
            await self._gate.check_token(caller, req.get_header("app-token"))
        body = await read_body(req)
        beside = from_body(body) if route.method == "GET" else {}
        answer = await route.handler(caller, Parameters(beside | from_query(req.query_string)))
        _send(resp, falcon.HTTP_200, answer)

    async def _token(self, caller: Caller, params: Parameters) -> Answer:
        app_key, app_signature = params.required("app_key"), params.required("app_signature")
        uid, token, expires_at = await self._gate.mint_token(
            caller, app_key, app_signature, params.whole("uid", UID_MAX)
        )
        data = messages.token_data(uid, token, expires_at)
        return messages.Envelope(data=data, description=messages.SUCCESS_CN, errcode=0)

    async def _authorise(self, caller: Caller, params: Parameters) -> Answer:
        wanted = params.text("outerInstanceId")
        accounts = await self._gate.account_sets(caller)
        return messages.AuthorisationEnvelope(
            code=messages.AUTHORISED_CODE,
            data=[messages.authorisation(key, a) for key, a in accounts if wanted in (None, a.outer_instance_id)],
            description=messages.SUCCESS_CN,
            errcode=0,
            msg=messages.SUCCESS_CN,
        )

    async def _write_offs(self, caller: Caller, params: Parameters) -> Answer:
        query = write_off_query(params)
        merchant = await self._engine.merchant(caller.merchant_id)
        assert merchant is not None, "a credential belongs to a merchant"
        zone = ZoneInfo(merchant.time_zone)
        wanted = _filter(merchant.id, query, zone)
        count, found = await self._engine.read_list(lambda r: r.redemption_page(wanted, query.page, query.page_size))
        application, now = caller.application, self._engine.clock()
        encipher = mobile_encipherer(application.client_secret) if application.encrypt_mobile else None
        rows = [messages.row(one, zone=zone, now=now, encipher=encipher) for one in found]
        data = messages.page(rows, count, query.page, query.page_size)
        return messages.Envelope(data=data, description=messages.SUCCESS, errcode=0)


def _filter(merchant_id: int, query: WriteOffQuery, zone: ZoneInfo) -> RedemptionFilter:
    return RedemptionFilter(
        merchant_id=merchant_id,
        shop_id=query.store_id,
        bill_number=query.bill_no,
        code=None if query.coupons_no is None else normalise_code(query.coupons_no),
        member_id=query.member_id,
        member_card_id=query.member_card_id,
        scheme_number=query.schema_no,
        kind=query.schema_type,
        created_from_at=_first(query.create_start, zone),
        created_until_at=_after(query.create_end, zone),
        changed_from_at=_first(query.modify_start, zone),
        changed_until_at=_after(query.modify_end, zone),
    )


def _first(local: datetime | None, zone: ZoneInfo) -> int | None:
    return None if local is None else min(_readings(local, zone))


def _after(local: datetime | None, zone: ZoneInfo) -> int | None:
    """The end of the named second: an inclusive bound there is an exclusive one here."""
    return None if local is None else max(_readings(local, zone)) + 1000


def _readings(local: datetime, zone: ZoneInfo) -> list[int]:
    """What a time may mean. They differ where the clock is changed: in an hour that comes twice or never.

    A bound takes the one that leaves nothing out: no other bound would ask for the rows between the two.
    """
    return [int(local.replace(tzinfo=zone, fold=fold).timestamp()) * 1000 for fold in (0, 1)]


def _send(resp: falcon.asgi.Response, status: str | int, body: msgspec.Struct) -> None:
    resp.status = status
    resp.content_type = "application/json;charset=UTF-8"
    resp.set_header("X-Api-Requestid", str(uuid4()))
    resp.data = msgspec.json.encode(body)


def _refuse(req: falcon.asgi.Request, resp: falcon.asgi.Response, no: Rejected) -> None:
    body: msgspec.Struct
    if no.status == GATEWAY_STATUS:
        body = messages.GatewayError(no.errcode, no.description, no.description_cn or no.description)
    elif no.status == TOKEN_STATUS:
        body = messages.TokenError(no.description, no.errcode)
    elif req.path == AUTHORISE_PATH:
        body = messages.AuthorisationEnvelope(
            code=no.errcode, data=None, description=no.description, errcode=no.errcode, msg=no.description
        )
    else:
        body = messages.Envelope(data=None, description=no.description, errcode=no.errcode)
    _send(resp, no.status, body)


async def _on_rejected(req: falcon.asgi.Request, resp: falcon.asgi.Response, no: Rejected, _: object) -> None:
    _refuse(req, resp, no)


async def _on_our_error(req: falcon.asgi.Request, resp: falcon.asgi.Response, error: HexiaoError, _: object) -> None:
    _refuse(req, resp, rejected(error.code, error.facts))


async def _on_http_error(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, error: falcon.HTTPError, _: object
) -> None:
    """What is refused before the door: a method or a header that is none, a body that broke off."""
    code = Code.NOT_FOUND if isinstance(error, falcon.HTTPNotFound) else Code.MALFORMED_REQUEST
    _refuse(req, resp, rejected(code, {"path": req.path, **facts_of(error)}))


async def _on_unexpected(req: falcon.asgi.Request, resp: falcon.asgi.Response, error: Exception, _: object) -> None:
    _refuse(req, resp, unexpected(log_unexpected(req, error)))
