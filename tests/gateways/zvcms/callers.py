"""A caller of the zvcms door over real HTTP, and the merchant it asks about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from hexiao.domain.party import Credential, Role
from hexiao.domain.scheme import DaysFromNextDay, DaysFromReceipt, Validity
from hexiao.engine.commands import AnyCommand, Failed, Put, Record
from hexiao.engine.committer import Engine
from hexiao.gateways.zvcms.account import DOOR, Account, seal_account
from hexiao.gateways.zvcms.signing import sign_body
from hexiao.vault import Vault

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "zvcms-v2.json").read_text("utf-8"))
SIGNED = {vector["name"]: vector for vector in VECTORS["sign"]}
DOCUMENTED = json.loads((Path(__file__).parent / "documented-response.json").read_text("utf-8"))
DAYS: dict[int, Callable[[int], Validity]] = {1: DaysFromReceipt, 2: DaysFromNextDay}
"""expire_type → from which day its days are counted."""
DOCS = Path(__file__).parents[3] / "docs" / "reference" / "zvcms.md"

ACTION = "coupon.off-coupon"
OPEN_ID = "6dc05b4ac175cf316d226252b05cf685"
OPEN_KEY = "test-open-key-0123456789abcdef0123456789abcdef0123"
GRANT_CODE = "782c281f62"
MERCHANT = 1


class Caller:
    """Signs as a vendor's client does; `post` sends any bytes."""

    def __init__(self, engine: Engine, vault: Vault, clock: Any) -> None:
        self.engine = engine
        self.vault = vault
        self.clock = clock
        self.url = ""

    def do(self, command: AnyCommand) -> Any:
        outcome = self.engine.call(command).outcome
        assert not isinstance(outcome, Failed), outcome
        return outcome

    def put(self, record: Record) -> None:
        self.do(Put(merchant_id=MERCHANT, record=record))

    def open_account(
        self, open_id: str = OPEN_ID, *, open_key: str = OPEN_KEY, grant_code: str = GRANT_CODE, **settings: Any
    ) -> str:
        account = Account(open_key=open_key, grant_code=grant_code, **settings)
        self.put(
            Credential(
                id=0,
                merchant_id=MERCHANT,
                door=DOOR,
                public_id=open_id,
                name=f"zvcms {open_id}",
                role=Role.READ,
                sealed=seal_account(self.vault, open_id, account),
            )
        )
        return open_id

    def post(self, content: bytes, path: str = "/api/v2", method: str = "POST") -> dict[str, Any]:
        response = httpx.request(
            method, self.url + path, content=content, headers={"Content-Type": "application/json"}, trust_env=False
        )
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        answer = json.loads(response.content)
        assert list(answer)[:3] == ["status", "code", "message"]
        assert ("data" in answer) is (answer["status"] in (True, "true") and answer["code"] in (0, "0"))
        return answer  # type: ignore[no-any-return]

    def send(self, body: object) -> dict[str, Any]:
        return self.post(json.dumps(body).encode())

    def body(
        self,
        params: Mapping[str, object] | None = None,
        *,
        open_id: str = OPEN_ID,
        open_key: str = OPEN_KEY,
        grant_code: str = GRANT_CODE,
        action: str = ACTION,
        nonce: str = "658965",
        seconds_off: int = 0,
        profile: str = "lower4",
    ) -> dict[str, Any]:
        """Signed now, by the clock of the server, `seconds_off` to either side."""
        timestamp = str(self.engine.clock() // 1000 + seconds_off)
        return sign_body(open_id, grant_code, open_key, action, params or {}, nonce, timestamp, profile)

    def ask(self, code: object, **how: Any) -> dict[str, Any]:
        return self.send(self.body({"code": code}, **how))

    def data(self, code: object, **how: Any) -> dict[str, Any]:
        answer = self.ask(code, **how)
        assert (answer["status"], answer["code"]) == (True, 0), answer
        return answer["data"]  # type: ignore[no-any-return]


def outcome(answer: Mapping[str, Any]) -> tuple[Any, Any]:
    return answer["status"], answer["code"]
