"""What this door says when it says no: gateway codes, business codes, and one total table from our codes.

Every refusal is a Rejected, which is already the wire: a status and a body. Texts of 金蝶 that are not public are
written here by analogy; clients are told to test codes, not texts.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from hexiao.domain.errors import Code, Fact, sentences

GATEWAY_STATUS: Final = 519
TOKEN_STATUS: Final = 401
OK_STATUS: Final = 200
"""Business errors travel on 200: their clients read `errcode`."""


class Rejected(Exception):
    """An answer that ends the request. `errcode` and `description` are what the client reads.

    Only the gateway speaks two languages: `description_cn` is None in everybody else's errors.
    """

    def __init__(self, status: int, errcode: int, description: str, description_cn: str | None = None) -> None:
        super().__init__(f"{errcode}: {description}")
        self.status = status
        self.errcode = errcode
        self.description = description
        self.description_cn = description_cn


class GatewayCode(IntEnum):
    """The codes of HTTP 519, as the vendor's own client names them."""

    AUTH_TYPE_NOT_SUPPORTED = 4001
    CLIENT_ID_EMPTY = 4002
    CLIENT_ID_INVALID = 4003
    TIMESTAMP_INVALID = 4006
    SIGN_HEADERS_INVALID = 4007
    SIGNATURE_INVALID = 4008
    API_NOT_FOUND = 5001
    METHOD_NOT_ALLOWED = 5002


GATEWAY_TEXTS: Final[dict[GatewayCode, tuple[str, str]]] = {
    GatewayCode.AUTH_TYPE_NOT_SUPPORTED: (
        "Unauthorized, errDescEn: X-Api-Auth-Version is not supported: {what}[GW]",
        "认证失败, errDescCn: 不支持的X-Api-Auth-Version: {what}[网关]",
    ),
    GatewayCode.CLIENT_ID_EMPTY: ("Unauthorized, APP_ID is empty[GW]", "认证失败, 应用ID为空[网关]"),
    GatewayCode.CLIENT_ID_INVALID: (
        "Unauthorized, errDescEn: X-Api-ClientID is invalid: {what}[GW]",
        "认证失败, errDescCn: X-Api-ClientID无效: {what}[网关]",
    ),
    GatewayCode.TIMESTAMP_INVALID: (
        "Unauthorized, errDescEn: X-Api-TimeStamp is invalid: {what}[GW]",
        "认证失败, errDescCn: X-Api-TimeStamp过期: {what}[网关]",
    ),
    GatewayCode.SIGN_HEADERS_INVALID: (
        "Unauthorized, errDescEn: X-Api-SignHeaders is invalid: {what}[GW]",
        "认证失败, errDescCn: X-Api-SignHeaders无效: {what}[网关]",
    ),
    GatewayCode.SIGNATURE_INVALID: (
        "Unauthorized, errDescEn: X-Api-Signature is invalid[GW]",
        "认证失败, errDescCn: X-Api-Signature无效[网关]",
    ),
    GatewayCode.API_NOT_FOUND: ("API not found[GW]", "请求的API不存在[网关]"),
    GatewayCode.METHOD_NOT_ALLOWED: ("Method not allowed[GW]", "请求方法不允许[网关]"),
}

_ECHO_MAX = 64


def gateway_refusal(code: GatewayCode, what: str = "") -> Rejected:
    """HTTP 519. `what` is the caller's own value, shown back to him, cut short."""
    en, cn = GATEWAY_TEXTS[code]
    shown = what[:_ECHO_MAX]
    return Rejected(GATEWAY_STATUS, code.value, en.format(what=shown), cn.format(what=shown))


class BusinessCode(IntEnum):
    """The ten-digit codes of the manual that this door uses; AABBCCDEEE, see docs/reference/kingdee.md."""

    SYSTEM_ERROR = 2000002000
    SERVICE_UNAVAILABLE = 1000002001
    NOT_AUTHORISED = 1020002008
    FIELD_EMPTY = 1030002000
    FIELD_TYPE = 1030002001
    EXISTS_ALREADY = 1030002002
    DOES_NOT_EXIST = 1030002003
    IN_USE = 1030002004
    TOO_MANY = 1030002005
    FIELD_FORMAT = 1030002006
    NOT_CONFIGURED = 1040003000


def field_empty(field: str) -> Rejected:
    return Rejected(OK_STATUS, BusinessCode.FIELD_EMPTY, f"{field}不能为空")


def field_type(field: str) -> Rejected:
    return Rejected(OK_STATUS, BusinessCode.FIELD_TYPE, f"{field} 类型不正确，请根据字段要求正确传输有效值")


def field_format(field: str) -> Rejected:
    return Rejected(OK_STATUS, BusinessCode.FIELD_FORMAT, f"{field}格式不正确，请根据字段要求正确传输有效值")


def key_refused() -> Rejected:
    """One answer for an unknown app key, somebody else's, and a wrong app_signature."""
    return Rejected(OK_STATUS, BusinessCode.FIELD_FORMAT, "授权密钥校验失败，请获取最新密钥加密")


TOKEN_EXPIRED: Final = 1000202001
TOKEN_NOT_VALID: Final = 401
"""The manual's standard code for a bad token; clients look for 401 in the status or in errcode, here it is in both."""


def token_expired() -> Rejected:
    return Rejected(TOKEN_STATUS, TOKEN_EXPIRED, "JWT token has expired")


def token_missing() -> Rejected:
    return Rejected(TOKEN_STATUS, TOKEN_NOT_VALID, "JWT token is empty")


