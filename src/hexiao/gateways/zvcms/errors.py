"""Every way this door says no, and the one table of what it then prints: status, code and message.

Only the codes in VENDOR_CODES are the vendor's; all others in TABLE are ours, put into the vendor's ranges
(1000xx parameters and business, 1100xx gateway and authentication). Total over both enums, no default.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from hexiao.domain.errors import CHINESE, Code, Fact, fill


class Fault(Enum):
    """What the gate of this door finds before any action runs."""

    UNREADABLE = "unreadable"
    MEMBER_MISSING = "member_missing"
    PARAMETER_FORMAT = "parameter_format"
    UNKNOWN_OPEN_ID = "unknown_open_id"
    WRONG_GRANT_CODE = "wrong_grant_code"
    OUTSIDE_WINDOW = "outside_window"
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - a name, not a secret
    REPLAYED = "replayed"
    UNKNOWN_ACTION = "unknown_action"


class Wire(NamedTuple):
    """What is printed: `status` false = system error, true = business exception. No message = the code's own 中文."""

    status: bool
    code: int
    message: str = ""


VENDOR_CODES: Final = {
    0: "success",
    100002: "parameter format is wrong",
    110004: "signature check failed",
}
"""Seen from the vendor with a known meaning; we use them for that meaning only."""

VENDOR_CODES_NOT_OURS: Final = frozenset({100007, 110007, 30005, 160098})
"""Seen from the vendor with another meaning or none that we know: never given out by us."""

TABLE: Final[Mapping[Fault | Code, Wire]] = {
    # The gate: who asks, and in which form.
    Fault.UNREADABLE: Wire(False, 100001, "请求体须为一个 UTF-8 编码的 JSON 对象"),
    Fault.PARAMETER_FORMAT: Wire(False, 100002, "参数格式错误：{member}"),
    Fault.MEMBER_MISSING: Wire(False, 100003, "缺少公共参数：{member}"),
    Fault.UNKNOWN_OPEN_ID: Wire(False, 110001, "OpenId 不存在或已停用"),
    Fault.WRONG_GRANT_CODE: Wire(False, 110002, "GrantCode 与 OpenId 不匹配"),
    Fault.OUTSIDE_WINDOW: Wire(False, 110003, "Timestamp 须为秒级时间戳，与服务器时间相差不超过 {window_seconds} 秒"),
    Fault.WRONG_TOKEN: Wire(False, 110004, "验签失败"),
    Fault.REPLAYED: Wire(False, 110005, "重复的请求：请更换 Nonce 与 Timestamp 后重新签名"),
    Fault.UNKNOWN_ACTION: Wire(False, 110006, "接口方法不存在：{action}"),
    # The rest of what keeps a request from its action.
    Code.BODY_TOO_LARGE: Wire(False, 100004),
    Code.MALFORMED_REQUEST: Wire(False, 100002, "参数格式错误：{reason}{at_place}"),
    Code.REQUEST_ID_MISSING: Wire(False, 100005),
    Code.REQUEST_ID_REUSED: Wire(False, 100006),
    Code.UNAUTHENTICATED: Wire(False, 110008),
    Code.FORBIDDEN: Wire(False, 110009),
    Code.NOT_FOUND: Wire(False, 110010),
    Code.METHOD_NOT_ALLOWED: Wire(False, 110011),
    Code.UNKNOWN_MERCHANT: Wire(False, 110012),
    Code.BUSY: Wire(False, 110013, "系统繁忙，请稍后重试"),
    Code.STORAGE_UNAVAILABLE: Wire(False, 110014, "系统繁忙：数据库暂不可用，请稍后重试"),
    Code.INTERNAL_ERROR: Wire(False, 110015, "系统内部错误，编号 {error_id}，请告知维护人员"),
    # What was named does not exist, or exists already.
    Code.UNKNOWN_COUPON: Wire(True, 100010, "查询的信息不存在"),
    Code.UNKNOWN_SHOP: Wire(True, 100011),
    Code.UNKNOWN_CASHIER: Wire(True, 100012),
    Code.UNKNOWN_MEMBER: Wire(True, 100013),
    Code.UNKNOWN_SCHEME: Wire(True, 100014),
    Code.UNKNOWN_GOODS: Wire(True, 100015),
    Code.UNKNOWN_REDEMPTION: Wire(True, 100016),
    Code.DUPLICATE_COUPON: Wire(True, 100017),
    Code.BAD_SCHEME: Wire(True, 100018),
    Code.NUMBER_TAKEN: Wire(True, 100019),
    Code.CODE_TAKEN: Wire(True, 100020),
    Code.ID_TAKEN: Wire(True, 100021),
    # What the coupon and the bill say.
    Code.COUPON_VOIDED: Wire(True, 100030),
    Code.SCHEME_PAUSED: Wire(True, 100031),
    Code.NOT_YET_VALID: Wire(True, 100032),
    Code.COUPON_EXPIRED: Wire(True, 100033),
    Code.OUTSIDE_HOURS: Wire(True, 100034),
    Code.ALREADY_ON_BILL: Wire(True, 100035),
    Code.COUPON_USED_UP: Wire(True, 100036),
    Code.HELD_ELSEWHERE: Wire(True, 100037),
    Code.WRONG_SHOP: Wire(True, 100038),
    Code.WRONG_SCENE: Wire(True, 100039),
    Code.MEMBER_NEEDED: Wire(True, 100040),
    Code.WRONG_MEMBER: Wire(True, 100041),
    Code.NO_MATCHING_GOODS: Wire(True, 100042),
    Code.BELOW_MINIMUM_SPEND: Wire(True, 100043),
    Code.NOT_COMBINABLE: Wire(True, 100044),
    Code.NOTHING_TO_DISCOUNT: Wire(True, 100045),
    Code.AMOUNT_TOO_LARGE: Wire(True, 100046),
    Code.BUDGET_EXHAUSTED: Wire(True, 100047),
    # What issuing says.
    Code.STOCK_EXHAUSTED: Wire(True, 100050),
    Code.MEMBER_LIMIT_REACHED: Wire(True, 100051),
    Code.SCHEME_ENDED: Wire(True, 100052),
    Code.COUPON_IN_USE: Wire(True, 100053),
    # What the state of the redemption says.
    Code.STILL_HELD: Wire(True, 100060),
    Code.ALREADY_CAPTURED: Wire(True, 100061),
    Code.ALREADY_RELEASED: Wire(True, 100062),
    Code.HOLD_LAPSED: Wire(True, 100063),
    Code.ALREADY_REVERSED: Wire(True, 100064),
    Code.CAPTURE_TOO_LARGE: Wire(True, 100065),
    Code.REVERSE_TOO_LARGE: Wire(True, 100066),
    Code.REVERSE_TOO_LATE: Wire(True, 100067),
}


class Rejected(Exception):
    """This door says no; TABLE says how."""

    def __init__(self, why: Fault | Code, **facts: Fact) -> None:
        super().__init__(why.value)
        self.why = why
        self.facts = facts


def said(why: Fault | Code, facts: Mapping[str, Fact]) -> Wire:
    """The row of TABLE with the numbers filled into its message."""
    row = TABLE[why]
    template = row.message if row.message or isinstance(why, Fault) else why.zh
    return row._replace(message=fill(template, CHINESE, facts))
