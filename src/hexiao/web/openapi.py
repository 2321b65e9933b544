"""The description of /v1 as an OpenAPI 3.1 document, made from the operations and the types their handlers use.

Nothing is written twice: roles come from auth, statuses from problems, shapes from the handlers' own signatures.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from hexiao import __version__
from hexiao.domain.errors import Code, Family
from hexiao.domain.party import Role
from hexiao.web import examples
from hexiao.web.api import OPERATIONS
from hexiao.web.auth import ALL, ROLES
from hexiao.web.operation import Empty, Operation
from hexiao.web.problems import MEDIA_TYPE, STATUS, Problem
from hexiao.web.wire import schema_of

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
NOUNS = {
    "assessments": "资格判定 · look a coupon up, learn whether and why it can be used. Reads only.",
    "redemptions": "核销单 · hold, redeem, capture, release, reverse, query.",
    "coupons": "优惠券 · issue, import, look up, void.",
    "schemes": "优惠券方案 · the templates: terms and benefit. Versions are immutable.",
    "members": "会员 · who holds coupons.",
    "shops": "门店 · where bills are made.",
    "cashiers": "收银员 · who redeems.",
    "goods": "商品 · what the merchant sells, with its category.",
}
PATHS = {
    "redemption_id": "核销单 ID · the id of the redemption",
    "code": "券号或券 ID · the code of the coupon, or its id",
    "scheme": "方案 ID，不是方案编号 · the id of the scheme, not its number",
    "member_id": "会员 ID · the id of the member",
    "shop_id": "门店 ID，不是门店编号 · the id of the shop, not its number",
    "cashier_id": "收银员 ID · the id of the cashier",
    "sku": "商品的 sku · the sku of the article",
}
INTRODUCTION = """\
核销引擎自己的 JSON 接口：查券、判定资格、预核销、核销、撤销、查询。
Our own JSON API: look coupons up, hold, redeem, reverse and query them.