def token_invalid() -> Rejected:
    return Rejected(TOKEN_STATUS, TOKEN_NOT_VALID, "JWT token is invalid")


class Wire(msgspec.Struct, frozen=True, array_like=True):
    """How one of our codes travels: HTTP status and errcode."""

    status: int
    errcode: int


_SYSTEM = Wire(OK_STATUS, BusinessCode.SYSTEM_ERROR)
_DOWN = Wire(OK_STATUS, BusinessCode.SERVICE_UNAVAILABLE)
_CALLER = Wire(OK_STATUS, BusinessCode.NOT_AUTHORISED)
_EMPTY = Wire(OK_STATUS, BusinessCode.FIELD_EMPTY)
_EXISTS = Wire(OK_STATUS, BusinessCode.EXISTS_ALREADY)
_UNKNOWN = Wire(OK_STATUS, BusinessCode.DOES_NOT_EXIST)
_IN_USE = Wire(OK_STATUS, BusinessCode.IN_USE)
_TOO_MANY = Wire(OK_STATUS, BusinessCode.TOO_MANY)
_VALUE = Wire(OK_STATUS, BusinessCode.FIELD_FORMAT)
_TERMS = Wire(OK_STATUS, BusinessCode.NOT_CONFIGURED)

WIRE: Final[dict[Code, Wire]] = {
    Code.UNAUTHENTICATED: _CALLER,
    Code.FORBIDDEN: _CALLER,
    Code.BODY_TOO_LARGE: _TOO_MANY,
    Code.MALFORMED_REQUEST: _VALUE,
    Code.REQUEST_ID_MISSING: _EMPTY,
    Code.REQUEST_ID_REUSED: _EXISTS,
    Code.NOT_FOUND: Wire(GATEWAY_STATUS, GatewayCode.API_NOT_FOUND),
    Code.METHOD_NOT_ALLOWED: Wire(GATEWAY_STATUS, GatewayCode.METHOD_NOT_ALLOWED),
    Code.UNKNOWN_MERCHANT: _UNKNOWN,
    Code.UNKNOWN_SHOP: _UNKNOWN,
    Code.UNKNOWN_CASHIER: _UNKNOWN,
    Code.UNKNOWN_MEMBER: _UNKNOWN,
    Code.UNKNOWN_SCHEME: _UNKNOWN,
    Code.UNKNOWN_GOODS: _UNKNOWN,
    Code.UNKNOWN_COUPON: _UNKNOWN,
    Code.UNKNOWN_REDEMPTION: _UNKNOWN,
    Code.DUPLICATE_COUPON: _EXISTS,
    Code.BAD_SCHEME: _VALUE,
    Code.NUMBER_TAKEN: _EXISTS,
    Code.CODE_TAKEN: _EXISTS,
    Code.ID_TAKEN: _EXISTS,
    Code.COUPON_VOIDED: _TERMS,
    Code.SCHEME_PAUSED: _TERMS,
    Code.NOT_YET_VALID: _TERMS,
    Code.COUPON_EXPIRED: _TERMS,
    Code.OUTSIDE_HOURS: _TERMS,
    Code.ALREADY_ON_BILL: _IN_USE,
    Code.COUPON_USED_UP: _IN_USE,
    Code.HELD_ELSEWHERE: _IN_USE,
    Code.WRONG_SHOP: _TERMS,
    Code.WRONG_SCENE: _TERMS,
    Code.MEMBER_NEEDED: _EMPTY,
    Code.WRONG_MEMBER: _TERMS,
    Code.NO_MATCHING_GOODS: _TERMS,
    Code.BELOW_MINIMUM_SPEND: _TERMS,
    Code.NOT_COMBINABLE: _TERMS,
    Code.NOTHING_TO_DISCOUNT: _TERMS,
    Code.AMOUNT_TOO_LARGE: _TOO_MANY,
    Code.BUDGET_EXHAUSTED: _TOO_MANY,
    Code.STOCK_EXHAUSTED: _TOO_MANY,
    Code.MEMBER_LIMIT_REACHED: _TOO_MANY,
    Code.SCHEME_ENDED: _TERMS,
    Code.COUPON_IN_USE: _IN_USE,
    Code.STILL_HELD: _IN_USE,
    Code.ALREADY_CAPTURED: _IN_USE,
    Code.ALREADY_RELEASED: _IN_USE,
    Code.HOLD_LAPSED: _IN_USE,
    Code.ALREADY_REVERSED: _IN_USE,
    Code.CAPTURE_TOO_LARGE: _TOO_MANY,
    Code.REVERSE_TOO_LARGE: _TOO_MANY,
    Code.REVERSE_TOO_LATE: _TERMS,
    Code.BUSY: _DOWN,
    Code.STORAGE_UNAVAILABLE: _DOWN,
    Code.INTERNAL_ERROR: _SYSTEM,
}
"""Total: a test asks for every Code. Only some of these can happen while this door only reads."""


def rejected(code: Code, facts: dict[str, Fact]) -> Rejected:
    """One of our own codes in this door's form; the text is ours, with its numbers."""
    wire = WIRE[code]
    zh, en = sentences(code, facts)
    if wire.status == GATEWAY_STATUS:
        return Rejected(wire.status, wire.errcode, f"{en}[GW]", f"{zh}[网关]")
    return Rejected(wire.status, wire.errcode, zh)


def unexpected(error_id: str) -> Rejected:
    """Nobody foresaw it; the id finds the log line."""
    return rejected(Code.INTERNAL_ERROR, {"error_id": error_id})
