"""The browsable description: one page made from the OpenAPI document, 中文 and English side by side, without script."""

from __future__ import annotations

import json
from typing import Any

from hexiao.domain.errors import Code
from hexiao.web.html import Html, join, page, prose, table, tag
from hexiao.web.problems import STATUS

Json = dict[str, Any]


def render(document: Json) -> bytes:
    """The whole page."""
    schemas: Json = document["components"]["schemas"]
    operations = [(path, method, one) for path, ways in document["paths"].items() for method, one in ways.items()]
    sections = [_noun(noun, [one for one in operations if noun["name"] in one[2]["tags"]]) for noun in document["tags"]]
    main = tag(
        "main",
        tag("h1", tag("b", "核销"), " hexiao /v1"),
        *_introduction(document["info"]["description"]),
        tag("p", tag("a", "openapi.json", href="/openapi.json"), " · ", tag("a", "首页 · home", href="/")),
        _first_call(document),
        *sections,
        _codes(),
        tag("h2", "类型 · Types", id="types"),
        *(_schema(name, schema) for name, schema in sorted(schemas.items())),
    )
    return page("hexiao 核销 /v1", tag("div", _navigation(document, operations), main, class_="shell"))


def anchor(method: str, path: str) -> str:
    """Where an operation stands on the page."""
    return method + path.replace("/v1", "").replace("/", "-").replace("{", "").replace("}", "")


def _navigation(document: Json, operations: list[tuple[str, str, Json]]) -> Html:
    parts: list[Html] = [tag("a", tag("b", "核销 hexiao /v1"), href="#")]
    for noun in document["tags"]:
        links = [
            tag(
                "li",
                tag(
                    "a",
                    one["summary"].split(" · ")[0],
                    tag("small", one["operationId"].split(".")[1]),
                    href=f"#{anchor(method, path)}",
                ),
            )
            for path, method, one in operations
            if noun["name"] in one["tags"]
        ]
        parts += [tag("a", tag("b", noun["name"]), href=f"#{noun['name']}"), tag("ul", *links)]
    parts += [tag("a", tag("b", "错误码 · codes"), href="#codes"), tag("a", tag("b", "类型 · types"), href="#types")]
    return tag("nav", *parts)


def _introduction(text: str) -> list[Html]:
    """The few lines of markdown that the document begins with: paragraphs, then points."""
    paragraphs, _, points = text.partition("\n\n- ")
    return [
        tag("p", prose(paragraphs), class_="pre"),
        tag("ul", *(tag("li", prose(point), class_="pre") for point in points.split("\n- "))),
    ]


def _first_call(document: Json) -> Html:
    path = "/v1/redemptions"
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
    call = (
        f"curl -sS http://127.0.0.1:8080{path} \\\n"
        "  -H 'Authorization: Bearer <key>' -H 'Idempotency-Key: till-7-000123' \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d '{json.dumps(body, ensure_ascii=False)}'"
    )
    return join(tag("h3", "主要的一个调用 · the main call"), tag("pre", tag("code", call)))


def _noun(noun: Json, operations: list[tuple[str, str, Json]]) -> Html:
    return join(
        tag("h2", noun["name"], id=noun["name"]),
        tag("p", noun["description"], class_="soft"),
        *(_operation(path, method, one) for path, method, one in operations),
    )


def _operation(path: str, method: str, one: Json) -> Html:
    summary = tag(
        "summary",
        tag("span", method.upper(), class_=f"method {method}"),
        tag("code", path),
        tag("span", one["summary"], class_="soft"),
    )
    parts = [
        tag("p", prose(one["description"])),
        tag("p", "角色 · roles: ", *(join(tag("code", role), " ") for role in one["x-roles"])),
        _parameters(one["parameters"]),
    ]
    if "requestBody" in one:
        parts.append(tag("h3", "请求 · request"))
        parts.append(_content(one["requestBody"]["content"]["application/json"]))
    for status, answer in one["responses"].items():
        if status.startswith("2"):
            parts.append(tag("h3", f"答复 · answer {status}"))
            parts.append(_content(answer["content"]["application/json"]))
    parts.append(tag("h3", "拒绝 · refusals"))
    parts.append(table(("HTTP", "code"), [_refusal(*no) for no in one["responses"].items() if no[0] >= "4"]))
    # The id stands inside, so that a link opens what is folded.
    return tag("details", summary, tag("div", *parts, id=anchor(method, path)))


