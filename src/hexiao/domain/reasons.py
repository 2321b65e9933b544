"""What can be wrong with a request or a scheme: each reason of `malformed_request` and `bad_scheme`, 中文 and English.

Whoever refuses names the reason and gives its facts; a sentence is only made when somebody is told.
"""

from __future__ import annotations

TYPES: dict[str, tuple[str, str]] = {
    "int": ("整数", "an integer"),
    "float": ("小数", "a number with a fraction"),
    "str": ("文本", "a text"),
    "bool": ("真假值", "true or false"),
    "array": ("列表", "a list"),
    "object": ("对象", "an object"),
    "null": ("空值", "null"),
}
"""What JSON values are called. Facts whose name ends in `_type` are these."""

# fmt: off
REASONS: dict[str, tuple[str, str]] = {
    # The body as a whole.
    "not_json": ("请求体不是 JSON，错在第 {byte} 字节", "the body is not JSON, see byte {byte}"),
    "broken_off": ("请求体不完整", "the body broke off before its end"),
    "not_utf8": ("请求体不是 UTF-8 编码", "the body is not UTF-8"),
    "nested_too_deeply": ("请求体嵌套过深", "the body is nested too deeply"),
    "not_called_json": (
        "请求体须注明 `Content-Type: application/json`", "the body must be sent with Content-Type: application/json",
    ),
    "body_late": ("请求体未在 {limit_seconds} 秒内送达", "the body did not arrive within {limit_seconds} seconds"),
    "odd_text": ("文本中有空字符或半个字符", "a text holds a NUL, or half a character"),
    "not_understood": ("内容无法识别", "{said}"),

    # One field or parameter.
    "missing_field": ("缺少 `{field}`", "`{field}` is missing"),
    "unknown_field": ("没有 `{field}` 这一项", "there is no field `{field}`"),
    "given_twice": ("`{field}` 出现多次", "`{field}` was given more than once"),
    "wrong_type": ("应为{expected_type}，实为{got_type}", "expected {expected_type}, got {got_type}"),
    "not_of_type": ("应为{expected_type}", "expected {expected_type}"),
    "not_one_of": ("应为 `{allowed}` 之一{and_got}", "expected one of {allowed}{and_got}"),
    "not_some_of": (
        "应为 `{allowed}` 之一，或以逗号相隔的几个{and_got}",
        "expected one of {allowed}, or several with commas{and_got}",
    ),
    "no_value": ("`{got}` 不是可用的值", "`{got}` is no value of it"),
    "too_small": ("应为不小于 {least} 的整数{and_got}", "expected an integer of at least {least}{and_got}"),
    "too_large": ("应为不大于 {most} 的整数{and_got}", "expected an integer of at most {most}{and_got}"),
    "text_too_short": ("文本至少 {least} 个字符{and_got}", "expected a text of at least {least} characters{and_got}"),
    "text_too_long": ("文本最多 {most} 个字符{and_got}", "expected a text of at most {most} characters{and_got}"),
    "list_too_short": ("列表至少 {least} 项{and_got}", "expected a list of at least {least}{and_got}"),
    "list_too_long": ("列表最多 {most} 项{and_got}", "expected a list of at most {most}{and_got}"),
    "out_of_range": ("数字超出范围", "the number is out of range"),
    "control_characters": ("文本不能含控制字符", "expected a text without control characters"),
    "not_an_id": (
        "应为编号，即 1 至 9223372036854775807 的十进制数字文本{and_got}",
        "expected an id: a decimal string from 1 to 9223372036854775807{and_got}",
    ),
    "not_an_instant": (
        "应为带时区的时间，如 `2026-11-22T01:30:00Z` 或 `2026-11-22T09:30:00+08:00`（在网址中 + 写作 `%2B`）{and_got}",
        "expected a time such as 2026-11-22T01:30:00Z or 2026-11-22T09:30:00+08:00 (in a URL, + is %2B){and_got}",
    ),
    "not_a_date": ("应为存在的日期，如 `2026-11-22`{and_got}", "expected a date such as 2026-11-22{and_got}"),
    "not_a_clock_time": (
        "应为一天中的时刻，00:00 至 24:00{and_got}", "expected a time of the day, 00:00 to 24:00{and_got}",
    ),
    "bad_cursor": (
        "`cursor` 不是列表返回的游标，请去掉它从头开始",
        "`cursor` is not one that a list returned: begin again without it",
    ),
    "other_cursor": (
        "`cursor` 属于另一列表或另一组筛选条件，请去掉它从头开始",
        "`cursor` is of another list, or of other filters: begin again without it",
    ),
    "bad_key": (
        "`{field}` 须为 1 至 {most} 个可见 `ASCII` 字符", "`{field}` must be 1 to {most} visible ASCII characters",
    ),

    # What does not go together.
    "code_or_coupons": ("`code` 与 `coupons` 须给出且只给出一个", "give either `code` or `coupons`"),
    "too_many_coupons": ("共 {coupons} 张券，一批最多 {most} 张", "{coupons} coupons, but {most} at most in one batch"),
    "amounts_differ": ("`amount_fen` 与 `lines` 之和不符", "`amount_fen` differs from the sum of `lines`"),
    "amount_not_positive": ("金额须大于零", "the amount must be positive"),
    "wrong_lines": ("`lines` 须有 {lines} 个金额，均不小于零", "`lines` must hold {lines} amounts, none below 0"),
    "bill_too_large": ("一张单据最多 {most_fen} 元", "a bill is worth at most {most_fen} yuan"),
    "wrong_code_length": ("券号须为 1 至 {most} 个字符", "a normalised code has 1 to {most} characters"),
    "wrong_face": ("券 `{code}` 的 `face_fen` 与方案不符", "`face_fen` of `{code}` does not fit the scheme"),
    "foreign_item": (
        "一批中各项的请求号和商户须与整批相同",
        "the items of a batch carry the request id and the merchant of the whole",
    ),

    # What makes a scheme unsound.
    "not_within": ("`{field}` 须为 {least} 至 {most}{and_got}", "`{field}` must be {least} to {most}{and_got}"),
    "list_by_mode": (
        "`{field}` 的 `mode` 为 `all` 时不带 `{list}`，否则须有",
        "`{field}`: with the mode `all` it takes no `{list}`, with any other it needs some",
    ),
    "shops_not_ids": (
        "`shops.ids` 须为十进制数字编号{and_got}", "`shops.ids` must be ids, as decimal strings{and_got}",
    ),
    "empty_goods": ("`goods.values` 中有空值", "`goods.values` has an empty one"),
    "no_weekdays": ("`{field}` 须给出 `weekdays` 中的至少一天", "`{field}` needs one day of `weekdays` at least"),
    "wrong_weekdays": ("`{field}` 的 `weekdays` 须为 1 至 7{and_got}", "`{field}`: `weekdays` must be 1 to 7{and_got}"),
    "empty_window": (
        "`{field}` 不得为空：`since` 与 `until` 均为 `{got}`",
        "`{field}` must not be empty: `since` and `until` are {got}",
    ),
    "wrong_window": (
        "`{field}` 的 `since` 与 `until` 须为 `HH:MM`{and_got}",
        "`{field}`: `since` and `until` must be HH:MM{and_got}",
    ),
    "late_window": ("`{field}` 不能从 24:00 开始", "`{field}` cannot begin at 24:00"),
    "days_reversed": ("`last_day` 早于 `first_day`", "`last_day` lies before `first_day`"),
    "days_out_of_range": ("日期须在 1971 至 8999 年之间", "the dates must lie in the years 1971 to 8999"),
    "up_to_nothing": ("须给出 `up_to_fen` 或 `up_to_quantity`", "give `up_to_fen` or `up_to_quantity`"),
    "goods_off_of_all": (
        "抵扣券须指明商品：`goods.mode` 为 `categories`、`listed` 或 `all_but`",
        "goods_off needs goods: `goods.mode` categories, listed or all_but",
    ),
    "other_kind": ("新版本不能改变券种，请新建方案", "a new version cannot change the kind: create another scheme"),
    "limit_come_or_gone": (
        "`total` 与 `budget_fen` 可以改，不能新增或取消",
        "`total` and `budget_fen` can be changed, but not added or taken away",
    ),

    # What whoever runs the server has set.
    "unknown_zone": ("没有时区 `{zone}`", "there is no time zone `{zone}`"),
    "wrong_setting": ("设置 `{setting}` 的值不可用", "the setting {setting}: {said}"),
    "wrong_database": (
        "数据库须为 `sqlite:///path/to/file` 或 `postgresql://user@host/name`，而非 `{got}`",
        "the database must be sqlite:///path/to/file or postgresql://user@host/name, not {got}",
    ),
    "own_cores_elsewhere": (
        "只有 `Linux` 能给进程独占的核（`--own-cores`）", "only Linux gives a process a core of its own (--own-cores)",
    ),
    "too_few_cores": (
        "{workers} 个进程各需一个核，而只有 {cores} 个：请减少 `--workers`，或去掉 `--own-cores`",
        "{workers} workers need a core each, and there are {cores}: fewer --workers, or without --own-cores",
    ),
}
# fmt: on
