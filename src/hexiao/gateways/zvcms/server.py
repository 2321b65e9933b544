"""The zvcms v2 door: one address, `POST /api/v2`, where `Action` says what is wanted.

Every answer is HTTP 200 with the door's own body; status and code in it say which of the three outcomes it is.
Holds no rule about coupons: it asks the engine and renders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

import falcon
import falcon.asgi

from hexiao.domain.coupon import CODE_MAX, TYPED_MAX, normalise_code
from hexiao.domain.errors import Code, HexiaoError
from hexiao.engine.commands import CouponView, Failed, Found, LookUp
from hexiao.engine.committer import Engine
from hexiao.gateways.zvcms import pictures
from hexiao.gateways.zvcms.errors import Fault, Rejected, said
from hexiao.gateways.zvcms.gate import Caller, Gate, Members, read_object, read_params, text_of
from hexiao.gateways.zvcms.messages import Facts, Failure, OffCoupon, Success, encode, off_coupon
from hexiao.http import App, log_unexpected, read_body
from hexiao.vault import Vault

PATH: Final = "/api/v2"

Action = Callable[[Caller, Members], Awaitable[OffCoupon]]


def build(engine: Engine, vault: Vault, *, window_seconds: int = 300) -> App:
    """`window_seconds` 0 turns the check of the timestamp off."""
    app = App()
    # A sink and not a route: other methods and addresses get this door's own body too.
    app.add_sink(Door(engine, vault, window_seconds).answer, "/")
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(falcon.HTTPError, _unreadable)
    app.add_error_handler(HexiaoError, _named)
    app.add_error_handler(Rejected, _rejected)
    return app


class Door:
    """The checks in their order, then the action."""

    def __init__(self, engine: Engine, vault: Vault, window_seconds: int) -> None:
        self._engine = engine
        self._gate = Gate(engine, vault, window_seconds)
        self._actions: dict[str, Action] = {"coupon.off-coupon": self._off_coupon}

    async def answer(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response | None, ws: object = None, **_: object
    ) -> None:
        if resp is None:  # a WebSocket, which Falcon closes when nobody accepts it
            return
        if req.path != PATH:
            raise Rejected(Code.NOT_FOUND, path=req.path[:100])
        if req.method != "POST":
            raise Rejected(Code.METHOD_NOT_ALLOWED, method=req.method[:20])
        envelope = await self._gate.open(read_object(await read_body(req)))
        caller = await self._gate.identify(envelope)
        req.context.literal = caller.account.doc_literal
        self._gate.admit(envelope, caller)
        action = self._actions.get(envelope.action)
        if action is None:
            raise Rejected(Fault.UNKNOWN_ACTION, action=envelope.action[:64])
        data = await action(caller, read_params(envelope.params))
        _send(req, resp, Success(data=data))

    async def _off_coupon(self, caller: Caller, params: Members) -> OffCoupon:
        if "code" not in params:
            raise Rejected(Fault.PARAMETER_FORMAT, member="Params.code")
        typed = text_of(params["code"], "Params.code")
        code = normalise_code(typed) if len(typed) <= TYPED_MAX else ""
        if not code or len(code) > CODE_MAX:
            raise Rejected(Code.UNKNOWN_COUPON, code=typed[:CODE_MAX])
        credential = caller.credential
        answer = await self._engine.ask(
            LookUp(merchant_id=credential.merchant_id, actor=credential.name, code=code, spelled_out=True)
        )
        match answer.outcome:
            case Found(coupon=view):
                if view.coupon.voided_at is not None:  # the wire has no word for it, and 0 would say usable
                    raise Rejected(Code.COUPON_VOIDED)
                return await self._rendered(view, caller.account.images)
            case Failed(code=why, facts=facts):
                raise Rejected(why, **facts)
            case other:
                raise AssertionError(f"a look-up came back as {type(other).__name__}")

    async def _rendered(self, view: CouponView, images: bool) -> OffCoupon:
        facts = facts_of(view, self._engine.clock())
        if not images:
            return off_coupon(view.coupon, view.scheme, facts, view.captor_name)
        code = view.coupon.code
        # Pictures take milliseconds; in a thread they are drawn off the event loop.
        barcode, qrcode = await asyncio.to_thread(lambda: (pictures.barcode_uri(code), pictures.qrcode_uri(code)))
        return off_coupon(view.coupon, view.scheme, facts, view.captor_name, barcode, qrcode)


def facts_of(view: CouponView, now: int) -> Facts:
    """What stands beside a coupon and its scheme: the listed shops and goods that exist, and the scheme's count."""
    named = view.named
    assert named is not None, "it was asked for"
    return Facts(
        now=now,
        zone=ZoneInfo(named.time_zone),
        shops={str(shop.id): shop for shop in named.shops},
        items={item.sku: item for item in named.items},
        issued=named.issued,
        captured_uses=named.captured_uses,
    )


def _send(req: falcon.asgi.Request, resp: falcon.asgi.Response, reply: Success | Failure) -> None:
    resp.status = falcon.HTTP_200
    resp.content_type = falcon.MEDIA_JSON
    resp.data = encode(reply, getattr(req.context, "literal", False))


def _refuse(req: falcon.asgi.Request, resp: falcon.asgi.Response, why: Fault | Code, facts: dict[str, Any]) -> None:
    row = said(why, facts)
    _send(req, resp, Failure(status=row.status, code=row.code, message=row.message))


async def _rejected(
    req: falcon.asgi.Request, resp: falcon.asgi.Response | None, rejected: Rejected, _: dict[str, Any]
) -> None:
    if resp is not None:
        _refuse(req, resp, rejected.why, rejected.facts)


async def _named(
    req: falcon.asgi.Request, resp: falcon.asgi.Response | None, error: HexiaoError, _: dict[str, Any]
) -> None:
    if resp is not None:
        _refuse(req, resp, error.code, error.facts)


async def _unreadable(
    req: falcon.asgi.Request, resp: falcon.asgi.Response | None, error: falcon.HTTPError, _: dict[str, Any]
) -> None:
    if resp is not None:
        _refuse(req, resp, Fault.UNREADABLE, {})


async def _unexpected(
    req: falcon.asgi.Request, resp: falcon.asgi.Response | None, error: Exception, _: dict[str, Any]
) -> None:
    if resp is not None:
        _refuse(req, resp, Code.INTERNAL_ERROR, {"error_id": log_unexpected(req, error)})
