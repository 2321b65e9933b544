"""The demo's fixed keys and its three requests, one for each door. For the loopback only: they are public.

Each request is shell text that works when pasted while the demo runs.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import msgspec

from hexiao.demo.catalogue import KINGDEE_SHOP, MAIN_STREET, MERCHANT_ID, PICKLES_SKU
from hexiao.demo.samples import ZVCMS_CODE
from hexiao.domain.party import Credential, Role
from hexiao.gateways.kingdee.account import ACCOUNT_DOOR, APPLICATION_DOOR, AccountSet, Application
from hexiao.gateways.zvcms.account import DOOR as ZVCMS_DOOR
from hexiao.gateways.zvcms.account import Account, seal_account
from hexiao.vault import Vault, place_of
from hexiao.web.auth import DOOR as API_DOOR
from hexiao.web.auth import hash_key

BASE_URL = "http://127.0.0.1:8080"

ADMIN_KEY = "demo-admin-key"
TILL_KEY = "demo-till-key"

KINGDEE_CLIENT_ID = "205022"
KINGDEE_APP_KEY = "demoKey1"
KINGDEE_APPLICATION = Application(client_secret="75eb3c7cd5974c3018d6934e142b5f81")  # noqa: S106 (public on purpose)
KINGDEE_ACCOUNT_SET = AccountSet(
    app_secret="0123456789abcdef0123456789abcdef01234567",  # noqa: S106
    client_id=KINGDEE_CLIENT_ID,
    outer_instance_id="173053163000000001",
    account_id="1730531630000000001",
    account_name="笑儿食品（演示账套）",
    uid=173053163,
)

ZVCMS_OPEN_ID = "6dc05b4ac175cf316d226252b05cf685"
ZVCMS_ACCOUNT = Account(open_key="hexiao-demo-open-key-0123456789abcdef0123456789abcd", grant_code="782c281f62")

ZVCMS_ACTION = "coupon.off-coupon"
ZVCMS_PARAMS = {"code": ZVCMS_CODE}


def credentials(vault: Vault) -> list[Credential]:
    """What lets the fixed keys in. The admin key comes last: where it is, the demo is complete."""
    application, account_set = msgspec.json.encode(KINGDEE_APPLICATION), msgspec.json.encode(KINGDEE_ACCOUNT_SET)
    kingdee = place_of(APPLICATION_DOOR, KINGDEE_CLIENT_ID), place_of(ACCOUNT_DOOR, KINGDEE_APP_KEY)
    return [
        _credential(1, APPLICATION_DOOR, KINGDEE_CLIENT_ID, "demo-kingdee", vault.seal(application, kingdee[0])),
        _credential(2, ACCOUNT_DOOR, KINGDEE_APP_KEY, "demo-kingdee-account", vault.seal(account_set, kingdee[1])),
        _credential(3, ZVCMS_DOOR, ZVCMS_OPEN_ID, "demo-zvcms", seal_account(vault, ZVCMS_OPEN_ID, ZVCMS_ACCOUNT)),
        _credential(4, API_DOOR, hash_key(TILL_KEY), "demo-till", role=Role.TILL),
        _credential(5, API_DOOR, hash_key(ADMIN_KEY), "demo-admin", role=Role.ADMIN),
    ]


def _credential(
    id: int, door: str, public_id: str, name: str, sealed: bytes = b"", role: Role = Role.READ
) -> Credential:
    return Credential(
        id=id, merchant_id=MERCHANT_ID, door=door, public_id=public_id, name=name, role=role, sealed=sealed
    )


def demo_credentials() -> tuple[tuple[str, str], ...]:
    """(what it is, its value), to be printed."""
    return (
        ("/v1, admin", ADMIN_KEY),
        ("/v1, till", TILL_KEY),
        ("Kingdee client id", KINGDEE_CLIENT_ID),
        ("Kingdee client secret", KINGDEE_APPLICATION.client_secret),
        ("Kingdee app key", KINGDEE_APP_KEY),
        ("Kingdee app secret", KINGDEE_ACCOUNT_SET.app_secret),
        ("Kingdee outerInstanceId", KINGDEE_ACCOUNT_SET.outer_instance_id),
        ("zvcms OpenId", ZVCMS_OPEN_ID),
        ("zvcms GrantCode", ZVCMS_ACCOUNT.grant_code),
        ("zvcms open key", ZVCMS_ACCOUNT.open_key),
    )


def demo_requests(base_url: str = BASE_URL) -> tuple[tuple[str, str], ...]:
    """(title, shell text): redeem through our API, then ask both vendors' doors for what their documents print."""
    hexiao, base_url = own_command(), base_url.rstrip("/")
    body = msgspec.json.encode(redeem_body()).decode()
    ours = (
        f"curl -sS -w '\\n' {shlex.quote(base_url + '/v1/redemptions')} -H 'Content-Type: application/json' \\\n"
        f"  -H 'Authorization: Bearer {TILL_KEY}' -H 'Idempotency-Key: tour-1' \\\n"
        f"  -d {shlex.quote(body)}"
    )
    kingdee = (
        f"URL={shlex.quote(kingdee_url(base_url))}\n"
        f"{hexiao} keys sign kingdee \"$URL\" | curl -sS -w '\\n' -H @- \"$URL\""
    )  # fmt: skip
    zvcms = (
        f"curl -sS -w '\\n' {shlex.quote(base_url + '/api/v2')} -H 'Content-Type: application/json' \\\n"
        f'  -d "$({hexiao} keys sign zvcms)"'
    )
    return (
        ("Our API: redeem a coupon (again: the same answer) · 核销一张券，重发得到同一答复", ours),
        ("Kingdee: the write-offs of shop 001 · 金蝶：优惠券核销列表", kingdee),
        ("zvcms: a coupon by its code · 智迈：根据核销码获取券详情", zvcms),
    )


def redeem_body() -> dict[str, object]:
    """The body of the demo's redemption."""
    lines = [{"sku": PICKLES_SKU, "name": "笑儿泡菜", "quantity": 6, "unit_price_fen": 980}]
    bill = {"number": "TOUR-1", "shop_id": str(MAIN_STREET), "lines": lines}
    return {"mode": "redeem", "coupons": [{"code": "DEMOMONEY1"}], "bill": bill}


def kingdee_url(base_url: str) -> str:
    """The page that Kingdee's document prints: 001门店, ten rows of thirty."""
    return f"{base_url}/jdy/v2/ls/coupons_write_off?page=1&page_size=10&store_id={KINGDEE_SHOP}"


def own_command() -> str:
    """How to call this very program from a shell that stands in the present folder, activated or not."""
    own, here = Path(sys.prefix) / "bin" / "hexiao", Path.cwd()
    if not own.exists():
        return "hexiao"
    if own.is_relative_to(here) and own.parent != here:
        return shlex.quote(str(own.relative_to(here)))
    on_path = shutil.which("hexiao")
    found = on_path is not None and Path(on_path).resolve() == own.resolve()
    return "hexiao" if found else shlex.quote(str(own))