- 金额一律为整数分，ID 为十进制字符串，时间为 UTC 的 ISO 8601。
Money is integer fen, ids are decimal strings, times are ISO 8601 in UTC.
- 每个带改动的 POST 须带 `Idempotency-Key`，重试时保持不变，得到同一答复和 `Idempotent-Replay: true`。
Every POST that changes something needs an `Idempotency-Key`; keep it across retries and you get the same answer.
- 拒绝时返回 `application/problem+json`，含稳定的 `code`、中英文说明与每项判定。
A refusal is `application/problem+json` with a stable `code`, both sentences and every verdict.
- 未知字段一律拒绝，并指出字段名。
Unknown fields are refused by name."""


def document() -> Json:
    """The whole OpenAPI document, as plain JSON values."""
    shapes, schemas = _schemas()
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, shapes, schemas)
    for query in {one.query for one in OPERATIONS} - {Empty}:
        del schemas[query.__name__]  # shown in place, as parameters
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hexiao 核销 /v1",
            "version": __version__,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": noun, "description": text} for noun, text in NOUNS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Authorization: Bearer <key>. 密钥角色 · roles: " + ", ".join(role for role in Role),
                }
            },
            "parameters": {"IdempotencyKey": _IDEMPOTENCY_KEY},
            "headers": {"IdempotentReplay": _IDEMPOTENT_REPLAY},
        },
    }


def refusals(operation: Operation) -> dict[int, list[Code]]:
    """What an operation may answer instead, by HTTP status."""
    codes: list[Code] = [Code.UNAUTHENTICATED]
    if ROLES[operation.method, operation.path] != ALL:
        codes.append(Code.FORBIDDEN)
    if operation.method == "POST":
        codes.append(Code.BODY_TOO_LARGE)
    codes.append(Code.MALFORMED_REQUEST)  # a query may always name what is not known
    if operation.changes:
        codes += [Code.REQUEST_ID_MISSING, Code.REQUEST_ID_REUSED]
    codes += [*operation.codes, Code.BUSY, Code.STORAGE_UNAVAILABLE, Code.INTERNAL_ERROR]
    by_status: dict[int, list[Code]] = {}
    if operation.missing is not None:
        by_status[404] = [operation.missing]
    for code in dict.fromkeys(codes):
        by_status.setdefault(STATUS[code], []).append(code)
    if operation.method == "POST":
        by_status[408] = by_status[415] = [Code.MALFORMED_REQUEST]
    return dict(sorted(by_status.items()))


_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "请求号：每次变更一个，重试时不变 · one for every change, kept across retries",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "till-7-20251122-000123",
}
_IDEMPOTENT_REPLAY: Json = {
    "description": "此请求号已答复过，这是同一答复 · this request was answered before; this is the same answer",
    "schema": {"type": "string", "const": "true"},
}
_REPLAYED: Json = {"Idempotent-Replay": {"$ref": "#/components/headers/IdempotentReplay"}}
_RETRY_AFTER: Json = {
    "Retry-After": {"description": "至少等待的秒数 · wait so many seconds", "schema": {"type": "string", "const": "1"}}
}


def _schemas() -> tuple[dict[type, Json], Json]:
    """(the reference for each type that a handler names, all schemas by name)"""
    named: Iterable[type] = dict.fromkeys(
        kind for one in OPERATIONS for kind in (one.body, one.query, one.reply) if kind is not Empty
    )
    kinds = [*named, Problem]
    references, schemas = msgspec.json.schema_components(kinds, schema_hook=schema_of, ref_template=REF)
    return dict(zip(kinds, references, strict=True)), schemas


def _operation(operation: Operation, shapes: dict[type, Json], schemas: Json) -> Json:
    key = (operation.method, operation.path)
    roles = sorted(ROLES[key])
    success: Json = {"description": operation.zh, "content": {"application/json": _content(shapes[operation.reply])}}
    if key in examples.REPLIES:
        success["content"]["application/json"]["example"] = msgspec.to_builtins(examples.REPLIES[key])
    if operation.changes:
        success["headers"] = _REPLAYED
    described: Json = {
        "operationId": f"{operation.noun}.{operation.handle.__name__.rstrip('_')}",
        "tags": [operation.noun],
        "summary": f"{operation.zh} · {operation.en}",
        "description": operation.description,
        "x-roles": roles,
        "parameters": _parameters(operation, schemas),
        "responses": {str(operation.status): success} | _refusals(operation, shapes[Problem]),
    }
    if operation.method == "POST":
        body = (
            _content(shapes[operation.body])
            if operation.body is not Empty
            else _content({"type": "object", "maxProperties": 0})
        )
        body["example"] = examples.REQUESTS[key]
        required = operation.body is not Empty and bool(schemas[operation.body.__name__]["required"])
        described["requestBody"] = {"required": required, "content": {"application/json": body}}
    return described


def _parameters(operation: Operation, schemas: Json) -> list[Json]:
    parameters: list[Json] = []
    if operation.names:
        name = operation.names
        named = {"name": name, "in": "path", "required": True, "description": PATHS[name], "schema": {"type": "string"}}
        parameters.append(named)
    if operation.query is not Empty:
        for name, schema in schemas[operation.query.__name__]["properties"].items():
            parameters.append({"name": name, "in": "query", "required": False, **_in_query(schema)})
    if operation.changes:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    return parameters


def _in_query(schema: Json) -> Json:
    """A query has no null: what may be left out is simply left out. The description belongs to the parameter."""
    given = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    shape = {name: value for name, value in given.items() if name != "description"}
    text = schema.get("description") or given.get("description")
    return {"schema": shape} if text is None else {"description": text, "schema": shape}


def _refusals(operation: Operation, problem: Json) -> Json:
    answers: Json = {}
    for status, codes in refusals(operation).items():
        content = _content(problem)
        if status == examples.PROBLEM.status:
            content["example"] = msgspec.to_builtins(examples.PROBLEM)
        answers[str(status)] = {
            "description": "\n".join(f"- `{code.value}` {code.zh} · {code.en}" for code in codes),
            "content": {MEDIA_TYPE: content},
        }
        if operation.changes and any(code.family is Family.REFUSED for code in codes):
            answers[str(status)]["headers"] = _REPLAYED
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            answers[str(status)]["headers"] = _RETRY_AFTER
    return answers


def _content(schema: Json) -> Json:
    return {"schema": schema}
