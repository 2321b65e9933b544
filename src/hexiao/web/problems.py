"""Every way of /v1 to say no: application/problem+json with our code, both sentences, the facts and all verdicts.

One total table from codes to HTTP statuses; a new code fails the test until it has its line.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import falcon
import falcon.asgi
import msgspec

from hexiao.domain.errors import Code, Fact, HexiaoError, sentences
from hexiao.engine.commands import Failed
from hexiao.http import facts_of, log_unexpected
from hexiao.web.auth import CHALLENGE
from hexiao.web.operation import Declined
from hexiao.web.render import show_fact, show_redemption, show_verdicts
from hexiao.web.views import RedemptionOut, VerdictOut

MEDIA_TYPE = "application/problem+json"

STATUS: dict[Code, int] = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.BODY_TOO_LARGE: 413,
    Code.MALFORMED_REQUEST: 400,
    Code.REQUEST_ID_MISSING: 400,
    Code.REQUEST_ID_REUSED: 422,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.UNKNOWN_MERCHANT: 422,
    Code.UNKNOWN_SHOP: 422,
    Code.UNKNOWN_CASHIER: 422,
    Code.UNKNOWN_MEMBER: 422,
    Code.UNKNOWN_SCHEME: 422,
    Code.UNKNOWN_GOODS: 422,
    Code.UNKNOWN_COUPON: 404,
    Code.UNKNOWN_REDEMPTION: 404,
    Code.DUPLICATE_COUPON: 422,
    Code.BAD_SCHEME: 422,
    Code.NUMBER_TAKEN: 409,
    Code.CODE_TAKEN: 409,
    Code.ID_TAKEN: 409,
    Code.COUPON_VOIDED: 409,
    Code.SCHEME_PAUSED: 409,
    Code.NOT_YET_VALID: 409,
    Code.COUPON_EXPIRED: 409,
    Code.OUTSIDE_HOURS: 409,
    Code.ALREADY_ON_BILL: 409,
    Code.COUPON_USED_UP: 409,
    Code.HELD_ELSEWHERE: 409,
    Code.WRONG_SHOP: 409,
    Code.WRONG_SCENE: 409,
    Code.MEMBER_NEEDED: 409,
    Code.WRONG_MEMBER: 409,
    Code.NO_MATCHING_GOODS: 409,
    Code.BELOW_MINIMUM_SPEND: 409,
    Code.NOT_COMBINABLE: 409,
    Code.NOTHING_TO_DISCOUNT: 409,
    Code.AMOUNT_TOO_LARGE: 409,
    Code.BUDGET_EXHAUSTED: 409,
    Code.STOCK_EXHAUSTED: 409,
    Code.MEMBER_LIMIT_REACHED: 409,
    Code.SCHEME_ENDED: 409,
    Code.COUPON_IN_USE: 409,
    Code.STILL_HELD: 409,
    Code.ALREADY_CAPTURED: 409,
    Code.ALREADY_RELEASED: 409,
    Code.HOLD_LAPSED: 409,
    Code.ALREADY_REVERSED: 409,
    Code.CAPTURE_TOO_LARGE: 409,
    Code.REVERSE_TOO_LARGE: 409,
    Code.REVERSE_TOO_LATE: 409,
    Code.BUSY: 503,
    Code.STORAGE_UNAVAILABLE: 503,
    Code.INTERNAL_ERROR: 500,
}
"""What is in the way of the coupon or of its state is 409; a thing that the body names and is not there is 422."""

FALCON_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}
"""The framework's own refusals that have a code of ours; every other one says that the request is malformed."""


class Problem(msgspec.Struct, kw_only=True):
    """错误 · a refusal after RFC 9457. Rely on `code`; show `zh` or `en`."""

    type: Annotated[str, msgspec.Meta(description="文档中的说明 · where the code is explained")]
    title: str
    status: int
    code: Annotated[str, msgspec.Meta(description="稳定的错误码 · the stable code")]
    zh: str
    en: str
    detail: str
    facts: Annotated[
        dict[str, Fact], msgspec.Meta(description="句中的数据 · what the sentence is made of, for programs")
    ]
    verdicts: Annotated[list[VerdictOut], msgspec.Meta(description="每张券的每项判定 · every check of every coupon")]
    redemption: Annotated[
        RedemptionOut | msgspec.UnsetType,
        msgspec.Meta(description="核销单的现状 · the redemption as it stands, where one was named"),
    ] = msgspec.UNSET


def show_problem(failed: Failed, zone: ZoneInfo | None, status: int | None = None) -> Problem:
    """The same failure and zone give the same bytes, so that a refusal is replayed as it was."""
    zh, en = sentences(failed.code, failed.facts, zone)
    return Problem(
        type=f"/docs#{failed.code.value}",
        title=failed.code.value.replace("_", " ").capitalize(),
        status=STATUS[failed.code] if status is None else status,
        code=failed.code.value,
        zh=zh,
        en=en,
        detail=en,
        facts={name: show_fact(failed.code, name, fact) for name, fact in failed.facts.items()},
        verdicts=show_verdicts(failed.assessments, zone),
        redemption=msgspec.UNSET if failed.redemption is None else show_redemption(failed.redemption),
    )


def install(app: falcon.asgi.App[Any, Any]) -> None:
    """Give the app its error handlers: nothing leaves it in another form."""
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(falcon.HTTPError, _framework)
    app.add_error_handler(HexiaoError, _refused)
    app.add_error_handler(Declined, _declined)


def _render(resp: falcon.asgi.Response, problem: Problem) -> None:
    resp.status = problem.status
    resp.content_type = MEDIA_TYPE
    resp.data = msgspec.json.encode(problem)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        resp.set_header("WWW-Authenticate", CHALLENGE)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        resp.set_header("Retry-After", "1")


async def _declined(req: falcon.asgi.Request, resp: falcon.asgi.Response, no: Declined, params: object) -> None:
    _render(resp, show_problem(no.failed, no.zone, no.status))
    if no.replayed:
        resp.set_header("Idempotent-Replay", "true")


async def _refused(req: falcon.asgi.Request, resp: falcon.asgi.Response, no: HexiaoError, params: object) -> None:
    _render(resp, show_problem(Failed(code=no.code, facts=no.facts), None))


async def _framework(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, no: falcon.HTTPError, params: object
) -> None:
    status = no.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        await _unexpected(req, resp, no, params)
        return
    code = FALCON_CODES.get(status, Code.MALFORMED_REQUEST)
    facts: dict[str, Fact] = {"path": req.path[:200], "method": req.method}
    if code is Code.MALFORMED_REQUEST:
        facts = facts_of(no)
    _render(resp, show_problem(Failed(code=code, facts=facts), None, status))
    resp.set_headers(no.headers or {})


async def _unexpected(req: falcon.asgi.Request, resp: falcon.asgi.Response, bug: Exception, params: object) -> None:
    error_id = log_unexpected(req, bug)
    _render(resp, show_problem(Failed(code=Code.INTERNAL_ERROR, facts={"error_id": error_id}), None))
