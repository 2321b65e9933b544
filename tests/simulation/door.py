"""The commands of the machine as requests to /v1, and what comes back in the oracle's words.

Written from the API's reference: nothing of the program's own parsing or rendering is used, so both are tested.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from hexiao.domain.bill import Bill
from hexiao.domain.errors import Code
from hexiao.domain.redemption import State
from hexiao.engine.commands import (
    AnyCommand,
    Assess,
    Capture,
    CreateScheme,
    Import,
    Issue,
    LookUp,
    PauseScheme,
    Redeem,
    RedeemEach,
    Release,
    Reverse,
    ReviseScheme,
    Take,
    Void,
)
from simulation.books import Told

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Request(NamedTuple):
    method: str
    path: str
    body: dict[str, Any]


class Heard(NamedTuple):
    told: Told
    replayed: bool
    status: int


class Door:
    """One keep-alive connection with one key; close it."""

    def __init__(self, base_url: str, api_key: str) -> None:
        place = urlsplit(base_url)
        self._line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    def ask(self, request: Request, key: str) -> Heard:
        """`key` is the Idempotency-Key, where there is one."""
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        body = json.dumps(request.body) if request.method == "POST" else None
        self._line.request(request.method, request.path, body, headers)
        answer = self._line.getresponse()
        content = json.loads(answer.read())
        replayed = answer.getheader("Idempotent-Replay") == "true"
        return Heard(_refusal(content) if answer.status >= 400 else _success(content), replayed, answer.status)

    def close(self) -> None:
        self._line.close()


def request_for(command: AnyCommand) -> Request | None:
    """None when the door has no such thing."""
    match command:
        case CreateScheme():
            body = {"number": command.number, "name": command.name}
            return Request("POST", "/v1/schemes", body | _parts(command))
        case ReviseScheme():
            return Request("POST", f"/v1/schemes/{command.scheme_id}/versions", _parts(command))
        case PauseScheme():
            return Request("POST", f"/v1/schemes/{command.scheme_id}/{'pause' if command.paused else 'resume'}", {})
        case Issue():
            body = _given(scheme_id=str(command.scheme_id), member_id=_text(command.member_id))
            if command.quantity == 1:
                return Request("POST", "/v1/coupons", body)
            return Request("POST", "/v1/coupons/batch", body | {"quantity": command.quantity})
        case Import():
            coupons = [
                _given(
                    code=one.code,
                    member_id=_text(one.member_id),
                    received_at=None if one.received_at is None else _instant(one.received_at),
                    face_fen=one.face_fen,
                )
                for one in command.coupons
            ]
            return Request("POST", "/v1/coupons/import", {"scheme_id": str(command.scheme_id), "coupons": coupons})
        case Void():
            return Request("POST", f"/v1/coupons/{quote(command.code)}/void", {})
        case LookUp():
            return Request("GET", f"/v1/coupons/{quote(command.code)}", {})
        case Assess():
            return Request("POST", "/v1/assessments", {"coupons": _takes(command.coupons), "bill": _bill(command.bill)})
        case Redeem():
            return Request("POST", "/v1/redemptions", _redeem(command))
        case RedeemEach():
            return Request("POST", "/v1/redemptions/batch", {"items": [_redeem(item) for item in command.items]})
        case Capture() | Release() | Reverse():
            amount, lines = getattr(command, "amount_fen", None), getattr(command, "lines", None)
            path = f"/v1/redemptions/{command.redemption_id}/{type(command).__name__.lower()}"
            return Request("POST", path, _given(amount_fen=amount, lines=lines))
    return None


def beyond_bounds(request: Request) -> bool:
    """Whether it holds an amount that nobody can take off a bill; the door does not let that through."""
    amounts = [request.body.get("amount_fen"), *(take.get("amount_fen") for take in request.body.get("coupons", ()))]
    return any(amount is not None and amount < 1 for amount in amounts)


# Asking.


def _parts(command: CreateScheme | ReviseScheme) -> dict[str, Any]:
    return _given(terms=msgspec.to_builtins(command.terms), benefit=msgspec.to_builtins(command.benefit))


def _redeem(command: Redeem) -> dict[str, Any]:
    return {"mode": command.mode, "coupons": _takes(command.coupons), "bill": _bill(command.bill)}


def _takes(takes: Sequence[Take]) -> list[dict[str, Any]]:
    return [_given(code=take.code, amount_fen=take.amount_fen) for take in takes]


def _bill(bill: Bill) -> dict[str, Any]:
    lines = [
        {"sku": line.sku, "category": line.category, "quantity": line.quantity, "unit_price_fen": line.unit_price_fen}
        for line in bill.lines
    ]
    place = {"number": bill.number, "shop_id": str(bill.shop_id), "scene": bill.scene.value, "lines": lines}
    return place | _given(member_id=_text(bill.member_id))


def _given(**fields: Any) -> dict[str, Any]:
    """Without what is left out."""
    return {name: value for name, value in fields.items() if value is not None}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _instant(at: int) -> str:
    return (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")


# Hearing.


def _success(body: dict[str, Any]) -> Told:
    match body:
        case {"results": results}:
            return {"each": [_success(one) if "redemptions" in one else _refusal(one["problem"]) for one in results]}
        case {"redemptions": uses}:
            return {"uses": [_view(one) for one in uses]}
        case {"assessments": judged}:
            return {"assessed": [(_failures(one["verdicts"]), one["lines"]) for one in judged]}
        case {"coupons": coupons}:
            return {"coupons": [_balance(one) for one in coupons]}
        case {"scheme": _}:
            return {"found": _balance(body)}
        case {"face": _}:
            return {"coupons": [_balance(body)]}
        case {"version": version, "paused": paused}:
            return {"version": version, "paused": paused}
    return {"uses": [_view(body)]}


def _refusal(problem: dict[str, Any]) -> Told:
    verdicts = [_failures(list(each)) for _, each in groupby(problem["verdicts"], lambda verdict: verdict["coupon"])]
    use = _view(problem["redemption"]) if "redemption" in problem else None
    facts = {name: _plain(fact) for name, fact in problem["facts"].items()}
    return {"no": msgspec.convert(problem["code"], Code), "facts": facts, "verdicts": verdicts, "use": use}


def _failures(verdicts: Sequence[dict[str, Any]]) -> list[Code]:
    assert len({verdict["code"] for verdict in verdicts}) == len(verdicts) == 18
    return [msgspec.convert(verdict["code"], Code) for verdict in verdicts if not verdict["ok"]]


def _balance(coupon: dict[str, Any]) -> Told:
    return {
        "code": coupon["code"],
        "face": coupon["face_fen"],
        "times": coupon["uses_max"],
        "valid": (_plain(coupon["valid_from_at"]), _plain(coupon["valid_until_at"])),
        "member": None if coupon["member_id"] is None else int(coupon["member_id"]),
        "fen": (coupon["held_fen"], coupon["captured_fen"]),
        "uses": (coupon["held_uses"], coupon["captured_uses"]),
        "voided": coupon["voided_at"] is not None,
    }


def _view(use: dict[str, Any]) -> Told:
    return {
        "id": int(use["id"]),
        "code": use["code"],
        "state": State[use["state"].upper()],
        "next": use["allowed"],
        "left": (use["coupon_left_fen"], use["coupon_left_uses"]),
        "fen": (use["held_fen"], use["captured_fen"], use["reversed_fen"]),
        "lines": use["lines"],
        "returned": use["returned"],
    }


def _plain(fact: Any) -> Any:
    """An instant as UTC ms, anything else as it is."""
    if isinstance(fact, str) and INSTANT.fullmatch(fact):
        return (datetime.fromisoformat(fact) - EPOCH) // timedelta(milliseconds=1)
    return fact