def _refusal(status: str, answer: Json) -> tuple[str, str]:
    codes = [line.split("`")[1] for line in answer["description"].splitlines()]
    return status, join(*(join(tag("a", tag("code", code), href=f"#{code}"), " ") for code in codes))


def _parameters(parameters: list[Json]) -> Html:
    rows: list[tuple[str, ...]] = []
    for parameter in parameters:
        if "$ref" in parameter:
            rows.append(
                (
                    "Idempotency-Key",
                    "header",
                    "string",
                    "请求号，重试时不变 · one for every change, kept across retries",
                )
            )
        else:
            schema = parameter["schema"]
            rows.append((parameter["name"], parameter["in"], _type(schema), prose(parameter.get("description", ""))))
    return table(("参数 · parameter", "", "类型 · type", ""), rows) if rows else Html("")


def _content(content: Json) -> Html:
    parts = [tag("p", _type(content["schema"]))]
    if "example" in content:
        parts.append(tag("pre", tag("code", json.dumps(content["example"], ensure_ascii=False, indent=2))))
    return join(*parts)


def _schema(name: str, schema: Json) -> Html:
    parts = [tag("h3", tag("code", name)), tag("p", prose(schema.get("description", "")))]
    if "properties" in schema:
        required = schema.get("required", [])
        rows: list[tuple[str, ...]] = [
            (
                tag("code", field),
                _type(shape),
                "必填 · required" if field in required else _default(shape),
                prose(shape.get("description", "")),
            )
            for field, shape in schema["properties"].items()
        ]
        parts.append(table(("字段 · field", "类型 · type", "", ""), rows))
    elif "enum" in schema:
        parts.append(tag("p", ", ".join(str(value) for value in schema["enum"])))
    return tag("section", *parts, id=f"type-{name}")


def _default(shape: Json) -> str:
    return "" if shape.get("default") in (None, [], "") else f"默认 · default {json.dumps(shape['default'])}"


def _type(shape: Json) -> Html:
    """A short reading of a JSON schema, with links to the named ones."""
    if "$ref" in shape:
        name = shape["$ref"].rsplit("/", 1)[1]
        return tag("a", tag("code", name), href=f"#type-{name}")
    if "anyOf" in shape:
        return Html(" | ".join(_type(one) for one in shape["anyOf"]))
    if "enum" in shape:
        return join(" · ".join(str(value) for value in shape["enum"]))
    if shape.get("type") == "array":
        inner = shape.get("items") or {}
        return join(_type(inner) if isinstance(inner, dict) else "", " […]", _bounds(shape))
    return join(str(shape.get("const", shape.get("format", shape.get("type", "any")))), _bounds(shape))


def _bounds(shape: Json) -> str:
    low = shape.get("minimum", shape.get("minLength", shape.get("minItems")))
    high = shape.get("maximum", shape.get("maxLength", shape.get("maxItems")))
    if low is None and high is None:
        return ""
    return f" {'' if low is None else low}…{'' if high is None else high}"


def _codes() -> Html:
    head = tag("tr", *(tag("th", cell, scope="col") for cell in ("HTTP", "code", "中文", "English")))
    rows = [
        tag(
            "tr",
            tag("td", str(STATUS[code])),
            tag("td", tag("code", code.value)),
            tag("td", code.zh),
            tag("td", code.en),
            id=code.value,
        )
        for code in Code
    ]
    return join(
        tag("h2", "错误码 · Codes", id="codes"),
        tag(
            "p",
            "一张券有多项不通过时，答复表中的第一项。 If several checks of a coupon fail, the first here is answered.",
            class_="soft",
        ),
        tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="wide"),
    )
